"""Rows whose targets are not looked at: an answer never depends on them."""

from collections.abc import Mapping
from pathlib import Path

from equipoise.config import RunConfig
from equipoise.data import Columns, Records, Task, read_records


def read_unlabelled(
    file: Path,
    config: RunConfig,
    tasks: Mapping[str, Task],
    *,
    columns: Columns | None = None,
    default_task: str | None = None,
) -> Records:
    """Read the rows of a file for a trained model; targets that it may have are left out.

    Parameters
    ----------
    file : pathlib.Path
        The rows, in any format that training reads.
    config : RunConfig
        That of the run: how its data was read.
    tasks : mapping of str to Task
        Those of the run.
    columns : Columns, optional
        The names of the columns, if not those of the training data.
    default_task : str, optional
        The task of rows that name none, if not that of the training data or the only one.

    Returns
    -------
    Records
        Every target is empty.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if default_task is None:
        default_task = config.data.default_task or (next(iter(tasks)) if len(tasks) == 1 else None)
    records = read_records(
        str(file),
        columns or config.data.columns,
        default_task=default_task,
        require_target=False,
        limits=config.data.limits,
    )
    return records.with_column("target", [""] * len(records))

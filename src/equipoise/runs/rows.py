"""The rows of a run: read as a configuration says, split, counted and fingerprinted."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from equipoise.base.problems import Problem
from equipoise.base.progress import progress, stage
from equipoise.census import Census
from equipoise.config import DataConfig, RunConfig
from equipoise.data import Records, Task, TaskOptions, infer_tasks, read_records
from equipoise.data.columns import SPLITS
from equipoise.data.counting import count_training_rows
from equipoise.data.infer import tasks_of_counts
from equipoise.data.prepared.rows import derived
from equipoise.data.splits.splits import split_codes, with_splits
from equipoise.data.suite import explain_problems, load_suite, suite_tasks
from equipoise.errors import ConfigError, DataError

SUITE = "suite:"
_ROWS_AT_ONCE = 65_536
_APART = SPLITS.index("validation")  # in two halves, of which the first stays


def read_source(data: DataConfig, cache: Path | None = None) -> Records:
    """Read the records that a configuration names, with splits only if the source has them; show the progress.

    Parameters
    ----------
    data : DataConfig
        The source, and how it is read.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`; without it they are in memory.

    Raises
    ------
    DataError
        If the source cannot be read or a row cannot be used.
    ConfigError
        If `data.text` is set for a source that is not a suite.
    """
    if isinstance(data.source, str) and data.source.startswith(SUITE):
        return load_suite(data.source.removeprefix(SUITE), text=data.text or "binned")
    if data.text is not None:
        raise ConfigError("not-a-suite", f"`data.text` is only for suites, found {data.text!r}. Leave it out.")
    source = data.source if isinstance(data.source, str) else list(data.source)
    with progress(None, "reading", "row") as bar:
        return read_records(source, **data.reading, cache=cache, on_rows=bar.update)


def explained(data: DataConfig, problems: Sequence[Problem]) -> Sequence[Problem]:
    """Return the problems of the rows, those of a suite's own rows as one note."""
    if isinstance(data.source, str) and data.source.startswith(SUITE):
        return explain_problems(data.source.removeprefix(SUITE), data.text or "binned", problems)
    return problems


def load_records(config: RunConfig, cache: Path | None = None) -> Records:
    """Read the records that a configuration names, and assign splits if they have none; as `read_source`."""
    records = read_source(config.data, cache)
    if records.has("split"):
        return records
    split, options = config.data.split, task_options(config)
    kinds = {name: option.declared_kind for name, option in options.items()}
    of = {"fractions": split.fractions, "seed": split.seed, "kinds": sorted(kinds.items())}
    with stage("assigning splits"):
        codes = derived(records, "splits", of, lambda: split_codes(records, split.fractions, split.seed, options))
    pa.default_memory_pool().release_unused()  # which Arrow would keep for what it does next
    return with_splits(records, codes)


def set_apart(records: Records, tasks: Mapping[str, Task], seed: int) -> tuple[Records, Records]:
    """Take half of the validation rows for feedback alone; what chooses or calibrates the model never sees them.

    A group is never divided, and half of each label goes to either side; of a single group the validation keeps it.

    Parameters
    ----------
    records : Records
        All rows, with splits.
    tasks : mapping of str to Task
        The tasks of the run.
    seed : int
        The seed of the splits.

    Returns
    -------
    rest, feedback : Records
        All other rows, and those of feedback.

    Raises
    ------
    DataError
        If there are no rows for feedback.

    Examples
    --------
    >>> rows = {"task": ["a"] * 9, "input": list("012345678"), "target": ["yes", "no", "no"] * 3}
    >>> records = Records.from_dict(rows | {"split": ["train"] * 3 + ["validation"] * 6})
    >>> rest, feedback = set_apart(records, infer_tasks(records), seed=0)
    >>> rows_by_split(rest)["validation"], sorted(feedback.column("target").to_pylist())
    (3, ['no', 'no', 'yes'])
    """
    places = np.flatnonzero(records.coded("split").is_in(["validation"]) & records.coded("task").is_in(list(tasks)))
    if len(places):
        kinds = {name: TaskOptions(kind=task.kind) for name, task in tasks.items()}
        places = places[split_codes(records.take(places), (0.5, 0.5, 0.0), seed, kinds) == _APART]
    if not len(places):
        raise DataError(
            "no-feedback-rows",
            "`plan.feedback` needs validation rows of at least two groups or inputs, half of which decide the plan, "
            "found fewer. Give the data more validation rows, or leave it out.",
        )
    return records.take(np.setdiff1d(np.arange(len(records)), places)), records.take(places)


def rows_by_split(records: Records) -> dict[str, int]:
    """Return the number of rows in each split, in the order of `SPLITS`."""
    splits = records.coded("split")
    found = dict(zip(splits.names.to_pylist(), splits.counts().tolist(), strict=True))
    return {name: found.get(name, 0) for name in SPLITS}


def task_options(config: RunConfig) -> Mapping[str, TaskOptions]:
    """Return the options of tasks of a suite and of the configuration, which takes precedence."""
    source = config.data.source
    if isinstance(source, str) and source.startswith(SUITE):
        return {**suite_tasks(source.removeprefix(SUITE)), **config.tasks}
    return config.tasks


def census_of(train: Records, tasks: Mapping[str, Task]) -> Census:
    """Count the training rows; an open-ended task is one stratum."""
    columns = {name: train.coded(name).to_arrow() for name in ("task", "target")}
    return Census.from_arrow(pa.table(columns), open_ended_tasks=open_ended(tasks))


def count_labels(config: RunConfig) -> tuple[dict[str, Task], Census]:
    """Count the labels of the training rows and infer the tasks, in little memory and without reading an input.

    Without a column of splits all rows count as training rows. What is wrong with inputs and groups is not seen.

    Raises
    ------
    EquipoiseError
        If the data or the tasks cannot be used.
    """
    source, options = config.data.source, task_options(config)
    if isinstance(source, str) and source.startswith(SUITE):
        train = read_source(config.data).where(split="train")
        tasks = infer_tasks(train, options)
        return tasks, census_of(train, tasks)
    files = source if isinstance(source, str) else list(source)
    counted = count_training_rows(files, **config.data.reading)
    tasks = tasks_of_counts(counted, options)
    totals = dict(zip(counted.tasks, counted.task_counts.tolist(), strict=True))
    labels = {name: counts for name, counts in counted.to_dict().items() if tasks[name].labels}
    return tasks, Census.from_counts(totals | labels)


def open_ended(tasks: Mapping[str, Task]) -> list[str]:
    """Return the names of the open-ended tasks."""
    return [name for name, task in tasks.items() if task.kind == "open_ended"]


def fingerprint(records: Records) -> str:
    """SHA-256 of the 128-bit hashes of the records' strings, in their order, however they were read or taken.

    Examples
    --------
    >>> records = Records.from_dict({"task": ["a", "b"], "input": ["x", "y"], "target": ["no", "free text"]})
    >>> fingerprint(records) == fingerprint(records.take([1, 0]))
    False
    """
    digest = hashlib.sha256()
    for name in records.columns:
        column = records.coded(name).hashed()
        digest.update(f"{name}:{len(column)}:".encode())
        for start in range(0, len(column), _ROWS_AT_ONCE):
            digest.update(column.row_hashes(start, start + _ROWS_AT_ONCE).astype("<u8", copy=False).tobytes())
    return digest.hexdigest()

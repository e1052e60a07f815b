"""Assign splits to groups: stratified, never cutting a group, the same whatever the order of the rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.infer import count_targets, infer_kind
from equipoise.data.records import Records
from equipoise.data.split_names import SPLITS
from equipoise.data.splits.stratified import assign_groups
from equipoise.data.splits.units import Units, rank_by_hash
from equipoise.data.tasks import TaskOptions
from equipoise.errors import DataError

_NONE: Final[Mapping[str, TaskOptions]] = {}


def assign_splits(
    records: Records,
    *,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    options: Mapping[str, TaskOptions] = _NONE,
) -> Records:
    """Split records into train, validation and test by group, stratified by (task, label).

    Rows with the same `group` stay together, across tasks too. A row without a group stays with the rows
    of the same input, whatever their task, so that no input is both trained on and tested on. Groups that
    share an input are not joined; `check_records` reports what that leaves across splits.

    Every stratum has a group in train; with two groups also one in test, and with three one in validation,
    as far as the groups allow. Beyond that, each group goes where the strata that it holds are furthest
    below their fraction. Ties fall by a hash of the seed and the group.

    Parameters
    ----------
    records : Records
        Without a column `split`.
    fractions : sequence of three floats
        Fractions of the rows in train, validation and test; they sum to 1, and that of train is not 0.
    seed : int
        Another seed gives another split.
    options : mapping of str to TaskOptions
        Declares which tasks are open (one stratum each); the kind of others is inferred from all rows as in
        `infer_tasks`.

    Returns
    -------
    Records
        The same rows with a column `split`. It depends on the content of the rows and on the seed alone, not
        on the order of the rows nor on the platform.

    Raises
    ------
    DataError
        The records have splits already, are empty, or the fractions or the seed are not what they should be.

    References
    ----------
    Sechidis, Tsoumakas and Vlahavas (2011), On the stratification of multi-label data: rarest label first.

    Examples
    --------
    >>> records = Records.from_dict(
    ...     {"task": ["a"] * 10, "input": list("0123456789"), "target": ["yes", "no"] * 5}
    ... )
    >>> split = assign_splits(records, fractions=(0.6, 0.2, 0.2)).column("split").to_pylist()
    >>> [split.count(name) for name in ("train", "validation", "test")]
    [6, 2, 2]
    """
    shares = _checked_fractions(fractions)
    if isinstance(seed, bool) or not isinstance(seed, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError(f"`seed` must be an integer, found {seed!r}.")
    if records.has("split"):
        raise DataError("The records have a column `split` already. Use it, or drop it to split anew.")
    if len(records) == 0:
        raise DataError("There are no rows to split.")
    groups, n_groups = rank_by_hash(records, seed)
    strata, n_strata = _strata(records, options)
    assigned = assign_groups(Units.count(groups, n_groups, strata, n_strata), shares)
    names = pa.array(SPLITS, pa.large_string())
    return records.with_column("split", pc.take(names, pa.array(assigned[groups])))


def _checked_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    if len(fractions) != 3:
        raise DataError(f"`fractions` must be those of train, validation and test, found {len(fractions)} values.")
    train, validation, test = (float(fraction) for fraction in fractions)
    total = train + validation + test
    if not (train > 0 and validation >= 0 and test >= 0 and math.isclose(total, 1.0, abs_tol=1e-9)):
        raise DataError(
            "`fractions` must sum to 1, that of train be positive and the others not negative, "
            f"found {train}, {validation} and {test}."
        )
    return train, validation, test


def _strata(records: Records, options: Mapping[str, TaskOptions]) -> tuple[npt.NDArray[np.int64], int]:
    """Number the stratum of each row, the strata sorted by task and label."""
    open_tasks: list[str] = []
    for task, (rows, distinct) in count_targets(records).items():
        said = options.get(task, TaskOptions())
        kind = said.kind or ("classification" if said.verbalisers else None)
        if rows and (kind or infer_kind(rows, distinct)[0]) == "open":
            open_tasks.append(task)
    is_open = pc.is_in(records.column("task"), value_set=pa.array(open_tasks, pa.large_string()))
    label = pc.if_else(is_open, pa.scalar("", pa.large_string()), records.column("target"))
    table = pa.table({"task": records.column("task"), "label": label})
    known = table.group_by(["task", "label"]).aggregate([]).sort_by([("task", "ascending"), ("label", "ascending")])
    task_names = pc.unique(known.column("task"))
    label_names = pc.unique(known.column("label"))
    width = len(label_names)

    def codes(of: pa.Table) -> npt.NDArray[np.int64]:
        task_code = pc.index_in(of.column("task"), value_set=task_names).to_numpy().astype(np.int64)
        label_code = pc.index_in(of.column("label"), value_set=label_names, skip_nulls=False).to_numpy()
        return task_code * width + label_code.astype(np.int64)

    ordered = codes(known)
    by_code = np.argsort(ordered)
    return by_code[np.searchsorted(ordered[by_code], codes(table))], len(ordered)

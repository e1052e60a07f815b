"""Assign splits to groups: stratified, never cutting a group, independent of the order of the rows."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.values import integer
from equipoise.data.coded import numbered
from equipoise.data.columns import SPLITS
from equipoise.data.infer import distinct_targets, open_ended
from equipoise.data.records import Records
from equipoise.data.splits.stratified import Units, assign_groups
from equipoise.data.tasks import Kind, TaskOptions
from equipoise.errors import DataError

_CHUNK: Final = 1 << 16
_NONE: Final[Mapping[str, TaskOptions]] = {}


def assign_splits(
    records: Records,
    *,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    options: Mapping[str, TaskOptions] = _NONE,
) -> Records:
    """Split records into train, validation and test by group, stratified by (task, label).

    Rows with the same `group` stay together, across tasks too; so do groups that are equal in all but their spelling,
    such as 3 and 3.0 (see `check_records`). A row without a group stays with the rows
    of the same input, whatever their task, so that no input is both trained on and tested on. Groups that
    share an input are not joined; `check_records` reports what that leaves across splits.

    Every stratum has a group in train; with two groups also one in test, and with three one in validation,
    as far as the groups allow. Each further group is assigned to the split in which its strata are furthest
    below their fraction. Ties are broken by a hash of the seed and the group.

    Parameters
    ----------
    records : Records
        Without a column `split`.
    fractions : sequence of three floats
        Fractions of the rows in train, validation and test, which sum to 1; that of train is above 0.
    seed : int
        Random seed.
    options : mapping of str to TaskOptions
        Declares which tasks are open-ended (one stratum each); the kind of others is inferred from all rows as
        in `infer_tasks`.

    Returns
    -------
    Records
        The same rows with a column `split`. It depends on the content of the rows and on the seed alone, not
        on the order of the rows nor on the platform.

    Raises
    ------
    DataError
        If the records have splits already or are empty, or the fractions or the seed are not valid.

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
    if records.has("split"):
        raise DataError("splits-exist", "The records have a column `split` already. Use it, or drop it to split again.")
    return with_splits(records, split_codes(records, fractions, seed, options))


def with_splits(records: Records, codes: npt.NDArray[np.int8]) -> Records:
    """Return records with the column `split`, given the position in `SPLITS` of each row's."""
    return records.with_column("split", pa.DictionaryArray.from_arrays(codes, pa.array(SPLITS)))


def split_codes(
    records: Records, fractions: Sequence[float], seed: int, options: Mapping[str, TaskOptions]
) -> npt.NDArray[np.int8]:
    """Return the position in `SPLITS` of the split of each row, shape (N,); arguments and errors as `assign_splits`."""
    shares = _checked_fractions(fractions)
    seed = integer("seed", seed, DataError)
    if len(records) == 0:
        raise DataError("no-rows", "There are no rows to split.")
    groups, n_groups = rank_by_hash(records, seed)
    kinds: dict[str, Kind | None] = {task: said.declared_kind for task, said in options.items()}
    strata, n_strata = records.strata(open_ended(distinct_targets(records), kinds))
    units = Units.count(groups, n_groups, strata, n_strata)
    del strata
    return assign_groups(units, shares)[groups]


def _checked_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    if len(fractions) != 3:
        sentence = f"`fractions` must be those of train, validation and test, found {len(fractions)} values."
        raise DataError("bad-fractions", sentence)
    train, validation, test = (float(fraction) for fraction in fractions)
    total = train + validation + test
    if not (train > 0 and validation >= 0 and test >= 0 and math.isclose(total, 1.0, abs_tol=1e-9)):
        sentence = "`fractions` must sum to 1, that of train be positive and the others not negative"
        raise DataError("bad-fractions", f"{sentence}, found {train}, {validation} and {test}.")
    return train, validation, test


def rank_by_hash(records: Records, seed: int) -> tuple[npt.NDArray[np.integer], int]:
    """Number the unit of each row: ndarray of integers, shape (N,); and return the number of units.

    A unit is a group, or an input for rows without a group. Their order is that of a hash of the seed and the unit.
    """
    inputs = records.coded("input").in_one_spelling()
    held, unit_of_row = {"input:": inputs.names}, inputs.codes
    if records.has("group"):
        groups = records.coded("group").in_one_spelling()
        held["group:"] = groups.names
        wide = np.int32 if len(inputs.names) + len(groups.names) < 1 << 31 else np.int64
        unit_of_row = np.where(groups.codes < 0, unit_of_row, groups.codes + wide(len(inputs.names)))
        del groups
    del inputs
    unit_of_row, used = numbered(unit_of_row, sum(map(len, held.values())))
    hashes = np.empty((len(used), 2), np.uint64)
    start = 0
    for prefix, names in held.items():  # so that a group is never an input
        here = (used >= start) & (used < start + len(names))
        hashes[here] = _hashes(prefix.encode(), names, used[here] - start, seed)
        start += len(names)
    rank = np.empty(len(used), dtype=unit_of_row.dtype)
    rank[np.lexsort((hashes[:, 1], hashes[:, 0]))] = np.arange(len(used))
    return rank[unit_of_row], len(used)


def _hashes(prefix: bytes, names: pa.Array, chosen: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """Hash the chosen names to 128 bits; strings become Python objects only some at a time."""
    key = str(seed).encode()[-hashlib.blake2b.MAX_KEY_SIZE :]
    hashes = np.empty((len(chosen), 2), np.uint64)
    for start in range(0, len(chosen), _CHUNK):
        part = names.take(pa.array(chosen[start : start + _CHUNK])).cast(pa.large_binary()).to_pylist()
        joined = b"".join(hashlib.blake2b(prefix + name, digest_size=16, key=key).digest() for name in part)
        hashes[start : start + _CHUNK] = np.frombuffer(joined, ">u8").reshape(-1, 2)
    return hashes

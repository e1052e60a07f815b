"""Units of a split: the groups of rows that stay together, and their counts of every stratum."""

import dataclasses
import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.keys import mix
from equipoise.data.records import Records

_CHUNK = 1 << 16
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # so that 0 is mixed too


@dataclasses.dataclass(frozen=True, slots=True)
class Units:
    """A sparse matrix of counts, unit by stratum (compressed sparse rows).

    Parameters
    ----------
    starts : ndarray of int64, shape (units + 1,)
        The entries of unit u are those from `starts[u]` to `starts[u + 1]`.
    strata : ndarray of int64, shape (entries,)
        Stratum of each entry, ascending within a unit.
    counts : ndarray of int64, shape (entries,)
        Number of rows of each entry.
    n_strata : int
        Number of strata.
    """

    starts: npt.NDArray[np.int64]
    strata: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    n_strata: int

    @classmethod
    def count(
        cls, unit_of_row: npt.NDArray[np.int64], n_units: int, stratum_of_row: npt.NDArray[np.int64], n_strata: int
    ) -> "Units":
        """Count the rows of every unit in every stratum.

        Examples
        --------
        >>> units = Units.count(np.array([0, 1, 0]), 2, np.array([1, 0, 1]), 2)
        >>> units.starts.tolist(), units.strata.tolist(), units.counts.tolist()
        ([0, 1, 2], [1, 0], [2, 1])
        """
        cells, counts = np.unique(unit_of_row * n_strata + stratum_of_row, return_counts=True)
        starts = np.searchsorted(cells, np.arange(n_units + 1, dtype=np.int64) * n_strata)
        return cls(starts.astype(np.int64), cells % n_strata, counts.astype(np.int64), n_strata)

    def signatures(self) -> npt.NDArray[np.uint64]:
        """Return for each unit a number that depends only on its counts: ndarray of uint64, shape (units,)."""
        mixed = mix((mix(self.strata.astype(np.uint64) + _GOLDEN) ^ self.counts.astype(np.uint64)) + _GOLDEN)
        return np.add.reduceat(mixed, self.starts[:-1])


def rank_by_hash(records: Records, seed: int) -> tuple[npt.NDArray[np.int64], int]:
    """Number the unit of each row; their order is that of a hash of the seed and the unit.

    A unit is a group, or an input for rows without a group.

    Returns
    -------
    units : ndarray of int64, shape (N,)
        Unit of each row.
    n_units : int
        Number of units.
    """
    inputs = records.coded("input")
    held, unit_of_row = {"input:": inputs.names}, inputs.codes.astype(np.int64)
    if records.has("group"):
        groups = records.coded("group")
        held["group:"] = groups.names
        unit_of_row = np.where(groups.codes < 0, unit_of_row, groups.codes + len(inputs.names))
    used, unit_of_row = np.unique(unit_of_row, return_inverse=True)
    hashes = np.empty((len(used), 2), np.uint64)
    start = 0
    for prefix, names in held.items():  # so that a group is never an input
        here = (used >= start) & (used < start + len(names))
        hashes[here] = _hashes(prefix.encode(), names, used[here] - start, seed)
        start += len(names)
    rank = np.empty(len(used), dtype=np.int64)
    rank[np.lexsort((hashes[:, 1], hashes[:, 0]))] = np.arange(len(used))
    return rank[unit_of_row], len(used)


def _hashes(prefix: bytes, names: pa.Array, chosen: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """Hash the chosen names to 128 bits; strings become Python objects only some at a time."""
    key = str(seed).encode()[-hashlib.blake2b.MAX_KEY_SIZE :]
    parts: list[bytes] = []
    for start in range(0, len(chosen), _CHUNK):
        parts.extend(
            hashlib.blake2b(prefix + name, digest_size=16, key=key).digest()
            for name in names.take(pa.array(chosen[start : start + _CHUNK])).cast(pa.large_binary()).to_pylist()
        )
    return np.frombuffer(b"".join(parts), dtype=">u8").astype(np.uint64).reshape(-1, 2)

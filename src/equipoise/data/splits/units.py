"""Units of a split: the groups of rows that stay together, and what each holds of every stratum."""

import dataclasses
import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.records import Records

_CHUNK = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Units:
    """A sparse matrix of counts, unit by stratum, in rows.

    Parameters
    ----------
    starts : int64 array [units + 1]
        The entries of unit u are those from `starts[u]` to `starts[u + 1]`.
    strata : int64 array [entries]
        Stratum of each entry, ascending within a unit.
    counts : int64 array [entries]
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
        """Give each unit a number that depends on its counts alone, equal for units with equal counts."""
        mixed = _mix(_mix(self.strata.astype(np.uint64)) ^ self.counts.astype(np.uint64))
        return np.add.reduceat(mixed, self.starts[:-1])


def rank_by_hash(records: Records, seed: int) -> tuple[npt.NDArray[np.int64], int]:
    """Number the unit of each row; the numbers follow a hash of the seed and the unit, not the rows.

    A unit is a group, and for rows without a group an input.

    Returns
    -------
    units : int64 array [rows]
        Unit of each row.
    n_units : int
        Number of units.
    """
    keys = _prefixed("input:", records.column("input"))
    if records.has("group"):
        keys = pc.coalesce(_prefixed("group:", records.column("group")), keys)
    coded = keys.combine_chunks().dictionary_encode()
    hashes = _hashes(coded.dictionary, seed)
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[coded.indices.to_numpy()], len(order)


def _prefixed(prefix: str, names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put the prefix before every name, so that a group is never an input; null stays null."""
    text = pa.large_string()
    return pc.binary_join_element_wise(pa.scalar(prefix, text), names, pa.scalar("", text))


def _hashes(names: pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    """Hash every name to 128 bits; texts become Python objects only some at a time."""
    key = str(seed).encode()[-hashlib.blake2b.MAX_KEY_SIZE :]
    parts: list[bytes] = []
    for start in range(0, len(names), _CHUNK):
        parts.extend(
            hashlib.blake2b(name.encode(), digest_size=16, key=key).digest()
            for name in names.slice(start, _CHUNK).to_pylist()
        )
    return np.frombuffer(b"".join(parts), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix bits as SplitMix64 does (Steele, Lea and Flood 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

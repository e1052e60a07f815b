"""Which rows of the dataset belong to which stratum: row numbers grouped by stratum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from equipoise.base.keys import digest
from equipoise.base.values import integer
from equipoise.census import Census, Stratum
from equipoise.census.strata import read_only
from equipoise.drawing.grouping import checked_codes, counted, grouped
from equipoise.errors import PlanError
from equipoise.plan import Plan

Values = Sequence[str | None] | Sequence[str] | pa.Array | pa.ChunkedArray | NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class StratumIndex:
    """Row numbers of a dataset, grouped by stratum.

    Make one with `from_labels`, `from_codes` or `from_sizes`.

    Parameters
    ----------
    sizes : ndarray of int64, shape (S,)
        Rows of each stratum, in the order of ``plan.strata``.
    order : ndarray of int32 or int64, shape (N,), or None
        Row numbers, stratum after stratum, rising inside each. None if the dataset already has that order, so that
        row numbers need not be stored.

    Examples
    --------
    >>> index = StratumIndex.from_codes([1, 0, 1, 1])
    >>> index.sizes.tolist(), index.order.tolist()
    ([1, 3], [1, 0, 2, 3])
    >>> len(index)
    4
    """

    sizes: NDArray[np.int64]
    order: NDArray[np.int32] | NDArray[np.int64] | None

    def __len__(self) -> int:
        """Return the number of rows in all strata."""
        return int(self.sizes.sum())

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Place in `order` at which each stratum starts; read-only."""
        return read_only(np.cumsum(self.sizes) - self.sizes)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of which row belongs to which stratum, as hexadecimal digits."""
        return digest(self.sizes) if self.order is None else digest(self.sizes, self.order)

    def rows(self, strata: NDArray[np.integer], places: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the row number of example ``places[i]`` of stratum ``strata[i]``."""
        return self.rows_of_entries(self.starts[strata] + places)

    def rows_of_entries(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row number of each entry of `order`."""
        return entries if self.order is None else self.order.take(entries).astype(np.int64, copy=False)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each row of the dataset the value of its stratum.

        Parameters
        ----------
        values : ndarray, shape (S,)
            One for each stratum, in the order of ``plan.strata``.

        Returns
        -------
        ndarray, shape (N,)
            Of the type of `values`.

        Examples
        --------
        >>> StratumIndex.from_codes([1, 0, 1, 1]).spread(np.array([0.5, 2.0])).tolist()
        [2.0, 0.5, 2.0, 2.0]
        """
        by_stratum = np.repeat(values, self.sizes)
        if self.order is None:
            return by_stratum
        of_row = np.empty_like(by_stratum)
        of_row[self.order] = by_stratum
        return of_row

    def means(self, values: ArrayLike) -> NDArray[np.float64]:
        """Compute the mean over each stratum of a value that every row has, such as its length in tokens.

        Parameters
        ----------
        values : array-like of numbers, shape (N,)
            One for each row of the dataset.

        Returns
        -------
        ndarray of float64, shape (S,)
            0 for strata without rows.

        Raises
        ------
        PlanError
            If there is not one value for each row.

        Examples
        --------
        >>> StratumIndex.from_codes([1, 0, 1, 1]).means([5, 10, 6, 10]).tolist()
        [10.0, 7.0]
        """
        array = np.asarray(values)
        if array.shape != (len(self),):
            raise PlanError(
                "bad-values",
                f"`values` must be one number for each of the {len(self)} rows, found shape {array.shape}.",
            )
        sums = np.bincount(self.spread(np.arange(len(self.sizes))), array, minlength=len(self.sizes))
        return np.divide(sums, self.sizes, out=np.zeros(len(self.sizes)), where=self.sizes > 0)

    @classmethod
    def from_codes(cls, codes: ArrayLike, n_strata: int | None = None) -> "StratumIndex":
        """Group rows by the stratum code of each.

        Parameters
        ----------
        codes : array-like of integers, shape (N,)
            ``codes[row]`` is the position of the row's stratum in ``plan.strata``.
        n_strata : int, optional
            Number of strata; by default one more than the largest code.

        Returns
        -------
        StratumIndex
            It stores 4 bytes for each row (8 from 2**31 rows on).

        Raises
        ------
        PlanError
            If `codes` is not a flat array of integers from 0 to ``n_strata - 1``.
        """
        n_strata = None if n_strata is None else integer("n_strata", n_strata, PlanError)
        array = checked_codes(codes, n_strata)
        count = (int(array.max()) + 1 if array.size else 0) if n_strata is None else n_strata
        sizes = counted(array, count)
        return cls(sizes, grouped([array], sizes))

    @classmethod
    def from_chunks(cls, chunks: Iterable[ArrayLike], sizes: ArrayLike) -> "StratumIndex":
        """Group rows whose codes are read piece by piece, for datasets whose codes should not be in memory at once.

        Parameters
        ----------
        chunks : iterable of array-likes of integers
            Codes as for `from_codes`, in the dataset's order.
        sizes : array-like of integers, shape (S,)
            Rows of each stratum, known beforehand: ``plan.counts``.

        Returns
        -------
        StratumIndex
            It stores 4 bytes for each row (8 from 2**31 rows on); building it needs that, a chunk, and about 50 MB.

        Raises
        ------
        PlanError
            If a code is out of range, or the chunks do not hold as many rows of every stratum as `sizes` says.

        Examples
        --------
        >>> index = StratumIndex.from_chunks(([code, 0] for code in (1, 1)), sizes=[2, 2])
        >>> index.order.tolist()
        [1, 3, 0, 2]
        """
        wanted = cls.from_sizes(sizes).sizes
        return cls(wanted, grouped((checked_codes(chunk, len(wanted)) for chunk in chunks), wanted))

    @classmethod
    def from_sizes(cls, sizes: ArrayLike) -> "StratumIndex":
        """Return the index of a dataset whose rows already are in the order of the strata; nothing is stored for a row.

        Parameters
        ----------
        sizes : array-like of integers, shape (S,)
            Rows of each stratum, in the order of ``plan.strata``.

        Raises
        ------
        PlanError
            If a size is negative or not an integer.

        Examples
        --------
        >>> len(StratumIndex.from_sizes([3, 1_000_000_000]))
        1000000003
        """
        array = np.asarray(sizes)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
            raise PlanError("bad-sizes", f"`sizes` must be a flat array of integers from 0, found {sizes!r}.")
        return cls(array.astype(np.int64), None)

    @classmethod
    def from_labels(
        cls,
        plan: Plan | Census,
        tasks: Values,
        labels: Values,
    ) -> "StratumIndex":
        """Group rows by their task and label.

        Parameters
        ----------
        plan : Plan or Census
            The plan that the rows are drawn by, or the census that it is built from: their strata are the same.
        tasks, labels : sequences of str, or pyarrow arrays, length N
            Task and label of each row of the dataset, in the dataset's order. Labels of an open-ended task (one
            stratum, whose label is None) are ignored.

        Raises
        ------
        PlanError
            If the lengths differ, a row has a task or label that the plan does not know, or the rows of a stratum
            are not as many as the plan counted.

        Examples
        --------
        >>> from equipoise import Census, Plan
        >>> tasks, labels = ["triage"] * 3, ["urgent", "routine", "routine"]
        >>> plan = Plan.build(Census.from_labels(tasks, labels))
        >>> plan.strata
        (Stratum(task='triage', label='routine'), Stratum(task='triage', label='urgent'))
        >>> StratumIndex.from_labels(plan, tasks, labels).order.tolist()
        [1, 2, 0]
        """
        if len(tasks) != len(labels):
            raise PlanError(
                "unequal-lengths",
                f"`tasks` and `labels` must be equally long, found {len(tasks)} and {len(labels)}. "
                "Pass one task and one label for each row of the dataset.",
            )
        task_codes, task_names = _encode(tasks)
        label_codes, label_names = _encode(labels)
        pairs = task_codes * len(label_names) + label_codes
        seen, of_row = np.unique(pairs, return_inverse=True)
        positions = {stratum: position for position, stratum in enumerate(plan.strata)}
        to_stratum = np.empty(len(seen), dtype=np.int32)
        for number, pair in enumerate(seen.tolist()):
            task, label = task_names[pair // len(label_names)], label_names[pair % len(label_names)]
            position = positions.get(Stratum(str(task), None), positions.get(Stratum(str(task), label)))
            if position is None:
                row = int(np.argmax(pairs == pair))
                raise PlanError(
                    "unknown-stratum",
                    f"Row {row} has task {task!r} and label {label!r}, which the plan does not know. "
                    "Build the plan from the census of the same rows, or leave the row out.",
                )
            to_stratum[number] = position
        index = cls.from_codes(to_stratum[of_row], len(plan.strata))
        check_sizes(plan, index)
        return index


def check_sizes(plan: Plan | Census, index: StratumIndex) -> None:
    """Raise PlanError if the index has not as many rows in every stratum as the plan counted."""
    if len(index.sizes) != len(plan.strata):
        raise PlanError(
            "other-strata",
            f"`index` has {len(index.sizes)} strata and the plan has {len(plan.strata)}. "
            "Make the index with the same plan: StratumIndex.from_labels(plan, tasks, labels).",
        )
    wrong = np.flatnonzero(index.sizes != plan.counts)
    if wrong.size:
        position = int(wrong[0])
        stratum = plan.strata[position]
        raise PlanError(
            "other-counts",
            f"`index` has {index.sizes[position]} rows of task {stratum.task!r}, label {stratum.label!r}, and the "
            f"plan counted {plan.counts[position]} ({wrong.size} strata differ). "
            "Build the plan from the census of the same rows.",
        )


def _encode(values: Values) -> tuple[NDArray[np.int64], list[str | None]]:
    """Return the codes of the values, and the distinct values with None (a missing label) as one of them."""
    array: Any = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    names: list[str | None] = [*whole.dictionary.to_pylist(), None]
    codes: NDArray[np.int64] = whole.indices.fill_null(len(names) - 1).cast(pa.int64()).to_numpy()
    return codes, names

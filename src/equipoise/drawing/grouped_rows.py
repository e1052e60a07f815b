"""Row numbers of a dataset, grouped by stratum: which row is drawn, and what holds for all rows of a stratum."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.base.keys import digest
from equipoise.census import Stratum
from equipoise.census.strata import read_only
from equipoise.errors import PlanError


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """The rows of a `StratumIndex`; its fields are described there."""

    sizes: NDArray[np.int64]
    order: NDArray[np.int32] | NDArray[np.int64] | None
    strata: tuple[Stratum, ...] | None = None
    skipped: int = 0
    counted: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the rows of all strata."""
        return int(self.sizes.sum())

    @property
    def dataset_rows(self) -> int:
        """Rows of the dataset, with those that are in no stratum."""
        return len(self) + self.skipped

    def part(self, sizes: NDArray[np.int64], ranks: NDArray[np.integer]) -> Self:
        """Return the index of a part of the rows, for a plan of all of them: its shares stay, its passes are shorter.

        The other rows keep their numbers and are never drawn.

        Parameters
        ----------
        sizes : ndarray of int64, shape (S,)
            How many rows of each stratum stay, from 1 for a stratum with rows to all of them.
        ranks : ndarray of integers, shape (N,)
            One for each row of the dataset; in every stratum the rows with the lowest ranks stay, of equal ranks the
            first. So a part with smaller sizes is inside one with larger sizes.

        Raises
        ------
        PlanError
            If a stratum would keep none of its rows, or more than it has.

        Examples
        --------
        >>> index = GroupedRows(np.array([1, 3]), np.array([1, 0, 2, 3]))
        >>> half = index.part(np.array([1, 2]), np.array([7, 0, 9, 5]))
        >>> half.order.tolist(), half.dataset_rows
        ([1, 0, 3], 4)
        """
        wrong = np.flatnonzero((sizes > self.sizes) | (sizes < np.minimum(self.sizes, 1)))
        if wrong.size:
            raise PlanError(
                "bad-sizes",
                f"`sizes` must be from 1 to {self.sizes[wrong[0]]} in stratum {wrong[0]}, found {sizes[wrong[0]]}.",
            )
        rows = np.arange(len(self), dtype=np.int64) if self.order is None else self.order
        strata = np.repeat(np.arange(len(self.sizes)), self.sizes)
        ordered = np.lexsort((ranks[rows], strata))  # stable: of equal ranks the first rows
        places = np.arange(len(rows)) - self.starts[strata]
        kept = rows[np.sort(ordered[places < sizes[strata]])]
        left_out = len(self) - len(kept)
        return replace(self, sizes=sizes, order=kept, skipped=self.skipped + left_out, counted=self.sizes)

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
        """Return for each row of the dataset the value of its stratum; 0 for rows in none.

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
        >>> GroupedRows(np.array([1, 3]), np.array([1, 0, 2, 3])).spread(np.array([0.5, 2.0])).tolist()
        [2.0, 0.5, 2.0, 2.0]
        """
        by_stratum = np.repeat(values, self.sizes)
        if self.order is None:
            return by_stratum
        of_row = np.zeros(self.dataset_rows, by_stratum.dtype)
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
        >>> GroupedRows(np.array([1, 3]), np.array([1, 0, 2, 3])).means([5, 10, 6, 10]).tolist()
        [10.0, 7.0]
        """
        array = np.asarray(values)
        if array.shape != (self.dataset_rows,):
            raise PlanError(
                "bad-values",
                f"`values` must be one number for each of the {self.dataset_rows} rows, found shape {array.shape}.",
            )
        by_stratum = array if self.order is None else array[self.order]
        sums = np.bincount(np.repeat(np.arange(len(self.sizes)), self.sizes), by_stratum, minlength=len(self.sizes))
        return np.divide(sums, self.sizes, out=np.zeros(len(self.sizes)), where=self.sizes > 0)

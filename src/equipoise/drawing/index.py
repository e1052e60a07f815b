"""Which rows of the dataset belong to which stratum: row numbers grouped by stratum."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.base.keys import digest
from equipoise.base.values import integer
from equipoise.census import Census, Stratum
from equipoise.census.labels import Labels
from equipoise.census.strata import read_only
from equipoise.drawing.grouping import checked_codes, checked_sizes, counted, grouped
from equipoise.drawing.labelled import check_sizes, codes_of_rows, columns_of_datasets
from equipoise.errors import PlanError
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class StratumIndex:
    """Row numbers of a dataset, grouped by stratum.

    Make one with `from_labels`, `from_datasets`, `from_codes` or `from_sizes`.

    Parameters
    ----------
    sizes : ndarray of int64, shape (S,)
        Rows of each stratum, in the order of ``plan.strata``.
    order : ndarray of int32 or int64, shape (N,), or None
        Row numbers, stratum after stratum, rising inside each. None if the dataset already has that order, so that
        row numbers need not be stored.
    strata : tuple of Stratum, optional
        The strata, where they are known by name.

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
    strata: tuple[Stratum, ...] | None = None

    def __len__(self) -> int:
        """Return the rows of all strata."""
        return int(self.sizes.sum())

    def census(self) -> Census:
        """Return the census of the rows, to build a plan of.

        Raises
        ------
        PlanError
            If the index was made of numbers alone, so that its strata have no names.
        """
        if self.strata is None:
            message = "an index of numbers alone has no census: its strata have no names."
            raise PlanError("no-strata", f"{message} Make it with `from_datasets` or `from_labels`.")
        return Census(self.strata, self.sizes)

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
            As of `from_codes`; building it needs its bytes, a chunk, and about 50 MB.

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
        wanted = checked_sizes(sizes)
        return cls(wanted, grouped((checked_codes(chunk, len(wanted)) for chunk in chunks), wanted))

    @classmethod
    def from_sizes(cls, sizes: Plan | Census | ArrayLike) -> "StratumIndex":
        """Return the index of a dataset whose rows already are in the order of the strata; nothing is stored for a row.

        Parameters
        ----------
        sizes : Plan or Census, or array-like of integers, shape (S,)
            Its counts are the rows of each stratum, in the order of its strata: sorted by task, then by label. Plain
            numbers are accepted where no two are equal: the sampler then refuses any other order.

        Raises
        ------
        PlanError
            If a size is negative or not an integer, or two numbers are equal, so that their order cannot be checked.

        Examples
        --------
        >>> len(StratumIndex.from_sizes(Census.from_counts({"large": 1_000_000_000, "small": 3})))
        1000000003
        """
        if isinstance(sizes, Plan | Census):
            return cls(sizes.counts, None, sizes.strata)
        array = checked_sizes(sizes)
        positive = array[array > 0]
        if len(np.unique(positive)) < len(positive):
            raise PlanError(
                "unnamed-sizes",
                "`sizes` must be a plan or a census where two strata have equally many rows, found numbers alone: "
                "their order could not be checked. Use `StratumIndex.from_sizes(plan)`, or `from_datasets`.",
            )
        return cls(array, None)

    @classmethod
    def from_datasets(
        cls, datasets: Mapping[str, Any], labels: Labels | Mapping[str, Labels] = "label"
    ) -> "StratumIndex":
        """Group the rows of several datasets, one a task, that follow one another as in torch's `ConcatDataset`.

        Parameters
        ----------
        datasets : mapping of str to dataset
            The dataset of each task, in the order of the concatenation: torch Datasets with a length, Hugging Face
            datasets, data frames, Arrow tables, lists of examples.
        labels : str, int or callable, or mapping of str to these or to a sequence, default "label"
            The label of each example: a column's name (or the place in an example that is a tuple), a function of an
            example, or all labels in order, as in `Census.from_labels`; None for an open-ended task. A mapping has one
            for each task. Where a dataset has no columns, the examples are read one by one.

        Raises
        ------
        DataError, PlanError
            If labels are not found, are not as many as the examples, or one is missing, or `labels` has other tasks.

        Examples
        --------
        >>> sepsis = [{"text": "lactate 4.1", "label": 1}, {"text": "afebrile", "label": 0}]
        >>> letters = ["Dear colleague", "Thank you", "To whom it may concern"]
        >>> labels = {"sepsis": "label", "letters": None}
        >>> index = StratumIndex.from_datasets({"sepsis": sepsis, "letters": letters}, labels)
        >>> index.census().to_dict()
        {'letters': 3, 'sepsis': {'0': 1, '1': 1}}
        >>> index.order.tolist()  # rows of ConcatDataset([sepsis, letters])
        [2, 3, 4, 1, 0]
        """
        tasks, column = columns_of_datasets(datasets, labels)
        return cls.from_labels(Census.from_labels(tasks, column), tasks, column)

    @classmethod
    def from_labels(cls, plan: Plan | Census, tasks: Any, labels: Any) -> "StratumIndex":
        """Group rows by their task and label.

        Parameters
        ----------
        plan : Plan or Census
            The plan that the rows are drawn by, or its census.
        tasks, labels : sequences, ndarrays, tensors, Series, Arrow arrays or Hugging Face columns, length N
            Task and label of each row of the dataset, in the dataset's order, as in `Census.from_labels`. Labels of an
            open-ended task (one stratum, whose label is None) are ignored.

        Raises
        ------
        PlanError
            If the lengths differ, a row has a task or label that the plan does not know, or no label where its task
            has labels, or the rows of a stratum are not as many as the plan counted.
        DataError
            If a value is not a label.

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
        codes = codes_of_rows(plan.strata, tasks, labels)
        index = replace(cls.from_codes(codes, len(plan.strata)), strata=plan.strata)
        check_sizes(plan, index)
        return index

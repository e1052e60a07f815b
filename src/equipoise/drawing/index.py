"""Which rows of the dataset belong to which stratum: made of labels, datasets, codes or sizes."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.base.values import integer
from equipoise.census import Census
from equipoise.census.labels import Labels, MissingLabels, check_missing_labels, warn_skipped
from equipoise.drawing.grouped_rows import GroupedRows
from equipoise.drawing.grouping import checked_codes, checked_sizes, counted, grouped
from equipoise.drawing.labelled import check_sizes, codes_of_rows, columns_of_datasets
from equipoise.errors import DataWarning, PlanError
from equipoise.schedule import Drawable


@dataclass(frozen=True, eq=False, repr=False)
class StratumIndex(GroupedRows):
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
    skipped : int, default 0
        Rows of the dataset that are in no stratum. They keep their numbers, and are never drawn.
    counted : ndarray of int64, shape (S,), optional
        Rows of each stratum as the plan counted them, where only a part of them is drawn; see `part`.

    Examples
    --------
    >>> index = StratumIndex.from_codes([1, 0, 1, 1])
    >>> index.sizes.tolist(), index.order.tolist()
    ([1, 3], [1, 0, 2, 3])
    >>> len(index)
    4
    """

    def __repr__(self) -> str:
        skipped = f", {self.skipped:,} skipped" if self.skipped else ""
        return f"StratumIndex({len(self):,} rows, {len(self.sizes)} strata{skipped})"

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
        return Census(self.strata, self.sizes if self.counted is None else self.counted)

    @classmethod
    def from_codes(
        cls, codes: ArrayLike, n_strata: int | None = None, *, missing_labels: MissingLabels = "error"
    ) -> "StratumIndex":
        """Group rows by the stratum code of each.

        Parameters
        ----------
        codes : array-like of integers, shape (N,)
            ``codes[row]`` is the position of the row's stratum in ``plan.strata``.
        n_strata : int, optional
            Number of strata; by default one more than the largest code.
        missing_labels : {"error", "skip"}, default "error"
            "skip": rows whose code is -1 are in no stratum.

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
        check_missing_labels(missing_labels)
        array = checked_codes(codes, n_strata, missing_labels)
        count = (int(array.max()) + 1 if array.size else 0) if n_strata is None else n_strata
        sizes = counted(array, count)
        order, skipped = grouped([array], sizes)
        return cls(sizes, order, skipped=skipped)

    @classmethod
    def from_chunks(
        cls, chunks: Iterable[ArrayLike], sizes: ArrayLike, *, missing_labels: MissingLabels = "error"
    ) -> "StratumIndex":
        """Group rows whose codes are read piece by piece, for datasets whose codes should not be in memory at once.

        Parameters
        ----------
        chunks : iterable of array-likes of integers
            Codes as for `from_codes`, in the dataset's order.
        sizes : array-like of integers, shape (S,)
            Rows of each stratum, known beforehand: ``plan.counts``.
        missing_labels : {"error", "skip"}, default "error"
            As in `from_codes`.

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
        check_missing_labels(missing_labels)
        order, skipped = grouped((checked_codes(chunk, len(wanted), missing_labels) for chunk in chunks), wanted)
        return cls(wanted, order, skipped=skipped)

    @classmethod
    def from_sizes(cls, sizes: Drawable | Census | ArrayLike) -> "StratumIndex":
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
        if isinstance(sizes, Drawable | Census):
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
        cls,
        datasets: Mapping[str, Any],
        labels: Labels | Mapping[str, Labels] = "label",
        *,
        missing_labels: MissingLabels = "error",
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
        missing_labels : {"error", "skip"}, default "error"
            As in `from_labels`; an error where a task with labels has none in any example.

        Raises
        ------
        DataError, PlanError
            If labels are not found, are not as many as the examples, or one is missing and not skipped, or `labels` has
            other tasks.

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
        tasks, column = columns_of_datasets(datasets, labels, missing_labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the index warns of the same rows
            census = Census.from_labels(tasks, column, missing_labels=missing_labels)
        return cls._of(census, tasks, column, missing_labels)

    @classmethod
    def from_labels(
        cls, plan: Drawable | Census, tasks: Any, labels: Any, *, missing_labels: MissingLabels = "error"
    ) -> "StratumIndex":
        """Group rows by their task and label.

        Parameters
        ----------
        plan : Plan or Census
            The plan that the rows are drawn by, or its census.
        tasks, labels : sequences, ndarrays, tensors, Series, Arrow arrays or Hugging Face columns, length N
            Task and label of each row of the dataset, in the dataset's order, as in `Census.from_labels`. Labels of an
            open-ended task (one stratum, whose label is None) are ignored.
        missing_labels : {"error", "skip"}, default "error"
            What is done with rows without a label, of tasks that have labels: with "skip" they keep their numbers, are
            in no stratum and are never drawn; a warning says how many they are.

        Raises
        ------
        PlanError
            If the lengths differ, a row has a task or label that the plan does not know, or no label where its task
            has labels and it is not skipped, or the rows of a stratum are not as many as the plan counted.
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
        return cls._of(plan, tasks, labels, missing_labels)

    @classmethod
    def _of(cls, plan: Drawable | Census, tasks: Any, labels: Any, missing_labels: MissingLabels) -> "StratumIndex":
        codes, skipped = codes_of_rows(plan.strata, tasks, labels, missing_labels)
        warn_skipped(skipped, len(codes), stacklevel=4)
        index = cls.from_codes(codes, len(plan.strata), missing_labels=missing_labels)
        index = replace(index, strata=plan.strata)
        check_sizes(plan, index)
        return index

"""Groups of equally likely examples, as strata: they convert a plan for label sets to a plan for the samplers.

Label sets overlap and are too many to be strata. But equally likely examples can be one stratum: with the largest
factor all examples whose factor is that of the same label, with the mean all that have the same mean.
"""

from dataclasses import dataclass

import numpy as np

from equipoise.census import Census, Stratum
from equipoise.census.strata import stratum_order
from equipoise.drawing import StratumIndex
from equipoise.errors import PlanError
from equipoise.multilabel.factors import Factors
from equipoise.multilabel.label_sets import LabelSets
from equipoise.weights import ClassWeights, LabelFactors
from equipoise.weights.base import FloatArray, IntArray, Labels

NO_LABEL = "(no label)"
"""The stratum of a task's examples without labels."""


@dataclass(frozen=True)
class GroupWeights(ClassWeights):
    """The factor of the examples of each group, as class weights for a plan of groups.

    Parameters
    ----------
    scheme : ClassWeights
        The scheme of the factors, for the plan's text.
    factors : tuple of float
        One for each group of the task, in the census's order.
    """

    scheme: ClassWeights
    factors: tuple[float, ...]

    def __str__(self) -> str:
        return str(self.scheme)

    def formula(self, _n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return the factors; groups always have examples."""
        return np.array(self.factors)


def grouped(
    sets: LabelSets, factors: Factors, schemes: dict[str, ClassWeights]
) -> tuple[Census, StratumIndex, dict[str, GroupWeights]]:
    """Group the examples of each task by the origin of their factor.

    Returns
    -------
    census : Census
        The groups as strata. A task without any labels is one stratum, label None.
    index : StratumIndex
        The group of each example.
    weights : dict of str to GroupWeights
        The factors of the groups of each task that has labels.

    Raises
    ------
    PlanError
        If a label has the name of the group of examples without labels.
    """
    names: list[Stratum] = []
    codes = np.empty(len(sets), dtype=np.int64)
    for number, task in enumerate(sets.tasks):
        rows = np.flatnonzero(sets.task_of_row == number)
        if not rows.size:
            continue
        of_task, of_rows = _groups_of_task(sets, factors, schemes[task], rows)
        codes[rows] = len(names) + of_rows
        names += [Stratum(task, label) for label in of_task]
    order = sorted(range(len(names)), key=lambda number: stratum_order(names[number]))
    codes = np.argsort(order)[codes]
    index = StratumIndex.from_codes(codes, len(names))
    census = Census(tuple(names[number] for number in order), index.sizes)
    of_groups = np.zeros(len(names))
    of_groups[codes] = factors.of_examples  # equal in a group
    weights = {
        task: GroupWeights(schemes[task], tuple(of_groups[census.span(task)].tolist()))
        for task in census.tasks
        if census.labels(task)
    }
    return census, index, weights


def _groups_of_task(
    sets: LabelSets, factors: Factors, scheme: ClassWeights, rows: IntArray
) -> tuple[list[str | None], IntArray]:
    """Return the names of the groups of a task, and the group number of each row."""
    deciding = factors.deciding[rows]
    if (deciding < 0).all():
        return [None], np.zeros(len(rows), dtype=np.int64)
    if isinstance(scheme, LabelFactors) and scheme.aggregate == "mean":
        # Examples without labels are a group of their own, even if others have the same factor.
        keys = np.where(deciding < 0, -1.0, factors.of_examples[rows])
        distinct, of_rows = np.unique(keys, return_inverse=True)
        names = [NO_LABEL if key < 0 else f"factor {key!r}" for key in distinct.tolist()]
        return [*names], of_rows
    present, of_rows = np.unique(deciding, return_inverse=True)
    labels = [NO_LABEL if code < 0 else sets.strata[code].label for code in present.tolist()]
    if labels.count(NO_LABEL) > 1:
        message = f"{NO_LABEL!r} must not be a label: that is the group of examples without labels. Rename it."
        raise PlanError("reserved-label", message)
    return [*labels], of_rows

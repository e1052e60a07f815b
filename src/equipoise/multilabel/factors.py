"""The factors of labels and examples that class weights assign to label sets."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equipoise.errors import PlanError
from equipoise.multilabel.census import MultiLabelCensus
from equipoise.multilabel.label_sets import LabelSets
from equipoise.weights import ClassWeights, LabelFactors, Natural, RepeatFactor

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Factors:
    """Factors of labels and examples.

    Parameters
    ----------
    of_labels : ndarray of float64, shape (S,)
        The factor of each label; 0 without examples.
    of_examples : ndarray of float64, shape (N,)
        The factor of each example.
    deciding : ndarray of int64, shape (N,)
        The label with the largest factor of each example (the rarest of ties); -1 without labels.
    """

    of_labels: FloatArray
    of_examples: FloatArray
    deciding: IntArray


def factors_of(sets: LabelSets, schemes: dict[str, ClassWeights]) -> Factors:
    """Compute the factors of labels and examples, each task by its scheme.

    Raises
    ------
    PlanError
        If a scheme for single-label examples has other examples in its task, or does not fit the labels.
    """
    census = sets.census()
    of_labels = np.concatenate([np.empty(0), *(_label_factors(census, task, schemes[task]) for task in sets.tasks)])
    return Factors(of_labels, _example_factors(sets, of_labels, schemes), deciding_labels(sets, of_labels))


def _label_factors(census: MultiLabelCensus, task: str, scheme: ClassWeights) -> FloatArray:
    span, place = census.span(task), census.tasks.index(task)
    examples, instances = census.examples[span], census.instances[span]
    n = int(census.task_examples[place])
    present = examples > 0
    factors = np.zeros(len(examples))
    if not present.any():
        return factors
    if isinstance(scheme, LabelFactors):
        factors[present] = scheme.factors(examples[present] / n, instances[present] / instances.sum())
        return factors
    if scheme == Natural():
        return present.astype(np.float64)
    if census.task_empty[place] or examples.sum() > n:
        raise PlanError(
            "several-labels",
            f"{scheme} weighs examples of exactly one label each; task {task!r} has {examples.sum() / n:.3g} labels per"
            f" example, and {census.task_empty[place]} examples without labels. Use RepeatFactor or InstanceAware;"
            " RepeatFactor(1, power=gamma) weighs labels as Power(gamma) does.",
        )
    labels = [stratum.label for stratum in census.strata[span]]
    return scheme(examples, labels, task)


def _example_factors(sets: LabelSets, of_labels: FloatArray, schemes: dict[str, ClassWeights]) -> FloatArray:
    rules = [_rule(schemes[task]) for task in sets.tasks]
    is_open = np.bincount(sets.task_of_row[sets.row_of_entry], minlength=len(sets.tasks)) == 0
    empty = np.where(is_open, 1.0, [rule.empty for rule in rules])
    is_mean = np.array([rule.aggregate == "mean" for rule in rules], dtype=np.bool_)
    factors = empty[sets.task_of_row]
    some = sets.lengths > 0
    if some.any():
        of_entries, starts = of_labels[sets.codes], sets.offsets[:-1][some]
        largest = np.maximum.reduceat(of_entries, starts)
        means = np.add.reduceat(of_entries, starts) / sets.lengths[some]
        factors[some] = np.where(is_mean[sets.task_of_row[some]], means, largest)
    return factors


def _rule(scheme: ClassWeights) -> LabelFactors:
    """Return the rule from labels' factors to an example's; with one label per example all rules agree."""
    return scheme if isinstance(scheme, LabelFactors) else RepeatFactor(0.0)


def deciding_labels(sets: LabelSets, of_labels: FloatArray) -> IntArray:
    """Return the code of each example's label with the largest factor, the rarer of ties; -1 without labels."""
    examples = np.bincount(sets.codes, minlength=len(sets.strata))
    order = np.lexsort((np.arange(len(of_labels)), examples, -of_labels))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    deciding = np.full(len(sets), -1, dtype=np.int64)
    some = sets.lengths > 0
    if some.any():
        deciding[some] = order[np.minimum.reduceat(rank[sets.codes], sets.offsets[:-1][some])]
    return deciding

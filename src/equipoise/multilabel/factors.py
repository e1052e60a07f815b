"""The factors of labels and examples that class weights assign to label sets."""

from dataclasses import dataclass

import numpy as np

from equipoise.errors import PlanError
from equipoise.multilabel.census import MultiLabelCensus
from equipoise.multilabel.label_sets import LabelSets
from equipoise.weights import ClassWeights, LabelFactors, Natural, RepeatFactor
from equipoise.weights.base import FloatArray, IntArray


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
    # With one label per example all rules from labels' factors to an example's agree.
    rules = [scheme if isinstance(scheme := schemes[task], LabelFactors) else RepeatFactor(0.0) for task in sets.tasks]
    is_open = np.bincount(sets.task_of_row[sets.row_of_entry], minlength=len(sets.tasks)) == 0
    empty = np.where(is_open, 1.0, [rule.empty for rule in rules])[sets.task_of_row]
    is_mean = np.array([rule.aggregate == "mean" for rule in rules], dtype=np.bool_)[sets.task_of_row]
    of_entries = of_labels[sets.codes]
    largest = sets.over_labels(np.maximum, of_entries, empty)
    means = sets.over_labels(np.add, of_entries, empty) / np.maximum(sets.lengths, 1)
    # The rank of a label: by its factor, the largest first, then by its examples.
    order = np.lexsort((np.arange(len(of_labels)), census.examples, -of_labels))
    first = sets.over_labels(np.minimum, np.argsort(order)[sets.codes], len(order))
    return Factors(of_labels, np.where(is_mean, means, largest), np.append(order, -1)[first])


def _label_factors(census: MultiLabelCensus, task: str, scheme: ClassWeights) -> FloatArray:
    span, place = census.span(task), census.tasks.index(task)
    examples, instances = census.examples[span], census.instances[span]
    n = int(census.task_examples[place])
    present = examples > 0
    if scheme == Natural() or not present.any():
        return present.astype(np.float64)
    if isinstance(scheme, LabelFactors):
        factors = np.zeros(len(examples))
        factors[present] = scheme.factors(examples[present] / n, instances[present] / instances.sum())
        return factors
    if census.task_empty[place] or examples.sum() > n:
        raise PlanError(
            "several-labels",
            f"{scheme} weighs examples of exactly one label each; task {task!r} has {examples.sum() / n:.3g} labels per"
            f" example, and {census.task_empty[place]} examples without labels. Use RepeatFactor or InstanceAware;"
            " RepeatFactor(1, power=gamma) weighs labels as Power(gamma) does.",
        )
    labels = [stratum.label for stratum in census.strata[span]]
    return scheme(examples, labels, task)

"""-sum_k (max_j C[y,j] - C[y,k]) log softmax(z)_k: cross-entropy of what is saved (Narasimhan & Menon 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.priors import FloatArray, LabelPriors
from equipoise.weights import CostMatrix

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CostSensitive(LabelLoss):
    r"""-sum_k G[y,k] log softmax(z)_k, with G[y,k] = max_j C[y,j] - C[y,k] what prediction k saves.

    Its optimum is softmax(z)_k proportional to sum_y p*(y|x) G[y,k], so argmax z is the prediction with the
    smallest expected cost under p*. It is convex in z, unlike the expected cost itself, and its gradient
    does not vanish where the model is confidently wrong. With two labels it is cross-entropy weighted by the
    costs; with costs 0 and 1 it is cross-entropy. With any other costs softmax(z) is not a posterior.
    If costs may change, learn probabilities and decide by costs afterwards.

    Examples whose label has larger total savings weigh more; the weights average 1 over what the loss sees.
    Tasks without a matrix get cross-entropy.

    Parameters
    ----------
    costs : mapping of str to mapping of str to mapping of str to float
        {task: {true label: {predicted label: cost}}}, as in `CostMatrix`: at least 0, and 0 for the true label.

    Raises
    ------
    PlanError
        If a cost is not a finite number of at least 0, or predicting the true label costs something; on
        `prepare`, if the labels do not fit, or no error costs anything.

    References
    ----------
    Narasimhan and Menon (2021), "Training Over-parameterized Models with Non-decomposable Objectives",
    section 3. Elkan (2001), "The Foundations of Cost-Sensitive Learning", for rows that shift by a constant.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> census = Census.from_counts({"triage": {"ill": 50, "unsure": 25, "well": 25}})
    >>> costs = {"ill": {"unsure": 2, "well": 8}, "unsure": {"ill": 1, "well": 1}, "well": {"ill": 1, "unsure": 1}}
    >>> loss = CostSensitive({"triage": costs})
    >>> loss.savings(LabelPriors.of(Plan.build(census, weights="natural"), "triage")).tolist()
    [[8.0, 6.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    name = "cost_sensitive"

    costs: Mapping[str, Mapping[str, Mapping[str, float]]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", CostMatrix(self.costs).costs)

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks of the matrix."""
        return frozenset(self.costs)

    @property
    def assumes_natural_shares(self) -> bool:
        """Costs are of errors at the rate at which they happen."""
        return True

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        savings = self.savings(priors)
        weights = savings.sum(axis=1)
        soft = savings / np.where(weights > 0, weights, 1.0)[:, None]

        def value(scores: Tensor, targets: Tensor) -> Tensor:
            return -(scores.new_tensor(soft)[targets] * scores.log_softmax(dim=1)).sum(dim=1)

        return LabelTerms(value, priors.weights_towards(priors.target * weights))

    def savings(self, priors: LabelPriors) -> FloatArray:
        """Return G, the true labels in rows; the identity for a task without a matrix."""
        if priors.task not in self.costs:
            return np.eye(len(priors.labels))
        CostMatrix(self.costs).check(priors.counts, priors.labels, priors.task)
        rows = self.costs[priors.task]
        costs = np.array(
            [[rows.get(true, {}).get(predicted, 0.0) for predicted in priors.labels] for true in priors.labels]
        )
        return costs.max(axis=1, keepdims=True) - costs

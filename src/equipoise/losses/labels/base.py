"""Losses over the labels of a task: scores of all labels in, one value per example and class weights out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from equipoise.base.schemes import Scheme
from equipoise.errors import DataError
from equipoise.losses.labels.priors import FloatArray, LabelPriors
from equipoise.losses.sums import WeightedSum, exact

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class LabelTerms:
    """A label loss, prepared for one task: values need scores, weights do not.

    The loss of a batch is `total = sum_i w_i c_i v_i` over `weight = sum_i w_i c_i`, with w the importance
    weights of the examples, c the class weights of their labels and v the values. Totals and weights of tasks,
    micro-batches and ranks add up; divide once.

    Parameters
    ----------
    value : callable
        From scores, shape (n, C), in float32 at least, and targets of int64, shape (n,), to values, shape (n,).
    class_weights : ndarray of float64, shape (C,)
        c of each label.
    late_weights : ndarray of float64, shape (C,), optional
        c once `progress` has reached `late_from`.
    late_from : float
        The share of the training after which `late_weights` apply.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    class_weights: FloatArray
    late_weights: FloatArray | None = None
    late_from: float = 1.0

    def values(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each example before weights.

        Parameters
        ----------
        scores : Tensor, shape (examples, labels)
            Log-likelihoods of the labels, or any logits, in any floating type.
        targets : Tensor of int64, shape (examples,)
            The true label of each, as column of the scores.

        Returns
        -------
        Tensor, shape (examples,)
            In float32, or float64 for float64 scores.

        Raises
        ------
        DataError
            If the shapes do not belong together or a target is not a column.
        """
        labels = len(self.class_weights)
        if scores.ndim != 2 or scores.shape[1] != labels or targets.shape != scores.shape[:1]:
            raise DataError(
                "wrong-shape",
                f"`scores` must have the shape (examples, {labels}) and `targets` (examples,),"
                f" found {tuple(scores.shape)} and {tuple(targets.shape)}. Score every label of the task.",
            )
        _check_targets(targets, labels)
        return self.value(exact(scores), targets)

    def weights(self, targets: Tensor, progress: float = 0.0, dtype: torch.dtype | None = None) -> Tensor:
        """Return the class weight of each example.

        Parameters
        ----------
        targets : Tensor of int64, shape (examples,)
            The true labels.
        progress : float
            The share of the training that is done, in [0, 1].
        dtype : torch.dtype, optional
            The type of the result, by default float32.

        Returns
        -------
        Tensor, shape (examples,)
            On the device of `targets`, without gradient.
        """
        import torch

        _check_targets(targets, len(self.class_weights))
        late = self.late_weights is not None and progress >= self.late_from
        table = self.late_weights if late else self.class_weights
        return torch.tensor(table, dtype=dtype or torch.float32, device=targets.device)[targets]

    def sums(self, scores: Tensor, targets: Tensor, example_weight: Tensor, progress: float = 0.0) -> WeightedSum:
        """Return total and weight of a batch of this task.

        Parameters
        ----------
        scores, targets
            As for `values`.
        example_weight : Tensor, shape (examples,)
            The importance weight p*/q of each example.
        progress : float
            As for `weights`.

        Returns
        -------
        WeightedSum
            Scalars in the type of the values.
        """
        values = self.values(scores, targets)
        weights = example_weight.to(values.dtype) * self.weights(targets, progress, values.dtype)
        return WeightedSum((weights * values).sum(), weights.sum().detach())


class LabelLoss(Scheme, ABC):
    """Base of the label losses; to write your own, subclass it as a frozen dataclass with a `name` and `prepare`.

    Scores are summed log-likelihoods of the label texts, log p(text | input), that do not sum to 1 over the
    labels; every loss takes a softmax over the labels of the task. So a constant added to all scores of an
    example changes nothing. A subclass in a file of this package, or in your own code, can be named in a configuration.
    Configurations ask for names and options without torch, so such a file imports torch inside functions.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from equipoise.losses.labels import LogitAdjusted
    >>> priors = LabelPriors("mood", ("glad", "sad"), np.array([3, 1]), np.array([0.75, 0.25]), np.array([0.75, 0.25]))
    >>> part = LogitAdjusted().prepare(priors).sums(torch.zeros(1, 2), torch.tensor([1]), torch.ones(1))
    >>> round(part.total.exp().item(), 4)  # equal scores: 1 / q of the label
    4.0
    """

    kind = "label losses"

    @abstractmethod
    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task.

        Parameters
        ----------
        priors : LabelPriors
            The task.

        Returns
        -------
        LabelTerms

        Raises
        ------
        PlanError
            If the loss does not fit the labels of the task.
        """

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks that the loss names, which must all exist; none for most losses."""
        return frozenset()

    @property
    def replaces_target(self) -> bool:
        """Whether the loss sets its own shares, so that a target of the plan has no effect inside tasks."""
        return False

    @property
    def assumes_natural_shares(self) -> bool:
        """Whether the loss moves labels by counts or costs, whatever the sampler has done already."""
        return False

    def learned_prior(self, _priors: LabelPriors, /) -> FloatArray | None:
        """Return the shares of the labels under which the softmax of the learned scores is a posterior.

        Parameters
        ----------
        priors : LabelPriors
            The task.

        Returns
        -------
        ndarray of float64, shape (C,), or None
            Of the loss's optimum over all functions; None where the loss does not estimate probabilities.
        """
        return None


def _check_targets(targets: Tensor, labels: int) -> None:
    if bool(((targets < 0) | (targets >= labels)).any()):
        raise DataError(
            "unknown-label",
            f"`targets` must be columns from 0 to {labels - 1}, found {targets.min().item()} to"
            f" {targets.max().item()}. Leave out examples whose label the task does not have.",
        )

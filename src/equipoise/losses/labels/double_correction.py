"""Detect that the sampler and the loss both correct the shares of the labels."""

import numpy as np

from equipoise.losses.labels.base import LabelLoss
from equipoise.losses.labels.priors import LabelPriors

FAR = 1.5
"""Shares this many times as large or as small as the natural ones count as corrected."""


def double_correction(loss: LabelLoss, priors: LabelPriors) -> str | None:
    """Return a warning if a task's labels are corrected twice, or the plan's target has no effect.

    Losses that adjust by what is drawn (`BalancedSoftmax`, `LogitAdjusted`, `Weighted`, `ClassBalancedFocal`)
    do not correct twice: after a sampler that has balanced the labels they have nothing left to do. Margins
    and factors by counts, costs, and weights on top ignore what the sampler has done.

    Parameters
    ----------
    loss : LabelLoss
        The loss.
    priors : LabelPriors
        The task.

    Returns
    -------
    str or None
        What is corrected twice and what to do; None if nothing is.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> from equipoise.losses.labels import LDAM, BalancedSoftmax
    >>> from equipoise.weights import Balanced
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 90, "sad": 10}}), weights=Balanced())
    >>> priors = LabelPriors.of(plan, "mood")
    >>> print(double_correction(LDAM(), priors))
    task 'mood': LDAM(max_margin=0.5, scale=1.0, reweight_from=0.8, beta=0.9999) moves labels by counts or costs,
    and the plan does already: label 'sad' has 0.1 of the data and 0.5 of what the loss sees. Sample with natural
    weights, or take CrossEntropy() as the loss.
    >>> double_correction(BalancedSoftmax(), priors) is None
    True
    """
    if loss.assumes_natural_shares:
        present = priors.counts > 0
        moved = np.zeros(len(priors.labels))
        seen = np.maximum(priors.target[present], np.finfo(np.float64).tiny)
        moved[present] = np.abs(np.log(seen / priors.natural[present]))
        worst = int(moved.argmax())
        if moved[worst] > np.log(FAR):
            return (
                f"task {priors.task!r}: {loss} moves labels by counts or costs, and the plan does already: label"
                f" {priors.labels[worst]!r} has {priors.natural[worst]:.3g} of the data and"
                f" {priors.target[worst]:.3g} of what the loss sees. Sample with natural weights, or take"
                " CrossEntropy() as the loss."
            )
    if loss.replaces_target and not np.allclose(priors.target, priors.drawn, rtol=1e-9, atol=0):
        return (
            f"task {priors.task!r}: the plan has a target, but {loss} sets its own shares:"
            " the target has no effect inside the task. Take the target's weights out of the plan, or"
            ' LogitAdjusted(aim="target") or CrossEntropy() as the loss.'
        )
    return None

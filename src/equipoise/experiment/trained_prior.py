"""Which label shares the probabilities of a trained model stand for."""

from equipoise.calibration import shares_within
from equipoise.calibration.logs import Array
from equipoise.config import LossConfig
from equipoise.experiment.objective import label_loss_of
from equipoise.losses.labels import LabelPriors
from equipoise.plan import Plan


def trained_prior(loss: LossConfig, plan: Plan, task: str, labels: tuple[str, ...]) -> tuple[Array, str | None]:
    """Give the label shares under which the scores of a run are a posterior, in one task.

    Draws come with the plan's sampling distribution q and count p*/q in the loss, so a loss that adjusts
    nothing sees the target p*. A loss over labels says itself which shares it leads to.

    Parameters
    ----------
    loss : LossConfig
        What was minimised.
    plan : Plan
        What was drawn.
    task : str
        A classification.
    labels : tuple of str
        Its labels, in the order that is wanted.

    Returns
    -------
    float64 array of shape (labels,)
        With the sum 1; all 0 if the plan never draws the task or never aims at it.
    str or None
        What should be known, where the shares are only a guess.

    Examples
    --------
    >>> from equipoise.census import Census
    >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 30, "sad": 10}}))
    >>> trained_prior(LossConfig(), plan, "mood", ("sad", "glad"))
    (array([0.25, 0.75]), None)
    >>> trained_prior(LossConfig("balanced_softmax", "label"), plan, "mood", ("sad", "glad"))
    (array([0.5, 0.5]), None)
    """
    target = shares_within(plan, plan.target, task, labels)
    guess = f"{loss.name} does not estimate probabilities: they are corrected as if it did"
    of_labels = label_loss_of(loss)
    if not target.any() or of_labels is None:
        return target, guess if loss.name == "focal" and target.any() else None
    learned = of_labels.learned_prior(LabelPriors.of(plan, task, labels))
    return (target, guess) if learned is None else (learned, None)

"""Logit adjustment on tokens, for tasks whose labels differ in their first token."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from equipoise.errors import ConfigError
from equipoise.losses.labels.logit_adjusted import LogitAdjusted, adjustment
from equipoise.losses.labels.priors import FloatArray, LabelPriors
from equipoise.losses.sums import exact


@dataclass(frozen=True, eq=False)
class FirstTokenAdjustment:
    """An adjustment of the logits of the first target position of one task's examples.

    The probability of a label is the product of those of its tokens. If labels differ in their first token,
    that token decides the label and its logit takes the adjustment of `LogitAdjusted`. If two labels share it,
    the shift of that token would have to depend on the input: on how the two share its probability.

    Parameters
    ----------
    first_tokens : tuple of int, length C
        The first token of each label, all different.
    shift : ndarray of float64, shape (C,)
        tau log(q/a) of each label. Tokens that begin no label keep their logit.
    class_weights : ndarray of float64, shape (C,)
        Factors of the examples' weights, as those of `LogitAdjusted`.

    Examples
    --------
    >>> import torch
    >>> from equipoise import Census, Plan
    >>> plan = Plan.build(Census.from_counts({"nli": {"no": 75, "yes": 25}}), weights="natural")
    >>> adjusting = FirstTokenAdjustment.of(LogitAdjusted(), LabelPriors.of(plan, "nli"), [[3, 1], [4, 1]])
    >>> adjusting(torch.zeros(1, 2, 6))[0].exp()  # 0.75 and 0.25 over 1/2
    tensor([[1.0000, 1.0000, 1.0000, 1.5000, 0.5000, 1.0000],
            [1.0000, 1.0000, 1.0000, 1.0000, 1.0000, 1.0000]])
    >>> FirstTokenAdjustment.of(LogitAdjusted(), LabelPriors.of(plan, "nli"), [[3, 1], [3, 4, 1]])
    Traceback (most recent call last):
    equipoise.errors.ConfigError: logit adjustment on tokens needs labels that differ in their first token, but in
    task 'nli' labels 'no' and 'yes' both begin with token 3. Use the loss over labels, or other texts for the labels.
    """

    first_tokens: tuple[int, ...]
    shift: FloatArray
    class_weights: FloatArray

    @classmethod
    def of(
        cls, loss: LogitAdjusted, priors: LabelPriors, label_tokens: Sequence[Sequence[int]]
    ) -> "FirstTokenAdjustment":
        """Prepare the adjustment of one task.

        Parameters
        ----------
        loss, priors
            The adjustment, and the task.
        label_tokens : sequence of C sequences of int
            Token ids of each label's target, including the end of sequence.

        Raises
        ------
        ConfigError
            If two labels begin with the same token, or a label has no token.
        """
        if len(label_tokens) != len(priors.labels):
            raise ConfigError(
                "wrong-length",
                f"`label_tokens` must hold the token ids of the {len(priors.labels)} labels of task"
                f" {priors.task!r}, found {len(label_tokens)}.",
            )
        owner: dict[int, str] = {}
        for label, tokens in zip(priors.labels, label_tokens, strict=True):
            if not len(tokens):
                raise ConfigError("no-token", f"label {label!r} of task {priors.task!r} must have a token, found none.")
            first = int(tokens[0])
            if first in owner:
                raise ConfigError(
                    "shared-first-token",
                    "logit adjustment on tokens needs labels that differ in their first token, but in task"
                    f" {priors.task!r} labels {owner[first]!r} and {label!r} both begin with token {first}."
                    " Use the loss over labels, or other texts for the labels.",
                )
            owner[first] = label
        return cls(tuple(owner), adjustment(priors, loss.tau, loss.aim), priors.undoing)

    def __call__(self, logits: Tensor) -> Tensor:
        """Return logits of the task, shape (examples, positions, vocabulary), with the first position adjusted.

        They are in float32 at least, so that the shift loses no digits.
        """
        adjusted = exact(logits).clone()
        adjusted[:, 0, list(self.first_tokens)] += adjusted.new_tensor(self.shift)
        return adjusted

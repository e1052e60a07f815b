"""Losses of target sequences, token by token: cross-entropy, focal, label smoothing; and the base of their names."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, get_args

from equipoise.errors import ConfigError, DataError
from equipoise.losses.sums import WeightedSum, exact

if TYPE_CHECKING:
    from torch import Tensor

    from equipoise.losses.labels import LabelLoss, LogitAdjusted

Per = Literal["sequence", "token"]
"""What a weight belongs to: the mean of a target's tokens, or each token."""

IGNORED: Final = -100
"""The label of padding."""


@dataclass(frozen=True)
class TokenLoss:
    r"""A weighted sum over target tokens, and the weight that divides it.

    .. math::
        \text{total} = \sum_i w_i \sum_t (1 - p_{it})^\gamma \, l_{it}, \qquad
        \text{weight} = \sum_i w_i \quad \text{or} \quad \sum_i w_i |y_i|

    with p the probability of the target token given those before it, l = -log p, and with label smoothing
    l = -(1 - eps) log p - eps/V sum_v log p_v. The factor is of the probability alone: neither weights nor
    smoothing change it.

    Per sequence, each example counts with its weight, and without focal factor and smoothing the sum over its
    tokens is minus the log-likelihood of the whole target. Per token, a target of six tokens counts three times
    as much as one of two, so tasks and labels with long targets gain weight.

    A row without a target token adds nothing to either sum, so a padding row changes nothing. The log-softmax
    is computed in float32 at least, whatever the type of the logits.

    Parameters
    ----------
    per : {"sequence", "token"}
        What the weight counts: each example that has a target token once, or each of its target tokens.
    gamma : float
        At least 0; 0 is cross-entropy. Above, tokens that the model already knows count less.
    label_smoothing : float
        eps in [0, 1): the share of the target that is spread over the V columns of the logits.

    Raises
    ------
    ConfigError
        If an option is out of its range.

    References
    ----------
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer" (the token mean); t5x, ``AVERAGE_PER_SEQUENCE`` (all examples equal). Lin et al. (2017), "Focal
    Loss for Dense Object Detection", equation 4. Szegedy et al. (2016), "Rethinking the Inception Architecture
    for Computer Vision", section 7.

    Examples
    --------
    With equal logits every token costs log 4; two tokens and one token, the second example twice:

    >>> import torch
    >>> logits = torch.zeros(2, 2, 4)
    >>> labels = torch.tensor([[1, 2], [3, -100]])
    >>> weight = torch.tensor([1.0, 2.0])
    >>> part = TokenLoss()(logits, labels, weight)
    >>> round(part.total.item() / torch.log(torch.tensor(4.0)).item(), 4), part.weight.item()
    (4.0, 3.0)
    >>> TokenLoss(per="token").weight(labels, weight).item()
    4.0
    """

    per: Per = "sequence"
    gamma: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.per not in get_args(Per):
            raise ConfigError(
                "unknown-unit",
                f'`per` must be "sequence" or "token", found {self.per!r}. Use "sequence" for equal examples.',
            )
        if not 0 <= self.gamma < math.inf:
            raise ConfigError(
                "out-of-range", f"`gamma` must be at least 0, found {self.gamma}. Use 0 for cross-entropy."
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(
                "out-of-range", f"`label_smoothing` must be in [0, 1), found {self.label_smoothing}. Use 0.1 or less."
            )

    def __call__(self, logits: Tensor, labels: Tensor, example_weight: Tensor) -> WeightedSum:
        """Sum the weighted losses of the target tokens.

        Parameters
        ----------
        logits : Tensor, shape (examples, positions, vocabulary)
            Outputs of the model, in any floating type.
        labels : Tensor of int64, shape (examples, positions)
            Target token ids; -100 is ignored.
        example_weight : Tensor, shape (examples,)
            The importance weight p*/q of each example; ones where there is nothing to correct.

        Returns
        -------
        WeightedSum
            Scalars in float32 (float64 for float64 logits).

        Raises
        ------
        DataError
            If the shapes do not belong together.
        """
        totals = self.totals(logits, labels, example_weight)
        return WeightedSum(totals.sum(), self.weight(labels, example_weight).to(totals.dtype))

    def totals(self, logits: Tensor, labels: Tensor, example_weight: Tensor) -> Tensor:
        """Return the weighted loss of each example, summed over its tokens; arguments and errors as for a call.

        Returns
        -------
        Tensor, shape (examples,)
            In float32 (float64 for float64 logits).
        """
        if logits.ndim != 3 or logits.shape[:2] != labels.shape:
            raise DataError(
                "wrong-shape",
                "`logits` must have the shape (examples, positions, vocabulary), the first two as in `labels`, "
                f"found {tuple(logits.shape)} and {tuple(labels.shape)}. Pass the logits of these labels.",
            )
        _check_weights(labels, example_weight)
        logits = exact(logits)
        losses = self._losses(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)).view(labels.shape)
        return example_weight.to(logits.dtype) * losses.sum(dim=1)

    def weight(self, labels: Tensor, example_weight: Tensor) -> Tensor:
        """Return the weight of a batch, without logits.

        A training step needs the weight of all its micro-batches on all ranks before the first backward pass.

        Parameters
        ----------
        labels : Tensor of int64, shape (examples, positions)
            Target token ids; -100 is ignored.
        example_weight : Tensor, shape (examples,)
            The weight of each example.

        Returns
        -------
        Tensor
            Scalar in float32 (float64 for float64 weights).

        Raises
        ------
        DataError
            If there is not one weight per row of `labels`.

        Examples
        --------
        >>> import torch
        >>> labels = torch.tensor([[5, 6, 1], [7, 1, -100], [-100, -100, -100]])
        >>> TokenLoss().weight(labels, torch.tensor([1.0, 0.5, 9.0])).item()
        1.5
        """
        return self.weights(labels, example_weight).sum()

    def weights(self, labels: Tensor, example_weight: Tensor) -> Tensor:
        """Return the weight of each example; arguments and errors as for `weight`.

        Returns
        -------
        Tensor, shape (examples,)
            In float32 (float64 for float64 weights), without gradient.
        """
        _check_weights(labels, example_weight)
        tokens = (labels != IGNORED).sum(dim=1)
        counted = tokens if self.per == "token" else tokens.clamp(max=1)
        return (exact(example_weight) * counted).detach()

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the losses of tokens, 0 where the label is ignored; memory beside the logits is one number a token."""
        import torch
        from torch.nn import functional

        nll = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        losses = nll
        if self.label_smoothing:
            losses = functional.cross_entropy(
                logits, labels, ignore_index=IGNORED, reduction="none", label_smoothing=self.label_smoothing
            )
        if not self.gamma:
            return losses
        # 1 - p = -expm1(log p). Where p rounds to 1 its power below 1 would have an infinite slope, and
        # times a loss of 0 that is NaN; the clamp has the slope 0 there.
        unsure = (-torch.expm1(-nll)).clamp_min(torch.finfo(nll.dtype).tiny)
        return unsure**self.gamma * losses


def _check_weights(labels: Tensor, example_weight: Tensor) -> None:
    if labels.ndim != 2 or example_weight.shape != labels.shape[:1]:
        raise DataError(
            "wrong-shape",
            "`example_weight` must hold one weight for each row of `labels`, "
            f"found shapes {tuple(example_weight.shape)} and {tuple(labels.shape)}. Collate them together.",
        )


class NamedTokenLoss(ABC):
    """Base of the losses of target tokens that a configuration can name; subclasses are frozen dataclasses.

    A subclass in a file of this package, or in your own code, has a `name`. Configurations ask for names, levels and
    options without torch, so such a file imports torch inside functions.
    """

    name: ClassVar[str]
    default_level: ClassVar[str] = "sequence"
    """The level of the name where a configuration sets none."""

    def __post_init__(self) -> None:
        _ = self.token_loss("sequence"), self.over_labels  # checks the options

    @property
    @abstractmethod
    def over_labels(self) -> LabelLoss:
        """The label loss that has its optimum at the same shares of the labels."""

    @property
    def adjusting(self) -> LogitAdjusted | None:
        """The adjustment of first tokens, where these decide the label; see `FirstTokenAdjustment`."""
        return None

    @abstractmethod
    def token_loss(self, per: Per) -> TokenLoss:
        """Return the loss of the tokens."""

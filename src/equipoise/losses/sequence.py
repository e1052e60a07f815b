"""Weighted cross-entropy of target sequences: sum_i w_i S_i over sum_i w_i, with S_i = -log p(y_i | x_i)."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from equipoise.errors import ConfigError, DataError

Per = Literal["sequence", "token"]

IGNORED = -100


@dataclass(frozen=True)
class SumMass:
    """A weighted sum of losses and the mass that divides it.

    Add those of all micro-batches and ranks, then divide once: the result does not depend on how the
    examples were cut.

    Attributes
    ----------
    total : Tensor
        Scalar, the weighted sum of the losses. The gradient flows through it.
    mass : Tensor
        Scalar, the sum of the weights. It has no gradient.

    Examples
    --------
    >>> import torch
    >>> parts = SumMass(torch.tensor(6.0), torch.tensor(2.0)) + SumMass(torch.tensor(3.0), torch.tensor(1.0))
    >>> parts.mean()
    tensor(3.)
    """

    total: Tensor
    mass: Tensor

    def __add__(self, other: "SumMass") -> "SumMass":
        return SumMass(self.total + other.total, self.mass + other.mass)

    def mean(self) -> Tensor:
        """Return `total / mass`, and 0 (with a zero gradient) where there is no mass.

        Returns
        -------
        Tensor
            Scalar.
        """
        return self.total / torch.where(self.mass > 0, self.mass, torch.ones_like(self.mass))


def sequence_loss(logits: Tensor, labels: Tensor, example_weight: Tensor, per: Per = "sequence") -> SumMass:
    r"""Sum the weighted negative log-likelihoods of the target sequences.

    .. math::
        \text{total} = \sum_i w_i \sum_t -\log p(y_{it} \mid y_{i,<t}, x_i), \qquad
        \text{mass} = \sum_i w_i \quad \text{or} \quad \sum_i w_i |y_i|

    Per sequence, each example counts as its weight says, and the sum over its tokens is the
    log-likelihood of the whole target. Per token, a target of six tokens counts three times as much as
    one of two, so tasks and labels with long targets gain weight.

    A row without a target token adds nothing to either sum, so a padding row changes nothing. The
    log-softmax is computed in float32 at least, whatever the type of the logits.

    Parameters
    ----------
    logits : Tensor of shape (examples, positions, vocabulary)
        Outputs of the model, in any floating type.
    labels : Tensor of shape (examples, positions)
        Target token ids; -100 is ignored.
    example_weight : Tensor of shape (examples,)
        The importance weight p*/q of each example; ones when nothing is to be corrected.
    per : {"sequence", "token"}
        What the mass counts.

    Returns
    -------
    SumMass
        Scalars in float32 (float64 for float64 logits).

    Raises
    ------
    ConfigError
        If `per` is neither of the two.
    DataError
        If the shapes do not belong together.

    References
    ----------
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer" (the token mean); t5x, ``AVERAGE_PER_SEQUENCE`` (all examples equal).

    Examples
    --------
    With equal logits every token costs log 4; two tokens and one token, the second example twice:

    >>> import torch
    >>> logits = torch.zeros(2, 2, 4)
    >>> labels = torch.tensor([[1, 2], [3, -100]])
    >>> part = sequence_loss(logits, labels, torch.tensor([1.0, 2.0]))
    >>> round(part.total.item() / torch.log(torch.tensor(4.0)).item(), 4), part.mass.item()
    (4.0, 3.0)
    >>> sequence_loss(logits, labels, torch.tensor([1.0, 2.0]), per="token").mass.item()
    4.0
    """
    if logits.ndim != 3 or logits.shape[:2] != labels.shape:
        raise DataError(
            "`logits` must have the shape (examples, positions, vocabulary), the first two as in `labels`, "
            f"found {tuple(logits.shape)} and {tuple(labels.shape)}. Pass the logits of these labels."
        )
    exact = logits if logits.dtype == torch.float64 else logits.float()
    # nll_it, 0 where the label is ignored; only this (examples, positions) array is kept beside the logits.
    nll = functional.cross_entropy(
        exact.reshape(-1, exact.shape[-1]), labels.reshape(-1), ignore_index=IGNORED, reduction="none"
    ).view(labels.shape)
    mass = loss_mass(labels, example_weight, per)
    total = (example_weight.to(exact.dtype) * nll.sum(dim=1)).sum()
    return SumMass(total, mass.to(exact.dtype))


def loss_mass(labels: Tensor, example_weight: Tensor, per: Per = "sequence") -> Tensor:
    """Return the mass that `sequence_loss` would give, without logits.

    A training step needs the mass of all its micro-batches on all ranks before the first backward pass.

    Parameters
    ----------
    labels : Tensor of shape (examples, positions)
        Target token ids; -100 is ignored.
    example_weight : Tensor of shape (examples,)
        The weight of each example.
    per : {"sequence", "token"}
        Count each example that has a target token once, or each of its target tokens.

    Returns
    -------
    Tensor
        Scalar in float32 (float64 for float64 weights).

    Raises
    ------
    ConfigError
        If `per` is neither of the two.
    DataError
        If there is not one weight per row of `labels`.

    Examples
    --------
    >>> import torch
    >>> labels = torch.tensor([[5, 6, 1], [7, 1, -100], [-100, -100, -100]])
    >>> loss_mass(labels, torch.tensor([1.0, 0.5, 9.0])).item()
    1.5
    >>> loss_mass(labels, torch.tensor([1.0, 0.5, 9.0]), per="token").item()
    4.0
    """
    if per not in get_args(Per):
        raise ConfigError(f'`per` must be "sequence" or "token", found {per!r}. Use "sequence" for equal examples.')
    if labels.ndim != 2 or example_weight.shape != labels.shape[:1]:
        raise DataError(
            "`example_weight` must hold one weight for each row of `labels`, "
            f"found shapes {tuple(example_weight.shape)} and {tuple(labels.shape)}. Collate them together."
        )
    tokens = (labels != IGNORED).sum(dim=1)
    counted = tokens if per == "token" else tokens.clamp(max=1)
    weight = example_weight if example_weight.dtype == torch.float64 else example_weight.float()
    return (weight * counted).sum().detach()

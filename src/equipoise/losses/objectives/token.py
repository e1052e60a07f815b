"""Losses over target tokens: the decoder is given the target, and each of its tokens has a loss."""
# ruff: noqa: ARG002 - the signatures are those of Objective

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equipoise.collate import Tokenizer
from equipoise.data import Task
from equipoise.losses import TokenLoss
from equipoise.losses.first_token import FirstTokenAdjustment
from equipoise.losses.labels import LogitAdjusted
from equipoise.losses.objectives.base import Batch
from equipoise.losses.objectives.priors import task_priors
from equipoise.models import label_tokens
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class TokenObjective:
    """A token loss on what a model says of the target tokens.

    Parameters
    ----------
    loss : TokenLoss
        The loss.
    adjustments : tuple of FirstTokenAdjustment or None
        By task id, what is added to the logits of the first token; empty for no adjustment at all.
    """

    loss: TokenLoss
    adjustments: tuple[FirstTokenAdjustment | None, ...] = ()

    @classmethod
    def adjusted(
        cls, loss: TokenLoss, adjusting: LogitAdjusted, plan: Plan, tasks: Mapping[str, Task], tokenizer: Tokenizer
    ) -> "TokenObjective":
        """Adjust the logits of first tokens, in tasks whose labels all begin with different tokens.

        Parameters
        ----------
        loss : TokenLoss
            The loss.
        adjusting : LogitAdjusted
            How far to adjust, and towards which shares.
        plan : Plan
            What is drawn.
        tasks : mapping of str to Task
            Those of the encoded examples; open-ended ones are left alone.
        tokenizer : Tokenizer
            The tokenizer of the model.

        Returns
        -------
        TokenObjective
            The objective.

        Raises
        ------
        ConfigError
            If two labels of a task begin with the same token, or no drawn task has labels.

        Warns
        -----
        PlanWarning
            If the plan's target has no effect because of the adjustment.
        """
        adjustments = [
            None
            if priors is None
            else FirstTokenAdjustment.of(adjusting, priors, label_tokens(tasks[priors.task], tokenizer))
            for priors in task_priors(adjusting, plan, tasks)
        ]
        return cls(loss, tuple(adjustments))

    def masses(self, batch: Batch, progress: float) -> Tensor:
        """Give w_i, or w_i |y_i| per token; see `Objective`."""
        return self.loss.masses(batch["labels"], self._weights(batch))

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Give w_i times the losses of the target tokens; see `Objective`."""
        logits = _logits(model, wrapped or model, batch)
        for rows, adjustment in self._adjusted(batch):
            exact = logits if logits.dtype == torch.float64 else logits.float()
            logits = exact.index_put((rows,), adjustment(exact[rows]))
        return self.loss.totals(logits, batch["labels"], self._weights(batch))

    def _weights(self, batch: Batch) -> Tensor:
        weights = batch["example_weight"].clone()
        for rows, adjustment in self._adjusted(batch):
            by_label = torch.as_tensor(adjustment.class_weights, dtype=weights.dtype, device=weights.device)
            weights[rows] *= by_label[batch["label_id"][rows]]
        return weights

    def _adjusted(self, batch: Batch) -> Iterator[tuple[Tensor, FirstTokenAdjustment]]:
        for task, adjustment in enumerate(self.adjustments):
            rows = torch.nonzero((batch["task_id"] == task) & (batch["label_id"] >= 0)).flatten()
            if adjustment is not None and len(rows):
                yield rows, adjustment


def _logits(model: Any, called: nn.Module, batch: Batch) -> Tensor:
    """Run the model on nothing but what it knows: T5 ignores other keys without a word."""
    shift = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    # With labels the model would compute its own unweighted loss as well; a few models leave no choice.
    labels = batch["labels"]
    target = {"labels": labels} if shift is None else {"decoder_input_ids": shift(labels)}
    return called(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], **target).logits

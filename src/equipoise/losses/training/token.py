"""Losses over target tokens: the decoder is given the target, and each of its tokens has a loss."""
# ruff: noqa: ARG002 - the signatures are those of TrainingLoss

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from equipoise.collate import Tokenizer, label_tokens
from equipoise.data import Task
from equipoise.losses import TokenLoss
from equipoise.losses.first_token import FirstTokenAdjustment
from equipoise.losses.labels import LogitAdjusted
from equipoise.losses.sums import exact
from equipoise.losses.training.base import Batch, rows_by_task, task_priors
from equipoise.models import text_model
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class TokenTrainingLoss:
    """A token loss on the logits of a model at the target tokens.

    Parameters
    ----------
    loss : TokenLoss
        The loss.
    adjustments : tuple of FirstTokenAdjustment or None
        By task id, the adjustment of the logits of the first token; empty for none at all.
    """

    loss: TokenLoss
    adjustments: tuple[FirstTokenAdjustment | None, ...] = ()

    @classmethod
    def adjusted(
        cls, loss: TokenLoss, adjusting: LogitAdjusted, plan: Plan, tasks: Mapping[str, Task], tokenizer: Tokenizer
    ) -> "TokenTrainingLoss":
        """Adjust the logits of first tokens, in tasks whose labels all begin with different tokens.

        Parameters
        ----------
        loss : TokenLoss
            The loss.
        adjusting : LogitAdjusted
            The strength of the adjustment, and the shares aimed at.
        plan : Plan
            The plan of the draws.
        tasks : mapping of str to Task
            The tasks of the encoded examples; open-ended ones are not adjusted.
        tokenizer : Tokenizer
            The tokenizer of the model.

        Returns
        -------
        TokenTrainingLoss
            The training loss.

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

    def weights(self, batch: Batch, progress: float) -> Tensor:
        """Return w_i, or w_i |y_i| per token; see `TrainingLoss`."""
        return self.loss.weights(batch["labels"], self._example_weights(batch))

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Return w_i times the losses of the target tokens; see `TrainingLoss`."""
        logits = text_model(model, wrapped).target_logits(batch)
        for rows, adjustment in rows_by_task(batch, self.adjustments):
            logits = exact(logits).index_put((rows,), adjustment(logits[rows]))
        return self.loss.totals(logits, batch["labels"], self._example_weights(batch))

    def _example_weights(self, batch: Batch) -> Tensor:
        weights = batch["example_weight"].clone()
        for rows, adjustment in rows_by_task(batch, self.adjustments):
            weights[rows] *= weights.new_tensor(adjustment.class_weights)[batch["label_id"][rows]]
        return weights

"""Losses over labels: score every label of a row's task, then a loss over these scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equipoise.collate import Tokenizer, label_tokens
from equipoise.data import Task
from equipoise.losses.labels import LabelLoss, LabelTerms
from equipoise.losses.named import check_length_norm
from equipoise.losses.tokens.base import IGNORED
from equipoise.losses.training.base import Batch, rows_by_task, task_priors
from equipoise.models import PrefixTree, TextModel, text_model
from equipoise.plan import Plan


class LabelTask(NamedTuple):
    """One task under a label loss.

    Attributes
    ----------
    tree : PrefixTree
        The labels of the task, for `TextModel.label_scores`.
    terms : LabelTerms
        The loss, prepared for the task.
    """

    tree: PrefixTree
    terms: LabelTerms


@dataclass(frozen=True, eq=False)
class LabelTrainingLoss:
    """A label loss on the scores of all labels of each row's task.

    Make one with `LabelTrainingLoss.build`. A row without a known label has no label loss; its loss is the negative
    log-likelihood of its whole target, as with `TokenLoss(per="sequence")`. These are the rows of open-ended tasks,
    and validation rows whose label no training row has. Both kinds of loss are in nats per example.

    Parameters
    ----------
    tasks : tuple of LabelTask or None
        By task id; None for a task that is open-ended or never drawn.
    length_norm : float
        Scores are divided by the number of the label's tokens (with the end of sequence) to this power, in [0, 1].
        0 leaves log p(label text | input), the only choice under which the priors that losses add are those of the
        plan. 1 is the mean per token, which is not a log-probability: it removes the disadvantage of labels with many
        tokens, but the plan's priors do not quite fit such scores. A model must be scored with the value that it was
        trained with (`LabelScorer.log_probs(length_norm=)`).
    """

    tasks: tuple[LabelTask | None, ...]
    length_norm: float = 0.0

    def __post_init__(self) -> None:
        check_length_norm(self.length_norm)

    @classmethod
    def build(
        cls,
        loss: LabelLoss,
        plan: Plan,
        tasks: Mapping[str, Task],
        model: nn.Module,
        tokenizer: Tokenizer,
        *,
        length_norm: float = 0.0,
    ) -> "LabelTrainingLoss":
        """Prepare a label loss for every task that a plan draws.

        Parameters
        ----------
        loss : LabelLoss
            The loss, for example `LogitAdjusted(tau=1.0)`.
        plan : Plan
            The plan of the draws, with the target shares.
        tasks : mapping of str to Task
            The tasks of the encoded examples.
        model : torch.nn.Module
            The model, for the decoder inputs of the labels.
        tokenizer : Tokenizer
            The tokenizer of the model.
        length_norm : float
            See the class.

        Returns
        -------
        LabelTrainingLoss
            The training loss.

        Raises
        ------
        ConfigError
            If `length_norm` is not in [0, 1], or no drawn task has labels.
        PlanError
            If the loss does not fit a task.
        DataError
            If two labels of a task cannot be told apart by their tokens.

        Warns
        -----
        PlanWarning
            If plan and loss both correct for rare labels, or the plan's target has no effect.
        """
        asked = text_model(model)
        prepared = [
            None
            if priors is None
            else LabelTask(asked.prefix_tree(label_tokens(tasks[priors.task], tokenizer)), loss.prepare(priors))
            for priors in task_priors(loss, plan, tasks)
        ]
        return cls(tuple(prepared), length_norm)

    def weights(self, batch: Batch, progress: float) -> Tensor:
        """Return w_i c_{y_i}: importance weight times class weight; without a label, w_i. See `TrainingLoss`."""
        has_target = (batch["labels"] != IGNORED).any(dim=1)
        weights = batch["example_weight"].float() * has_target
        for rows, task in rows_by_task(batch, self.tasks):
            weights[rows] *= task.terms.weights(batch["label_id"][rows], progress)
        return weights

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Return w_i c_{y_i} times the value of the loss; see `TrainingLoss`."""
        asked = text_model(model, wrapped)
        scores = asked.label_scores(batch["input_ids"], batch["attention_mask"], self._trees(asked, batch))
        values = -scores[:, 0]  # the one score of a row without a label is that of its target
        for rows, task in rows_by_task(batch, self.tasks):
            lengths = torch.from_numpy(task.tree.label_lengths).to(scores)
            of_task = scores[rows, : len(lengths)] / lengths**self.length_norm
            values = values.index_put((rows,), task.terms.values(of_task, batch["label_id"][rows]))
        return self.weights(batch, progress) * values

    def _trees(self, asked: TextModel, batch: Batch) -> list[PrefixTree]:
        trees: list[PrefixTree] = []
        columns = (batch[name].tolist() for name in ("task_id", "label_id", "labels"))
        for number, label, padded in zip(*columns, strict=True):
            task = self.tasks[number]
            if label >= 0 and task is not None:
                trees.append(task.tree)
            else:
                # A row without a target is scored on any token; its weight is 0.
                own = [token for token in padded if token != IGNORED] or [0]
                trees.append(asked.prefix_tree([own]))
        return trees

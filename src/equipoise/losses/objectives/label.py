"""Losses over labels: score every label of a row's task, then a loss over these scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equipoise.collate import Tokenizer
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.losses.labels import LabelLoss, LabelTerms
from equipoise.losses.objectives.base import Batch
from equipoise.losses.objectives.priors import task_priors
from equipoise.losses.sequence import IGNORED
from equipoise.models import PrefixTree, label_scores, label_tokens, prefix_tree
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class LabelTask:
    """One task under a label loss.

    Attributes
    ----------
    tree : PrefixTree
        The task's labels, as the decoder is asked about them.
    terms : LabelTerms
        The loss, prepared for the task.
    """

    tree: PrefixTree
    terms: LabelTerms


@dataclass(frozen=True, eq=False)
class LabelObjective:
    """A label loss on the scores that a model gives to all labels of each row's task.

    Make one with `LabelObjective.build`. A row without a known label has no label loss; its loss is the negative
    log-likelihood of its whole target, as of `TokenLoss(per="sequence")`. Such are the rows of open-ended tasks,
    and validation rows whose label no training row has. Both kinds of loss are in nats per example.

    Parameters
    ----------
    tasks : tuple of LabelTask or None
        By task id; None for a task that is open-ended or never drawn.
    length_norm : float
        Scores are divided by the number of the label's tokens (with the end of sequence) to this power, in [0, 1].
        0 leaves log p(label text | input), the only choice under which the priors that losses add are those of the
        plan. 1 is the mean per token, which no longer is a log-probability: it takes from long labels the handicap
        of having many tokens, at the price of scores that the plan's priors do not quite fit. A model that was
        trained with one must be asked with the same one (`LabelScorer.log_probs(length_normalisation=)`).
    """

    tasks: tuple[LabelTask | None, ...]
    length_norm: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.length_norm <= 1:
            raise ConfigError(
                f"`length_norm` must be in [0, 1], found {self.length_norm}. Use 0 for log-likelihoods of whole labels."
            )

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
    ) -> "LabelObjective":
        """Prepare a label loss for every task that a plan draws.

        Parameters
        ----------
        loss : LabelLoss
            The loss, for example `LogitAdjusted(tau=1.0)`.
        plan : Plan
            What is drawn, and what is aimed at.
        tasks : mapping of str to Task
            Those of the encoded examples.
        model : torch.nn.Module
            The model, which knows how its decoder is started.
        tokenizer : Tokenizer
            The tokenizer of the model.
        length_norm : float
            See the class.

        Returns
        -------
        LabelObjective
            The objective.

        Raises
        ------
        ConfigError
            If `length_norm` is not in [0, 1], or no drawn task has labels.
        PlanError
            If the loss does not fit a task.
        DataError
            If two labels of a task have the same tokens.

        Warns
        -----
        PlanWarning
            If plan and loss both correct for rare labels, or the plan's target has no effect.
        """
        prepared = [
            None
            if priors is None
            else LabelTask(
                prefix_tree(model, label_tokens(tasks[priors.task], tokenizer), priors.labels), loss.prepare(priors)
            )
            for priors in task_priors(loss, plan, tasks)
        ]
        return cls(tuple(prepared), length_norm)

    def masses(self, batch: Batch, progress: float) -> Tensor:
        """Give w_i c_{y_i}: importance weight times class weight; without a label, w_i. See `Objective`."""
        has_target = (batch["labels"] != IGNORED).any(dim=1)
        masses = batch["example_weight"].float() * has_target
        for rows, targets, task in self._by_task(batch):
            masses[rows] *= task.terms.weights(targets, progress)
        return masses

    def totals(self, model: nn.Module, batch: Batch, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        """Give w_i c_{y_i} times the value of the loss; see `Objective`."""
        trees = self._trees(model, batch)
        scores = label_scores(model, batch["input_ids"], batch["attention_mask"], trees, wrapped=wrapped)
        values = -scores[:, 0]  # rows without a label were asked about their own target alone
        for rows, targets, task in self._by_task(batch):
            lengths = torch.from_numpy(task.tree.label_lengths).to(scores)
            of_task = scores[rows, : len(lengths)] / lengths**self.length_norm
            values = values.index_put((rows,), task.terms.values(of_task, targets))
        return self.masses(batch, progress) * values

    def _by_task(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor, LabelTask]]:
        """Give rows, targets and the loss of each task that has rows with a label."""
        numbers, labels = batch["task_id"], batch["label_id"]
        for number, task in enumerate(self.tasks):
            rows = torch.nonzero((numbers == number) & (labels >= 0)).flatten()
            if task is not None and len(rows):
                yield rows, labels[rows], task

    def _trees(self, model: Any, batch: Batch) -> list[PrefixTree]:
        trees: list[PrefixTree] = []
        columns = (batch[name].tolist() for name in ("task_id", "label_id", "labels"))
        for number, label, padded in zip(*columns, strict=True):
            task = self.tasks[number]
            if label >= 0 and task is not None:
                trees.append(task.tree)
            else:
                # A row without a target is asked about any token; its mass is 0.
                own = [token for token in padded if token != IGNORED] or [0]
                trees.append(prefix_tree(model, [own], ["its own target"]))
        return trees

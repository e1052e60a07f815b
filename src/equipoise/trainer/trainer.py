"""Train on the Trainer of transformers: the plan's stream, weighted losses, exact resume."""
# ruff: noqa: ARG002 - the signatures are those of Trainer

import itertools
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel, Seq2SeqTrainingArguments, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import EvalLoopOutput, PredictionOutput

from equipoise.collate import Collator
from equipoise.errors import RunError
from equipoise.loaders.checks import whole_steps
from equipoise.losses import TokenLoss, WeightedSum, step_weight
from equipoise.losses.tasks import TaskWeighting
from equipoise.losses.training import TokenTrainingLoss, TrainingLoss
from equipoise.trainer.arguments import check_arguments, global_batch, training_arguments
from equipoise.trainer.callbacks import MetricsCallback, ProgressBar, StopOnSignal, no_bars_for_saving
from equipoise.trainer.checkpoints.folders import last_checkpoint
from equipoise.trainer.mixin import StreamMixin
from equipoise.trainer.stream import EpochSampler
from equipoise.trainer.tasks import TasksTrainer

__all__ = ["EquipoiseTrainer", "global_batch", "last_checkpoint", "training_arguments", "whole_steps"]


class EquipoiseTrainer(StreamMixin, TasksTrainer):
    """`Seq2SeqTrainer` on the stream of a sampler, with example weights in the loss.

    Optimiser step k sees draws [k G, (k + 1) G) of the stream, with G = batch size x accumulation x ranks,
    and its loss is the sum of the losses of all G draws over the sum of their masses, however they are cut.
    So is the logged loss. Evaluation gives every example weight one, once.

    SIGINT and SIGTERM finish the step, save a checkpoint and stop; `interrupted` tells. Everything that is
    logged also goes to `metrics.jsonl` in `args.output_dir`.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Any `AutoModelForSeq2SeqLM`, with float32 parameters.
    args : transformers.Seq2SeqTrainingArguments
        From `training_arguments`.
    train_dataset : Dataset
        Items as `EncodedExamples` gives them.
    sampler : sampler with `set_epoch`
        `PlanSampler`, `LengthSorted`, or any other whose order is a function of seed and epoch. It must give
        the whole stream (`Shard(0, 1)`), the Trainer cuts it, and its length must be whole optimiser steps
        (`whole_steps`).
    data_collator : Collator
        Pads items and stacks their weights.
    loss : TokenLoss or TrainingLoss
        What is minimised: a loss of target tokens, or one made for these tasks, such as a `LabelTrainingLoss`.
    task_weighting : TaskWeighting, optional
        How tasks weigh against each other; without it as they are drawn, like `Sum`.
    eval_dataset : Dataset or dict of str to Dataset, optional
        Validation examples, for the validation loss.
    processing_class : optional
        The tokenizer, saved with every checkpoint.
    callbacks : list of transformers.TrainerCallback, optional
        Further callbacks.
    optimizers : tuple, optional
        Optimiser and scheduler, instead of those that `args` name.

    Raises
    ------
    ConfigError
        If an argument would break the stream or the loss, or the sampler does not fit.

    References
    ----------
    Katharopoulos & Fleuret (2018), "Not All Samples Are Created Equal", equation 3 (the importance weight).
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: PreTrainedModel,
        args: Seq2SeqTrainingArguments,
        train_dataset: Dataset[Any],
        sampler: EpochSampler,
        data_collator: Collator,
        *,
        loss: TokenLoss | TrainingLoss = TokenLoss(),  # noqa: B008 - immutable
        task_weighting: TaskWeighting | None = None,
        eval_dataset: Dataset[Any] | dict[str, Dataset[Any]] | None = None,
        processing_class: Any = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
    ) -> None:
        check_arguments(args, model.config.model_type)
        super().__init__(
            sampler=sampler,
            model=model,
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            callbacks=callbacks,
            optimizers=optimizers,
        )
        self.training_loss: TrainingLoss = TokenTrainingLoss(loss) if isinstance(loss, TokenLoss) else loss
        self._stop = StopOnSignal(self.accelerator)
        self.weigh_tasks(task_weighting)
        self.add_callback(MetricsCallback())
        self.add_callback(self._stop)
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback) is not None:
            self.add_callback(ProgressBar())

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the last `train()`; its checkpoint can be resumed."""
        return self._stop.interrupted

    @contextmanager
    def around_training(self) -> Generator[None]:
        """Listen to signals, and keep the bars of single files off the terminal."""
        with self._stop.installed(), no_bars_for_saving():
            yield

    def resume_stream(self, checkpoint: Path) -> int:
        """Check that the checkpoint is of this stream, and of these tasks; return its step."""
        step = super().resume_stream(checkpoint)
        self.resume_tasks(checkpoint)
        return step

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Tensor]], Tensor]:
        """Fetch the micro-batches of one step, and the mass of their losses on all ranks.

        Parameters
        ----------
        epoch_iterator : iterator of batches
            The loader's.
        num_batches : int
            Micro-batches of the step.
        device : torch.device
            Where the mass goes.

        Returns
        -------
        tuple of list and Tensor
            The micro-batches of this rank, and one scalar.
        """
        batches = list(itertools.islice(epoch_iterator, num_batches))
        by_row = [self.training_loss.weights(batch, self.progress) for batch in batches]
        self.begin_step(batches, by_row)
        return batches, step_weight(by_row, lambda mass: cast(Tensor, self.accelerator.reduce(mass.to(device), "sum")))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the share of a micro-batch in the loss of its step.

        Parameters
        ----------
        model : torch.nn.Module
            The model, wrapped for DDP or not.
        inputs : mapping of str to Tensor
            A batch of the collator.
        return_outputs : bool
            Must be False.
        num_items_in_batch : Tensor, optional
            The mass of the whole step, from `get_batch_samples`; without it, that of this batch.

        Returns
        -------
        Tensor
            A scalar.

        Raises
        ------
        RunError
            If outputs are asked for: label losses have none for the targets alone.
        """
        if return_outputs:
            raise RunError("EquipoiseTrainer gives no outputs with the loss. Call the model itself.")
        # One forward pass of the wrapped model: DDP must see it.
        totals = self.training_loss.totals(cast(nn.Module, self.model), inputs, self.progress, wrapped=model)
        if isinstance(num_items_in_batch, Tensor):
            # DDP averages gradients over the ranks, and the Trainer its logged losses; both need the sum.
            return self.share(totals, inputs, num_items_in_batch) * self.accelerator.num_processes
        return WeightedSum(totals.sum(), self.training_loss.weights(inputs, self.progress).sum()).mean()

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Compute the loss on a dataset as it is: every example once and with weight one.

        Parameters
        ----------
        dataloader : torch.utils.data.DataLoader
            From `get_eval_dataloader`.
        description, prediction_loss_only, ignore_keys
            Not used.
        metric_key_prefix : str
            Put before `_loss`.

        Returns
        -------
        transformers.trainer_utils.EvalLoopOutput
            The loss among its metrics, and no predictions: those are the work of `equipoise.scoring`.
        """
        examples = len(cast(Any, dataloader.dataset))
        ranks, size = self.accelerator.num_processes, self.args.eval_batch_size
        model = cast(PreTrainedModel, self.model).eval()
        total = mass = 0.0
        for turn, fetched in enumerate(dataloader):
            inputs = cast(dict[str, Tensor], self._prepare_inputs(fetched))
            first = (turn * ranks + self.accelerator.process_index) * size
            # Accelerate fills the last round of batches up with examples from the start: not counted again.
            place = torch.arange(len(inputs["labels"]), device=inputs["labels"].device) + first
            inputs["example_weight"] = (place < examples).float()
            with torch.no_grad(), self.accelerator.autocast():
                total += self.training_loss.totals(model, inputs, self.progress).sum().item()
            mass += self.training_loss.weights(inputs, self.progress).sum().item()
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)
        here = torch.tensor([total, mass], device=self.accelerator.device)
        total, mass = cast(Tensor, self.accelerator.reduce(here, "sum")).tolist()
        metrics = {f"{metric_key_prefix}_loss": WeightedSum(torch.tensor(total), torch.tensor(mass)).mean().item()}
        nothing = cast(Any, None)  # transformers itself puts None here when only the loss was asked for
        return EvalLoopOutput(nothing, nothing, metrics, examples)

    def predict(self, *args: Any, **kwargs: Any) -> PredictionOutput:
        """Raise RunError: predictions are the work of `equipoise.scoring`."""
        raise RunError("EquipoiseTrainer gives no predictions. Use `equipoise.scoring.LabelScorer`.")

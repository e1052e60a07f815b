"""Train on the Trainer of transformers: the plan's stream, weighted losses, exact resume."""
# ruff: noqa: ARG002 - the signatures are those of Trainer

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel, Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_utils import EvalLoopOutput, PredictionOutput, TrainOutput

from equipoise.collate import Collator
from equipoise.errors import ConfigError, RunError
from equipoise.losses import TokenLoss, WeightedSum
from equipoise.losses.tasks import TaskWeighting
from equipoise.losses.training import TrainingLoss
from equipoise.trainer.arguments import check_arguments, check_best_metric
from equipoise.trainer.callbacks import (
    MetricsCallback,
    StopOnSignal,
    no_bars_for_saving,
    silent_about_tied_parameters,
)
from equipoise.trainer.mixin import StreamMixin
from equipoise.trainer.options import refusing_options
from equipoise.trainer.progress import Progress
from equipoise.trainer.sharded import ShardedMixin, check_sharding
from equipoise.trainer.step_loss import StepLoss
from equipoise.trainer.stream import EpochSampler
from equipoise.trainer.validation import BestCheckpoint, Validation


class EquipoiseTrainer(StreamMixin, ShardedMixin, Seq2SeqTrainer):
    """`Seq2SeqTrainer` on the stream of a sampler, with example weights in the loss.

    Optimiser step k trains on draws [k G, (k + 1) G) of the stream, with G = batch size x accumulation x ranks,
    and its loss is the sum of the losses of all G draws over the sum of their weights, however they are cut.
    So is the logged loss. Evaluation counts every example once, with weight one.

    SIGINT and SIGTERM finish the step, save a checkpoint and stop; `interrupted` says so. Everything that is
    logged also goes to `metrics.jsonl` in `args.output_dir`.

    Parameters
    ----------
    model : transformers.PreTrainedModel or None
        Any `AutoModelForSeq2SeqLM` or `AutoModelForCausalLM`, with float32 parameters; None with `model_init`.
    args : transformers.Seq2SeqTrainingArguments
        From `training_arguments`.
    train_dataset : Dataset, ShardedStream or None
        Items as those of `EncodedExamples`; None to evaluate only. With a `ShardedStream` the sampler is None, and
        `args.max_steps` is set.
    sampler : sampler with `set_epoch`, or None
        As for `StreamMixin`.
    data_collator : Collator
        Pads items and stacks their weights.
    loss : TokenLoss or TrainingLoss
        A loss of target tokens, or one made for these tasks, such as a `LabelTrainingLoss`; for a `Schedule` a
        `StagedTrainingLoss`.
    task_weighting : TaskWeighting, optional
        How tasks weigh against each other; without it as they are drawn, like `Sum`.
    eval_dataset : Dataset or dict of str to Dataset, optional
        Validation examples, for the validation loss.
    processing_class : optional
        The tokenizer, saved with every checkpoint.
    callbacks : list of transformers.TrainerCallback, optional
        Further callbacks.
    validation : Validation, optional
        Called with the model at each evaluation of `eval_dataset`; its metrics are logged beside the loss as
        ``eval_<name>``, and `args.metric_for_best_model` may name one. It must not change the model.
    patience : int, optional
        End training after so many validations in a row without an improvement of `args.metric_for_best_model`. With
        `args.load_best_model_at_end` each validation that is the best so far is saved, whatever `args.save_steps` is.
    optimizers : tuple, optional
        Optimiser and scheduler, instead of those that `args` name.
    model_init : callable, optional
        Makes the model, anew for every `train()`; may take the trial. `hyperparameter_search` needs it. Each trial has
        its own folder of checkpoints and `metrics.jsonl`, and a signal that stops one stops the search, as a
        KeyboardInterrupt.

    Raises
    ------
    ConfigError
        If an argument would break the stream or the loss, the sampler does not fit, transformers refuses an option, or
        there is not one of `model` and `model_init`.

    References
    ----------
    Katharopoulos & Fleuret (2018), "Not All Samples Are Created Equal", equation 3 (the importance weight).
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: PreTrainedModel | None,
        args: Seq2SeqTrainingArguments,
        train_dataset: Dataset[Any] | None,
        sampler: EpochSampler | None,
        data_collator: Collator,
        *,
        loss: TokenLoss | TrainingLoss = TokenLoss(),  # noqa: B008 - immutable
        task_weighting: TaskWeighting | None = None,
        eval_dataset: Dataset[Any] | dict[str, Dataset[Any]] | None = None,
        processing_class: Any = None,
        callbacks: list[TrainerCallback] | None = None,
        validation: Validation | None = None,
        patience: int | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        model_init: Callable[..., PreTrainedModel] | None = None,
    ) -> None:
        _refuse_two_models(model, model_init, optimizers)
        check_arguments(args, None if model is None else model.config.model_type)
        check_best_metric(args, eval_dataset, () if validation is None else validation.names)
        check_sharding(args)
        with refusing_options(args, starting=lambda: True):
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
                model_init=model_init,
            )
        check_arguments(args, self._plain_model.config.model_type)
        self._stepping = False
        self.checkpoints.all_trained = True
        self.step_loss = StepLoss(loss, task_weighting, self.accelerator)
        self.validation = validation
        self._stop = StopOnSignal(self.accelerator)
        self.add_part(self.step_loss)
        self.add_part(BestCheckpoint(args, patience))
        self.add_callback(MetricsCallback(lambda: self.checkpoints.output_dir))
        self.add_callback(self._stop)
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback) is not None:
            self.add_callback(Progress())

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the last `train()`; its checkpoint can be resumed."""
        return self._stop.interrupted

    def train(
        self,
        resume_from_checkpoint: str | os.PathLike[str] | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train as `StreamMixin.train` does, and stop on signals."""
        self._stepping = False
        refusing = refusing_options(self.args, starting=lambda: not self._stepping)
        silent = silent_about_tied_parameters(lambda: self._plain_model)
        with self._stop.installed(), no_bars_for_saving(), silent, refusing:
            done = super().train(resume_from_checkpoint, trial, ignore_keys_for_eval)
        if trial is not None and self.interrupted:
            raise KeyboardInterrupt  # the search would begin the next trial
        return done

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Tensor]], Tensor]:
        """Return the micro-batches of one step on this rank, and the weight of the step on all ranks."""
        self._stepping = True
        batches = list(itertools.islice(epoch_iterator, num_batches))
        return batches, self.step_loss.begin(batches, self._plain_model, self.state)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the share of a micro-batch in the loss of its step, a scalar.

        `num_items_in_batch` is the weight of the whole step, from `get_batch_samples`; without it, the batch is a step
        by itself.

        Raises
        ------
        RunError
            If outputs are asked for: label losses have none for the targets alone.
        """
        if return_outputs:
            raise RunError("no-outputs", "EquipoiseTrainer returns no outputs with the loss. Call the model itself.")
        # Forward passes are of the wrapped model: DDP must see them.
        if not isinstance(num_items_in_batch, Tensor):
            return self.step_loss.sum_of(inputs, self._plain_model, self.state, wrapped=model).mean()
        # DDP and FSDP average gradients over the ranks, and the Trainer its logged losses; both need the sum.
        return self.step_loss.share(inputs, num_items_in_batch, model) * self.accelerator.num_processes

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimiser, with a group for the parameters of the task weighting."""
        optimizer = super().create_optimizer(model)
        own = self.step_loss.parameters()
        known = {id(each) for group in optimizer.param_groups for each in group["params"]}
        if own and id(own[0]) not in known:
            optimizer.add_param_group({"params": own, "weight_decay": 0.0})
        return optimizer

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, with the weights of the tasks beside the training loss."""
        super().log(logs | self.step_loss.logged if "loss" in logs else logs, *args, **kwargs)

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Compute the loss on a dataset as it is: every example once and with weight one, without predictions.

        Of `eval_dataset` also what `validation` measures. Random numbers of training are left as they are.
        """
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # a loader takes a seed for its workers from them
            return self._evaluated(dataloader, metric_key_prefix)

    def _evaluated(self, dataloader: DataLoader[Any], prefix: str) -> EvalLoopOutput:
        examples = len(cast(Any, dataloader.dataset))
        ranks, size = self.accelerator.num_processes, self.args.eval_batch_size
        model = self._plain_model.eval()
        cast(Any, self.callback_handler).eval_dataloader = dataloader  # for the progress, as Trainer does
        total = weight = 0.0
        for turn, fetched in enumerate(dataloader):
            inputs = cast(dict[str, Tensor], send_to_device(fetched, self.args.device))
            first = (turn * ranks + self.accelerator.process_index) * size
            # Accelerate fills up the last round of batches with examples from the start: not counted again.
            place = torch.arange(len(inputs["labels"]), device=inputs["labels"].device) + first
            inputs["example_weight"] = (place < examples).float()
            with torch.no_grad(), self.accelerator.autocast():
                part = self.step_loss.validated(inputs, model, self.state)
            total += part.total.item()
            weight += part.weight.item()
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)
        here = torch.tensor([total, weight], device=self.accelerator.device)
        whole = WeightedSum(*cast(Tensor, self.accelerator.reduce(here, "sum")).cpu())
        metrics = {f"{prefix}_loss": whole.mean().item()}
        if self.validation is not None and dataloader.dataset is self.eval_dataset:
            with self.gathered(), self.accelerator.autocast():
                metrics |= {f"{prefix}_{name}": value for name, value in self.validation(model).items()}
        nothing = cast(Any, None)  # transformers itself puts None here when only the loss was asked for
        return EvalLoopOutput(nothing, nothing, metrics, examples)

    def predict(self, *args: Any, **kwargs: Any) -> PredictionOutput:
        """Raise RunError: `equipoise.models` makes predictions."""
        raise RunError("no-predictions", "EquipoiseTrainer makes no predictions. Use `equipoise.models.LabelScorer`.")

    @property
    def _plain_model(self) -> PreTrainedModel:
        return cast(PreTrainedModel, self.model)


def _refuse_two_models(model: object, model_init: object, optimizers: tuple[Any, Any]) -> None:
    if (model is None) == (model_init is None):
        found = "neither" if model is None else "both"
        raise ConfigError("model-or-init", f"Pass one of `model` and `model_init`, found {found}.")
    if model_init is not None and any(each is not None for each in optimizers):
        raise ConfigError(
            "model-or-init",
            "`optimizers` cannot be passed with `model_init`, which makes other parameters for every training. "
            "Name them in `args` (`optim`, `lr_scheduler_type`), or override `create_optimizer`.",
        )

"""Train a model as a configuration describes, in a run directory."""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch.utils.data import Dataset
from transformers import Seq2SeqTrainingArguments

from equipoise.base.files import to_disk, write_atomically
from equipoise.collate import Collator, DrawnLengths, EncodedExamples
from equipoise.collate.open_inputs import padding
from equipoise.config import RunConfig
from equipoise.data import give_warnings
from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.loaders.checks import whole_steps
from equipoise.metrics import METRICS
from equipoise.models import load_model
from equipoise.models.base_model import base_of
from equipoise.runs.directory import RunDirectory
from equipoise.runs.identity import facts, refuse_other_run
from equipoise.runs.losses import task_weighting_of, training_loss_of
from equipoise.runs.prepare import Prepared, encode, prepare, refuse_bad_forecast
from equipoise.runs.published import Published
from equipoise.runs.rows import open_ended
from equipoise.runs.samples import validation_rows
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.runs.tokens import tokenise_if_mostly_drawn, training_examples
from equipoise.runs.trackers import tracked, trackers_in
from equipoise.runs.tracking import attach
from equipoise.runs.validation import LabelValidation, TurnedTasks, validation_records
from equipoise.samplers import LengthSorted
from equipoise.trainer import EquipoiseTrainer, training_arguments
from equipoise.trainer.adapter import AdapterBase
from equipoise.trainer.arguments import global_batch
from equipoise.trainer.callbacks import METRICS_NAME
from equipoise.trainer.checkpointing import held_by_first_rank, on_first_rank
from equipoise.trainer.checkpoints.folders import begin, last_checkpoint, saving
from equipoise.trainer.checkpoints.seal import seal
from equipoise.trainer.launch import join
from equipoise.trainer.ranks import Ranks


@dataclass(frozen=True)
class Run:
    """A training that ended.

    Attributes
    ----------
    directory : RunDirectory
        The directory of the run.
    interrupted : bool
        Whether a signal ended it; it can be resumed.
    steps : int
        Optimiser steps done, including those of earlier sessions.
    main : bool
        Whether this process is the first rank, the one that writes.
    published : Published or None
        Which checkpoint the model is of, if that was chosen by `training.best`.
    """

    directory: RunDirectory
    interrupted: bool
    steps: int
    main: bool
    published: Published | None = None


def train(
    config: RunConfig,
    out: Path,
    *,
    resume: bool = False,
    cache: Path | None = None,
    prepared_is: Callable[[Prepared], None] | None = None,
) -> Run:
    """Train a model as a configuration describes.

    Parameters
    ----------
    config : RunConfig
        The configuration of the run.
    out : pathlib.Path
        Output directory; new or empty, unless the run is resumed.
    resume : bool
        Resume the run in `out` from its newest complete checkpoint; start it if there is none.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`, and for their tokens, which later runs of the same rows
        read. Without it rows are in memory, and tokens in `out` until the run is complete.
    prepared_is : callable, optional
        Is called with data, tasks and plan, before anything is trained; on every rank.

    Returns
    -------
    Run
        The run; its model is in ``run.directory.model`` unless it was interrupted.

    Raises
    ------
    EquipoiseError
        If data, configuration or plan cannot be used, `out` holds something already, or the run to resume is another
        one, or not the same on all ranks; the message names the differences.
    """
    ranks = join(config.trainer, os.environ)
    with ranks.ending_together():
        prepared = prepare(config, cache=cache, shard=Shard(ranks.rank, ranks.size))
        give_warnings(prepared.problems)
        if prepared_is is not None:
            prepared_is(prepared)
        return train_prepared(prepared, out, resume=resume, cache=cache, ranks=ranks)


def train_prepared(
    prepared: Prepared,
    out: Path,
    *,
    resume: bool = False,
    cache: Path | None = None,
    encoded: EncodedExamples | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008 - immutable
    watched: bool = True,
    parent: Path | None = None,
) -> Run:
    """Train on records that were read before, and perhaps tokenised by the tokenizer of the same model; see `train`.

    Validations compute metrics of the labels if they are `watched`, or the model is chosen by one. `parent` is the
    directory of the comparison that the run is a part of, for trackers.
    """
    config, plan = prepared.config, prepared.plan
    refuse_bad_forecast(prepared)
    directory = RunDirectory(out)
    started = resume and directory.started
    if started:
        RunDirectory.open(out)
        refuse_other_run(directory, prepared)
    task_weighting = task_weighting_of(prepared)
    model, tokenizer = load_model(config)
    args = trainer_arguments(config, directory.checkpoints, model.config.model_type)
    main = args.process_index == 0
    names = trackers_in(args.report_to)
    training_loss = training_loss_of(prepared, model, tokenizer)
    if ranks.size > 1:
        ranks.agree(facts(prepared, out, resume=resume, base=base_of(model)))
    if started and directory.model.is_dir():
        published = Published.read(directory)
        steps = args.max_steps if published is None else published.steps
        return Run(directory, interrupted=False, steps=steps, main=main, published=published)
    # All that can fail without the Trainer comes before the first file: labels and prompts that the tokenizer cannot
    # handle are refused here.
    shard = Shard(args.process_index, args.world_size)
    if encoded is None:
        encoded = training_examples(
            config,
            prepared.train,
            prepared.tasks,
            tokenizer,
            cache or directory.tokens,
            rows_sha256=prepared.data["train_sha256"],
            shard=shard,
        )
    validation = metrics = None
    if config.training.validate_every is not None:
        validation = _validation_examples(prepared, tokenizer)
        if watched or config.training.best not in (None, "loss"):
            metrics = LabelValidation(prepared, model, tokenizer, shard)
    index = index_of(prepared)
    sampler = sampler_of(config, plan, index, args.max_steps * global_batch(args))
    weights = index.spread(plan.importance_weights.astype(np.float32))
    new = not out.is_dir()
    if not started:  # before the lock, which would be a file in a directory of others
        on_first_rank(lambda: RunDirectory.create(out, again=resume), out, args)
    with (
        held_by_first_rank(directory.checkpoints, args),
        directory.starting(prepared, again=resume, new=new) if main and not started else nullcontext(),
    ):
        trainer = EquipoiseTrainer(
            model,
            args,
            cast("Dataset[Any]", replace(encoded, example_weights=weights)),
            LengthSorted(sampler, encoded.lengths, global_batch(args), config.training.window),
            Collator(padding(tokenizer)),
            loss=training_loss,
            task_weighting=task_weighting,
            eval_dataset=cast("Dataset[Any] | None", validation),
            processing_class=tokenizer,
            callbacks=None if metrics is None else [TurnedTasks(metrics.rows)],
            validation=metrics,
            patience=config.training.patience,
        )
        trainer.add_part(AdapterBase(base_of(model), first=main))
        tokenise_if_mostly_drawn(encoded, plan, len(sampler), shard)
        with tracked(names if main else [], out, parent=parent, step=_last_step(directory)) as trackers:
            attach(trackers, trainer, plan, sampler)
            result = trainer.train(resume_from_checkpoint=resume)
        if isinstance(encoded.lengths, DrawnLengths):
            encoded.lengths.warn_of_totals()
        best = trainer.state.best_model_checkpoint
        published = Published.of(config.training, trainer.state, args.max_steps, Path(best) if best else None)
        if not trainer.interrupted and main:
            if published is not None:
                published.write(directory)
            _publish(trainer, directory)
            shutil.rmtree(directory.tokens, ignore_errors=True)
        elif not trainer.interrupted:
            trainer.save_model(str(directory.model))  # where parameters are sharded, the first rank needs those here
    return Run(directory, trainer.interrupted, result.global_step, main, published)


def _last_step(directory: RunDirectory) -> int:
    last = last_checkpoint(directory.checkpoints)
    return 0 if last is None else int(last.name.removeprefix("checkpoint-"))


def _validation_examples(prepared: Prepared, tokenizer: Any) -> EncodedExamples:
    records = validation_records(prepared)
    strata, _ = records.strata(open_ended(prepared.tasks))
    rows = validation_rows(strata, seed=prepared.config.seed)
    return encode(prepared.config, records.take(rows), prepared.tasks, tokenizer)


def _publish(trainer: EquipoiseTrainer, directory: RunDirectory) -> None:
    """Put the metrics, the model and its tokenizer in place; the folder of the model is sealed, and renamed last."""
    with write_atomically(directory.metrics) as temporary:
        shutil.copyfile(directory.checkpoints / METRICS_NAME, temporary)
    unfinished = directory.path / ".model"
    begin(unfinished, directory.checkpoints)
    with saving(unfinished, directory.checkpoints):
        trainer.save_model(str(unfinished))
        base = base_of(trainer.model)
        if base is not None:
            base.write(unfinished)
        seal(unfinished)
    unfinished.replace(directory.model)
    to_disk(directory.path)


def trainer_arguments(config: RunConfig, folder: Path, model_type: str) -> Seq2SeqTrainingArguments:
    """Build the arguments of the Trainer: those that the configuration owns, then those that it passes on.

    Parameters
    ----------
    config : RunConfig
        The configuration of the run, with `plan.draws`.
    folder : pathlib.Path
        The folder of the checkpoints.
    model_type : str
        The `model_type` of the model's configuration.

    Returns
    -------
    transformers.Seq2SeqTrainingArguments
        With the global batch size and the number of steps of the configuration.

    Raises
    ------
    ConfigError
        If an argument that is passed on cannot be used, or the batch cannot be split over the devices.
    """
    training = config.training
    every, best = training.validate_every, training.best
    rising = best not in (None, "loss") and METRICS[best].sign > 0
    options = {
        "per_device_train_batch_size": 1,  # set below, once the number of ranks is known
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if training.schedule == "constant" else training.schedule,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_gradient_norm,
        "logging_steps": training.log_every,
        "save_steps": training.save_every,
        "eval_strategy": "steps" if every else "no",
        **({"eval_steps": every} if every else {}),
        "per_device_eval_batch_size": 64,
        "label_names": ["labels"],  # the Trainer cannot tell them from the signature of a model with an adapter
        **({"metric_for_best_model": best, "greater_is_better": rising} if best else {}),
        **config.trainer,
    }
    args = training_arguments(folder, options, model_type=model_type, seed=config.seed)
    # Only now: it would be refused where checkpoints are rarer than validations, but the best of these is always saved.
    args.load_best_model_at_end = best is not None
    smallest = global_batch(args)
    if training.batch_size % smallest:
        raise ConfigError(
            "batch-size",
            "`training.batch_size` counts the examples of one optimiser step over all devices and accumulation,"
            f" so it must be a multiple of {smallest} here, found {training.batch_size}.",
        )
    args.per_device_train_batch_size = training.batch_size // smallest
    assert config.plan.draws is not None
    args.max_steps = whole_steps(config.plan.draws, training.batch_size) // training.batch_size
    args.warmup_steps = round(training.warmup * args.max_steps)
    return args

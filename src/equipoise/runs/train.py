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

from equipoise.collate import Collator, DrawnLengths, EncodedExamples
from equipoise.collate.open_inputs import padding
from equipoise.config import RunConfig
from equipoise.data import give_warnings
from equipoise.drawing import Shard
from equipoise.models import load_model
from equipoise.models.base_model import base_of
from equipoise.models.positions import refuse_too_long
from equipoise.plan import Plan
from equipoise.runs.arguments import trainer_arguments
from equipoise.runs.directory import RunDirectory
from equipoise.runs.feedback import FeedbackDriver
from equipoise.runs.identity import facts, refuse_other_run
from equipoise.runs.losses import task_weighting_of, training_loss_of
from equipoise.runs.prepare import Prepared, encode, prepare, refuse_bad_forecast
from equipoise.runs.published import Published, publish
from equipoise.runs.rows import open_ended
from equipoise.runs.samples import validation_rows
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.runs.schedule import ReplanAtBegin, UsedSchedule, resumed
from equipoise.runs.tokens import tokenise_if_mostly_drawn, training_examples
from equipoise.runs.trackers import tracked, trackers_in
from equipoise.runs.tracking import attach
from equipoise.runs.validation import LabelValidation, TurnedTasks, validation_records
from equipoise.samplers import LengthSorted
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.adapter import AdapterBase
from equipoise.trainer.arguments import global_batch
from equipoise.trainer.checkpointing import held_by_first_rank, on_first_rank
from equipoise.trainer.checkpoints.folders import last_checkpoint, step_of
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
    replan: bool = False,
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
    replan : bool
        Draw the rest of the run that is resumed by the plan of the configuration, instead of refusing another one.
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
        return train_prepared(prepared, out, resume=resume, replan=replan, cache=cache, ranks=ranks)


def train_prepared(
    prepared: Prepared,
    out: Path,
    *,
    resume: bool = False,
    replan: bool = False,
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
    refuse_bad_forecast(prepared)
    directory, decided = RunDirectory(out), None
    started = resume and directory.started
    if started or replan:
        RunDirectory.open(out)
        prepared, decided = resumed(directory, prepared, replanned=replan)
        refuse_other_run(directory, prepared)
    config, plan = prepared.config, prepared.plan
    task_weighting = task_weighting_of(prepared)
    model, tokenizer = load_model(config)
    refuse_too_long(model, config.training.max_input, config.training.max_target)
    args = trainer_arguments(config, directory.checkpoints, model.config.model_type)
    main = args.process_index == 0
    names = trackers_in(args.report_to)
    index, draws = index_of(prepared), args.max_steps * global_batch(args)
    sampler = sampler_of(config, plan, index, draws)
    training_loss = training_loss_of(prepared, model, tokenizer, lambda: sampler.plan, draws)
    if ranks.size > 1:
        ranks.agree(facts(prepared, out, resume=resume, base=base_of(model), decided=decided))
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
    validation = _validation_examples(prepared, tokenizer)
    watched = validation is not None and (watched or config.training.best not in (None, "loss"))
    metrics = LabelValidation(prepared, model, tokenizer, shard) if watched else None
    ordered = LengthSorted(sampler, encoded.lengths, global_batch(args), config.training.window)
    # Where the plan changes, the loss weighs each draw by the plan of its stage.
    weights = np.ones(len(plan.strata)) if prepared.changes else plan.average().importance_weights
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
            cast("Dataset[Any]", replace(encoded, example_weights=index.spread(weights.astype(np.float32)))),
            ordered,
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
        _follow_plans(trainer, ordered, prepared, decided, tokenizer, directory)
        tokenise_if_mostly_drawn(encoded, plan, len(sampler), shard)
        with tracked(names if main else [], out, parent=parent, step=_last_step(directory)) as trackers:
            attach(trackers, trainer, plan, sampler)
            result = trainer.train(resume_from_checkpoint=resume)
        if isinstance(encoded.lengths, DrawnLengths):
            encoded.lengths.warn_of_totals()
        best = trainer.state.best_model_checkpoint
        published = Published.of(config.training, trainer.state, args.max_steps, Path(best) if best else None)
        if not trainer.interrupted:
            _publish(trainer, directory, published, main=main)
    return Run(directory, trainer.interrupted, result.global_step, main, published)


def _follow_plans(
    trainer: EquipoiseTrainer,
    sampler: LengthSorted,
    prepared: Prepared,
    decided: Plan | None,
    tokenizer: Any,
    directory: RunDirectory,
) -> None:
    """Add the parts that decide on plans while the run trains, and the one that writes what was decided."""
    if prepared.feedback is not None and prepared.config.plan.feedback is not None:
        trainer.add_part(FeedbackDriver(prepared, trainer, sampler, tokenizer, directory))
    if decided is not None:
        trainer.add_part(ReplanAtBegin(sampler, decided, len(sampler)))
    trainer.add_part(UsedSchedule(directory, sampler, first=trainer.args.process_index == 0))


def _publish(trainer: EquipoiseTrainer, directory: RunDirectory, published: Published | None, *, main: bool) -> None:
    """Write the model that training ended with, on the first rank."""
    if not main:
        trainer.save_model(str(directory.model))  # where parameters are sharded, the first rank needs those here
        return
    if published is not None:
        published.write(directory)
    publish(trainer, directory)
    shutil.rmtree(directory.tokens, ignore_errors=True)


def _last_step(directory: RunDirectory) -> int:
    last = last_checkpoint(directory.checkpoints)
    return 0 if last is None else step_of(last)


def _validation_examples(prepared: Prepared, tokenizer: Any) -> EncodedExamples | None:
    if prepared.config.training.validate_every is None:
        return None
    records = validation_records(prepared)
    strata, _ = records.strata(open_ended(prepared.tasks))
    rows = validation_rows(strata, seed=prepared.config.seed)
    return encode(prepared.config, records.take(rows), prepared.tasks, tokenizer)

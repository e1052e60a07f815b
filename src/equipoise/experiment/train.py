"""Train: one configuration becomes one run directory."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from equipoise.base.files import to_disk, write_atomically
from equipoise.collate import Collator, EncodedExamples
from equipoise.config import RunConfig
from equipoise.data import Records, give_warnings
from equipoise.drawing import StratumIndex
from equipoise.errors import DataError
from equipoise.experiment.arguments import trainer_arguments
from equipoise.experiment.directory import RunDirectory
from equipoise.experiment.objective import objective_of
from equipoise.experiment.prepare import Prepared, prepare, refuse_bad_forecast
from equipoise.experiment.resume import refuse_other_run
from equipoise.experiment.sampling import index_of, sampler_of
from equipoise.experiment.strata import strata_of
from equipoise.experiment.tasks_loss import tasks_loss_of_run
from equipoise.experiment.validation import validation_rows
from equipoise.models import load_model
from equipoise.plan import Plan
from equipoise.samplers import LengthSorted
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.callbacks import METRICS_NAME
from equipoise.trainer.checkpoints.folders import saving
from equipoise.trainer.trainer import global_batch


@dataclass(frozen=True)
class Run:
    """What became of a training.

    Attributes
    ----------
    directory : RunDirectory
        Where everything is.
    interrupted : bool
        Whether a signal ended it; it can be resumed.
    steps : int
        Optimiser steps done, in this and earlier sittings.
    main : bool
        Whether this process is the first rank, the one that writes.
    """

    directory: RunDirectory
    interrupted: bool
    steps: int
    main: bool


def train(config: RunConfig, out: Path, *, resume: bool = False) -> Run:
    """Train a model as a configuration says.

    Parameters
    ----------
    config : RunConfig
        The whole run.
    out : pathlib.Path
        The directory of the run; new, unless it is resumed.
    resume : bool
        Continue the run in `out` from its newest whole checkpoint; start it if there is none yet.

    Returns
    -------
    Run
        The run; its model is in ``run.directory.model`` unless it was interrupted.

    Raises
    ------
    EquipoiseError
        If data, configuration or plan cannot be used, `out` holds something already, or the run to be
        resumed was another one; the message names the difference.
    """
    prepared = prepare(config)
    give_warnings(prepared.problems)
    return train_prepared(prepared, out, resume=resume)


def train_prepared(
    prepared: Prepared, out: Path, *, resume: bool = False, encoded: EncodedExamples | None = None
) -> Run:
    """Train on records that were read before, and perhaps tokenised before; see `train`.

    Parameters
    ----------
    prepared : Prepared
        From `prepare`.
    out : pathlib.Path
        The directory of the run.
    resume : bool
        Continue the run in `out`, or start it.
    encoded : EncodedExamples, optional
        The training rows, tokenised by the same model's tokenizer, to share them between runs.

    Returns
    -------
    Run
        The run.
    """
    config, plan = prepared.config, prepared.plan
    refuse_bad_forecast(prepared)
    directory = RunDirectory(out)
    started = resume and directory.started
    if started:
        RunDirectory.open(out)
        refuse_other_run(directory, prepared)
    tasks_loss = tasks_loss_of_run(prepared)
    model, words = load_model(config.model.name, seed=config.seed)
    tokenizer: Any = words
    args = trainer_arguments(config, directory.checkpoints, model.config.model_type)
    main = args.process_index == 0
    objective = objective_of(prepared, model, tokenizer)
    if started and directory.model.is_dir():
        return Run(directory, interrupted=False, steps=args.max_steps, main=main)
    if main and not started:
        RunDirectory.create(out, again=resume).write_inputs(config, plan, prepared.tasks, prepared.describe_data())
    train_rows = prepared.train
    if encoded is None:
        encoded = encode(train_rows, prepared, tokenizer)
    index = index_of(prepared)
    sampler = sampler_of(prepared, index, args.max_steps * global_batch(args))
    trainer = EquipoiseTrainer(
        model,
        args,
        cast("Dataset[Any]", replace(encoded, example_weights=importance_weights(plan, index))),
        LengthSorted(sampler, encoded.input_lengths, global_batch(args), config.training.window),
        Collator(tokenizer.pad_token_id),
        loss=objective,
        tasks_loss=tasks_loss,
        eval_dataset=cast("Dataset[Any] | None", _validation(prepared, tokenizer)),
        processing_class=tokenizer,
    )
    result = trainer.train(resume_from_checkpoint=resume)
    if main and not trainer.interrupted:
        _publish(trainer, directory)
    return Run(directory, trainer.interrupted, result.global_step, main)


def encode(records: Records, prepared: Prepared, tokenizer: Any) -> EncodedExamples:
    """Tokenise records within the limits of a run's configuration; every example has weight one."""
    limits = prepared.config.training
    return EncodedExamples.encode(
        records, prepared.tasks, tokenizer, max_input=limits.max_input, max_target=limits.max_target
    )


def importance_weights(plan: Plan, index: StratumIndex) -> NDArray[np.float32]:
    """The weight p*/q of every training row."""
    return index.spread(plan.importance_weights.astype(np.float32))


def _validation(prepared: Prepared, tokenizer: Any) -> EncodedExamples | None:
    if prepared.config.training.validate_every is None:
        return None
    records = prepared.records.where(split="validation")
    known = [name in prepared.tasks for name in records.column("task").to_pylist()]
    records = records.take(np.flatnonzero(known))
    if not len(records):
        raise DataError("`training.validate_every` needs validation rows, found none. Leave it out.")
    rows = validation_rows(*strata_of(records, prepared.tasks), seed=prepared.config.seed)
    return encode(records.take(rows), prepared, tokenizer)


def _publish(trainer: EquipoiseTrainer, directory: RunDirectory) -> None:
    """Put the metrics, the model and its tokenizer in place; the model's name comes last."""
    metrics = directory.checkpoints / METRICS_NAME
    with write_atomically(directory.metrics) as temporary:
        shutil.copyfile(metrics, temporary)
    unfinished = directory.path / ".model"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    with saving(unfinished, directory.checkpoints):
        trainer.save_model(str(unfinished))
        for path in (*unfinished.rglob("*"), unfinished):
            to_disk(path)
    unfinished.replace(directory.model)
    to_disk(directory.path)

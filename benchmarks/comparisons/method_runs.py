"""Train, evaluate and calibrate one method; what it came to is kept, so that a benchmark cut short goes on."""

import json
import multiprocessing
import shutil
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from equipoise.base.plain_json import write_json
from equipoise.calibration import Calibration
from equipoise.collate import EncodedExamples
from equipoise.compare.demo import DRAWS
from equipoise.data import Records
from equipoise.errors import DataWarning
from equipoise.metrics import Scores, evaluate, read_predictions
from equipoise.models import load_model
from equipoise.runs.calibration.calibrate import CalibrationOptions, calibrate
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.prepare import Prepared, encode, prepare
from equipoise.runs.train import train_prepared

from .methods import SOURCES


class Job(NamedTuple):
    """One training."""

    source: str
    method: str
    seed: int
    draws: int = DRAWS


def scores_of_all(jobs: Sequence[Job], work: Path, processes: int) -> dict[Job, Any]:
    """The scores of each training, several at a time."""
    work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = {job: pool.submit(scores_of, job, work) for job in jobs}
        found: dict[Job, Any] = {}
        for job, future in futures.items():
            found[job] = future.result()
            print(job, found[job]["plain"]["macro_f1"], flush=True)
    return found


def scores_of(job: Job, work: Path) -> dict[str, dict[str, float]]:
    """Mean over the tasks of each metric, of the model as it is and calibrated, without and with tau."""
    of_draws = "" if job.draws == DRAWS else f"-{job.draws}"
    held = work / f"{job.source}-{job.method}-{job.seed}{of_draws}.json"
    if not held.exists():
        write_json(held, _run(job, work / held.stem))
    return json.loads(held.read_text(encoding="utf-8"))


def _run(job: Job, out: Path) -> dict[str, Any]:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DataWarning)  # of labels that validation rows lack; the pages tell of them
    shutil.rmtree(out, ignore_errors=True)
    records = _records(job.source)
    source = SOURCES[job.source]
    prepared = prepare(source.config(job.method, job.seed, records, job.draws), records)
    run = train_prepared(prepared, out, encoded=_encoded(job.source, "train"))
    if run.interrupted:
        raise KeyboardInterrupt
    shutil.rmtree(run.directory.checkpoints, ignore_errors=True)
    model, tokenizer = load_model(run.directory.model)
    rows, encoded = records.where(split="test"), _encoded(job.source, "test")
    evaluate_model(model, tokenizer, prepared.config, prepared.plan, prepared.tasks, rows, out, encoded=encoded)
    with_tau = calibrate(out, CalibrationOptions(metric="macro_f1")).calibration
    without = {name: replace(task, tau=0.0) for name, task in with_tau.tasks.items()}
    return {
        "plain": _means(run.directory, None),
        "probabilities": _means(run.directory, replace(with_tau, tasks=without)),
        "tau": _means(run.directory, with_tau),
    }


def _means(run: RunDirectory, calibration: Calibration | None) -> dict[str, float | None]:
    predictions = read_predictions(run.predictions)
    if calibration is not None:
        predictions, _ = calibration.apply(predictions)
    scores: Scores = evaluate(predictions, bootstrap=0)
    return {metric: estimate.value for metric, estimate in scores.mean.items()}


@cache
def _records(source: str) -> Records:
    return SOURCES[source].records()


@cache
def _encoded(source: str, split: str) -> EncodedExamples:
    """The rows of a split; prompts, targets and limits are the same for all methods."""
    records = _records(source)
    prepared: Prepared = prepare(SOURCES[source].config("natural", 0, records), records)
    _, tokenizer = load_model(prepared.config)
    return encode(prepared.config, records.where(split=split), prepared.tasks, tokenizer)

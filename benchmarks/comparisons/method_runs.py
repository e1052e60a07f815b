"""Train and evaluate one method; what it predicted is kept, so that a benchmark cut short goes on."""

import json
import multiprocessing
import shutil
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from equipoise.base.plain_json import write_json
from equipoise.collate import EncodedExamples
from equipoise.compare.corrections import corrected, scores_of, validation_predictions
from equipoise.compare.demo_size import DRAWS
from equipoise.config import RunConfig
from equipoise.data import Records
from equipoise.errors import DataWarning
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.prepare import Prepared, encode, prepare
from equipoise.runs.train import train_prepared

from .methods import SOURCES
from .models import MODELS

CORRECTIONS = {"plain": "none", "probabilities": "calibrated", "tau": "tau"}


class Job(NamedTuple):
    """One training."""

    source: str
    method: str
    seed: int
    draws: int = DRAWS
    model: str = "tiny"

    @property
    def name(self) -> str:
        """Of its files."""
        of_draws = "" if self.draws == DRAWS else f"-{self.draws}"
        of_model = "" if self.model == "tiny" else f"-{self.model}"
        return f"{self.source}-{self.method}{of_model}-{self.seed}{of_draws}"


def scores_of_all(jobs: Sequence[Job], work: Path, processes: int) -> dict[Job, Any]:
    """The scores of each training, several at a time."""
    work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = {job: pool.submit(means_of, job, work) for job in jobs}
        found: dict[Job, Any] = {}
        for job, future in futures.items():
            found[job] = future.result()
            print(job.name, found[job]["plain"]["macro_f1"], flush=True)
    return found


def means_of(job: Job, work: Path) -> dict[str, dict[str, float | None]]:
    """Mean over the tasks of each metric, of the model as it is and calibrated, without and with tau."""
    held = work / f"{job.name}.json"
    if not held.exists():
        run = run_of(job, work)
        found = {name: scores_of(corrected(run, kind, "macro_f1"))[0] for name, kind in CORRECTIONS.items()}
        write_json(held, found)
    return json.loads(held.read_text(encoding="utf-8"))


def run_of(job: Job, work: Path) -> RunDirectory:
    """The run of a training, with what it predicts for all validation and all test rows; trained if it is not there."""
    out = work / job.name
    run = RunDirectory(out)
    if not _predicted(run):
        _run(job, out)
    return run


def is_done(job: Job, work: Path) -> bool:
    """Whether a training was run, and predicted what it has to."""
    return _predicted(RunDirectory(work / job.name))


def _predicted(run: RunDirectory) -> bool:
    return run.predictions.is_file() and validation_predictions(run).is_file()


def _run(job: Job, out: Path) -> None:
    torch.set_num_threads(1)
    if job.model != "tiny":
        torch.set_float32_matmul_precision(
            "medium"
        )  # products in bfloat16, sums in float32, as mixed precision on a GPU
    warnings.simplefilter("ignore", DataWarning)  # of labels that validation rows lack; the pages tell of them
    records, config = _records(job.source), config_of(job)
    prepared = prepare(config, records)
    run = RunDirectory(out)
    if not run.model.is_dir():
        shutil.rmtree(out, ignore_errors=True)
        begin = time.process_time()
        if train_prepared(prepared, out, encoded=_encoded(job.source, job.model, "train")).interrupted:
            raise KeyboardInterrupt
        write_json(out / "cpu_seconds.json", {"training": time.process_time() - begin})
        shutil.rmtree(run.checkpoints, ignore_errors=True)
    model, tokenizer = load_model(run.trained_model())
    for split, folder in (("validation", validation_predictions(run).parent), ("test", out)):
        rows, encoded = records.where(split=split), _encoded(job.source, job.model, split)
        evaluate_model(model, tokenizer, config, prepared.plan, prepared.tasks, rows, folder, encoded=encoded)
    shutil.rmtree(run.model)  # what it predicted is all that is looked at


def config_of(job: Job) -> RunConfig:
    """The configuration of a training."""
    records = _records(job.source)
    return MODELS[job.model](SOURCES[job.source].config(job.method, job.seed, records, job.draws))


@cache
def _records(source: str) -> Records:
    return SOURCES[source].records()


@cache
def _encoded(source: str, model: str, split: str) -> EncodedExamples:
    """The rows of a split; prompts, targets and limits are the same for all methods."""
    records, config = _records(source), config_of(Job(source, "natural", 0, model=model))
    prepared: Prepared = prepare(config, records)
    _, tokenizer = load_model(replace(config, model=replace(config.model, adapter=None)))
    return encode(config, records.where(split=split), prepared.tasks, tokenizer)

"""Train and score candidates as the stages of a comparison do, on all rows or as proxies; the scores are kept."""

import json
import multiprocessing
import shutil
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from equipoise.base.plain_json import write_json
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.rows import SharedData
from equipoise.compare.runs import Tested, Trained, Trial, TrialRunner
from equipoise.compare.schedule import Schedule, StagePlan, schedule_of
from equipoise.compare.trainings import Training, trainings_of
from equipoise.config import CompareConfig, ComparisonConfig
from equipoise.errors import DataWarning
from equipoise.runs.prepare import prepare

from .methods import SOURCES

Scores = dict[str, float]
"""Macro-F1, the mean over the tasks, by correction."""


class Job(NamedTuple):
    """One training, in full or in a stage."""

    source: str
    training: str
    seed: int
    stage: int
    """From 0; the last one trains in full."""
    proxy: bool
    """Whether it draws a part of the rows, so that passes are those of the full training."""

    @property
    def name(self) -> str:
        """Of the file of its scores."""
        return f"{self.source}-{self.training}-{self.stage}-{self.seed}{'-proxy' if self.proxy else ''}"


@dataclass(frozen=True)
class Compared:
    """What a comparison of one source trains."""

    config: ComparisonConfig
    data: SharedData
    trainings: dict[str, Training]
    stages: tuple[StagePlan, ...]


@cache
def compared(source: str, draws: int, work: Path) -> Compared:
    """The candidates and stages of a comparison with its defaults, except that `draws` are those in full."""
    warnings.simplefilter("ignore", DataWarning)  # of labels that validation rows lack
    records = SOURCES[source].records()
    run = SOURCES[source].run(records, draws)
    held = {name: getattr(run, name) for name in run.__dataclass_fields__}
    config = ComparisonConfig(**held, compare=CompareConfig())
    base = prepare(config.run, records)
    trainings, _ = trainings_of(config, base)
    data = SharedData(base)
    schedule: Schedule = schedule_of(ComparisonDirectory(work / source), config, trainings, data, print)
    return Compared(config, data, trainings, schedule.stages)


def jobs_of(source: str, draws: int, seeds: int, work: Path) -> list[Job]:
    """All trainings of a source, seed by seed; short ones first."""
    known = compared(source, draws, work)
    earlier = len(known.stages) - 1
    return [
        Job(source, training, seed, stage, proxy)
        for seed in range(seeds)
        for stage in range(len(known.stages))
        for proxy in ((False, True) if stage < earlier else (False,))
        for training in known.trainings
    ]


def scores_of_all(jobs: Sequence[Job], draws: int, work: Path, processes: int, kept: Path) -> dict[Job, Scores]:
    """The scores of each training, several at a time; `kept` holds those that were trained before, by name."""
    known: dict[str, Scores] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    work.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(scores_of, job, draws, work): job for job in jobs if job.name not in known}
        for future in as_completed(futures):
            name = futures[future].name
            known[name] = future.result()
            print(name, known[name], flush=True)
            write_json(kept, dict(sorted(known.items())))
    return {job: known[job.name] for job in jobs}


def scores_of(job: Job, draws: int, work: Path) -> Scores:
    """Train; the scores of a stage on the validation rows that it scores, of a full training on all test rows."""
    torch.set_num_threads(1)
    known = compared(job.source, draws, work)
    stage, full = known.stages[job.stage], known.stages[-1].draws
    runner = TrialRunner(ComparisonDirectory(work / job.source), known.config, known.data, {}, print)
    proxy_of = full if job.proxy else None
    trial = Trial(known.trainings[job.training], job.seed, stage.draws, stage.rows, proxy_of)
    runner.train([trial])
    if job.stage < len(known.stages) - 1:
        means = Trained.read(runner.folder(trial)).scores
    else:
        runner.test([trial])
        means = {correction: found for correction, (found, _) in Tested.read(runner.folder(trial)).scores.items()}
    shutil.rmtree(runner.folder(trial).path)
    return {correction: found["macro_f1"] for correction, found in means.items()}

"""The runs of a comparison: plain run directories, each made once, whoever comes first."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from filelock import Timeout

from equipoise.compare.corrections import (
    Costs,
    Means,
    corrected,
    cross_fitted_validation,
    scores_of,
    validation_predictions,
)
from equipoise.compare.directory import ComparisonDirectory, refusing_damage
from equipoise.compare.prices import training_flops
from equipoise.compare.result import RunCost
from equipoise.compare.rows import Origin, SharedData
from equipoise.compare.trainings import Training
from equipoise.config import ComparisonConfig, RunConfig
from equipoise.models import open_model
from equipoise.runs.directory import RunDirectory, read_json, write_json
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.losses import training_loss_of
from equipoise.runs.prepare import Prepared, fingerprint
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.runs.train import train_prepared

WAIT = 2.0  # seconds between two looks at runs that others train


@dataclass(frozen=True)
class Trial:
    """One run of a training."""

    training: Training
    seed: int
    draws: int

    @property
    def config(self) -> RunConfig:
        """What it is trained with."""
        return self.training.run(self.seed, self.draws)


class TrialRunner:
    """Trains and scores the runs of one comparison.

    Parameters
    ----------
    directory : ComparisonDirectory
        Where the runs go.
    config : ComparisonConfig
        What all of them share, and what they are scored by.
    rows : SharedData
        All rows.
    costs : mapping of str to array
        Cost matrices by task, if the metric is the expected cost.
    log : callable
        Told what happens, line by line.
    sleep : callable
        Waits a number of seconds while other processes train what is missing.
    """

    def __init__(
        self,
        directory: ComparisonDirectory,
        config: ComparisonConfig,
        rows: SharedData,
        costs: Costs,
        log: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.directory = directory
        self.config = config
        self.rows = rows
        self.costs = costs
        self.log = log
        self.sleep = sleep
        self._folders: dict[tuple[str, int, int], RunDirectory] = {}

    def folder(self, run: Trial) -> RunDirectory:
        """Where a run lies; its name ends with its fingerprint."""
        key = (run.training.name, run.draws, run.seed)
        if key not in self._folders:
            name = "-".join([*map(str, key), self._origin.fingerprint(run.config)])
            self._folders[key] = RunDirectory(self.directory.runs / name)
        return self._folders[key]

    def train(self, runs: Iterable[Trial]) -> None:
        """Train the runs and score the validation rows; return once all are there, whoever made them."""
        self._all(runs, self.trained, self._train)

    def test(self, runs: Iterable[Trial]) -> None:
        """Score the test rows of runs that were trained."""
        self._all(runs, lambda run: Tested.path(self.folder(run)).is_file(), self._test)

    def trained(self, run: Trial) -> bool:
        """Whether a run was trained and scored on validation rows."""
        return Trained.path(self.folder(run)).is_file()

    def validation(self, run: Trial) -> dict[str, Means]:
        """Means over the tasks of each metric on validation rows, by correction."""
        return Trained.read(self.folder(run)).scores

    def tested(self, run: Trial) -> dict[str, tuple[Means, dict[str, Means]]]:
        """Means over the tasks of each metric on test rows, and those of each task, by correction."""
        return Tested.read(self.folder(run)).scores

    def cost(self, run: Trial) -> RunCost:
        """What a run cost, with its test rows if they were scored."""
        folder = self.folder(run)
        known = Trained.read(folder)
        seconds = {"training": known.training_seconds, "scoring": known.scoring_seconds}
        if Tested.path(folder).is_file():
            seconds["scoring"] += Tested.read(folder).scoring_seconds
        relative = folder.path.relative_to(self.directory.path).as_posix()
        return RunCost(run.training.name, run.seed, run.draws, relative, seconds, known.tokens, known.flops)

    def seconds(self) -> float:
        """What all runs here have taken, of all processes; time of killed sittings is not known."""
        total = 0.0
        for folder in map(RunDirectory, self.directory.runs.glob("*")):
            if Trained.path(folder).is_file():
                trained = Trained.read(folder)
                total += trained.training_seconds + trained.scoring_seconds
            if Tested.path(folder).is_file():
                total += Tested.read(folder).scoring_seconds
        return total

    def _all(self, runs: Iterable[Trial], done: Callable[[Trial], bool], work: Callable[[Trial], None]) -> None:
        missing = [run for run in runs if not done(run)]
        while missing:
            others: list[Trial] = []
            for run in missing:
                lock = self.directory.lock(self.folder(run).path.name)
                try:
                    with lock.acquire(timeout=0):
                        if not done(run):
                            work(run)
                except Timeout:
                    others.append(run)
            if len(others) == len(missing):
                self.sleep(WAIT)
            missing = [run for run in others if not done(run)]

    def _train(self, run: Trial) -> None:
        prepared, folder = self.rows.prepared(run.config), self.folder(run)
        self.log(f"Training {run.training.name}, {run.draws:,} draws, seed {run.seed}")
        start = time.perf_counter()
        done = train_prepared(prepared, folder.path, resume=True, encoded=self.rows.encoded("train"))
        if done.interrupted:
            raise KeyboardInterrupt
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        trained = time.perf_counter()
        shutil.rmtree(validation_predictions(folder).parent, ignore_errors=True)
        model, tokenizer = open_model(folder.trained_model())
        self._score(model, tokenizer, prepared, "validation", validation_predictions(folder).parent)
        metric = self.config.compare.metric
        scores = {
            correction: scores_of(cross_fitted_validation(folder, correction, metric, self.costs), self.costs)[0]
            for correction in self.config.compare.corrections
        }
        scored = time.perf_counter()
        tokens, flops = self._size(model, tokenizer, prepared, run.draws)
        Trained(trained - start, scored - trained, tokens, flops, scores).write(folder)

    def _test(self, run: Trial) -> None:
        folder, prepared = self.folder(run), self.rows.prepared(run.config)
        self.log(f"Scoring the test rows: {run.training.name}, seed {run.seed}")
        start = time.perf_counter()
        self._score(*open_model(folder.trained_model()), prepared, "test", folder.path)
        metric = self.config.compare.metric
        scores = {
            correction: scores_of(corrected(folder, correction, metric, self.costs), self.costs)
            for correction in self.config.compare.corrections
        }
        Tested(time.perf_counter() - start, scores).write(folder)

    def _score(self, model: Any, tokenizer: Any, prepared: Prepared, split: str, out: Path) -> None:
        config = prepared.config
        if split == "validation":  # intervals are of the test rows
            config = replace(config, evaluation=replace(config.evaluation, bootstrap=0))
        rows, encoded = self.rows.of(split), self.rows.encoded(split)
        evaluate_model(model, tokenizer, config, prepared.plan, prepared.tasks, rows, out, encoded=encoded)

    def _size(self, model: Any, tokenizer: Any, prepared: Prepared, draws: int) -> tuple[int, float]:
        """What a training read and computed: input and target tokens of its draws, and operations."""
        encoded = self.rows.encoded("train")
        drawn, _ = sampler_of(prepared, index_of(prepared), draws).of_all_ranks(0, draws)
        lengths = (encoded.input_lengths, encoded.target_lengths)
        tokens = sum(int(np.sum(each[drawn], dtype=np.int64)) for each in lengths)
        return tokens, training_flops(model, training_loss_of(prepared, model, tokenizer), encoded, drawn)

    @cached_property
    def _origin(self) -> Origin:
        return Origin.of(self.config.model.name, fingerprint(self.rows.records))


@dataclass(frozen=True)
class Scored:
    """A run whose rows of one split were scored."""

    NAME: ClassVar[str]

    @classmethod
    def path(cls, run: RunDirectory) -> Path:
        """Where it lies; it is written last, so the split is scored if it is there."""
        return run.path / cls.NAME

    @classmethod
    def read(cls, run: RunDirectory) -> Self:
        """Read what `write` wrote."""
        path = cls.path(run)
        with refusing_damage(path):
            return cls(**read_json(path))

    def write(self, run: RunDirectory) -> None:
        """Keep it."""
        write_json(self.path(run), asdict(self))


@dataclass(frozen=True)
class Trained(Scored):
    """A run that was trained and scored on validation rows.

    Attributes
    ----------
    training_seconds, scoring_seconds : float
        What it took.
    tokens : int
        Input and target tokens of its draws.
    flops : float
        Operations of its training.
    scores : dict of str to dict
        Means over the tasks of each metric, by correction.
    """

    NAME = "validation.json"

    training_seconds: float
    scoring_seconds: float
    tokens: int
    flops: float
    scores: dict[str, Means]


@dataclass(frozen=True)
class Tested(Scored):
    """A run that was scored on test rows.

    Attributes
    ----------
    scoring_seconds : float
        What it took.
    scores : dict of str to pair of dict
        Means over the tasks of each metric, and those of each task, by correction.
    """

    NAME = "test.json"

    scoring_seconds: float
    scores: dict[str, tuple[Means, dict[str, Means]]]

"""The runs of a comparison: plain run directories, each made once, by whichever process takes it first."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from filelock import Timeout

from equipoise.base.codec import to_plain
from equipoise.compare.corrections import (
    Costs,
    Means,
    corrected,
    cross_fitted_validation,
    scores_of,
    validation_predictions,
)
from equipoise.compare.directory import ComparisonDirectory, read_values
from equipoise.compare.prices import training_flops
from equipoise.compare.result import RunCost
from equipoise.compare.rows import Origin, SharedData
from equipoise.compare.trainings import Training
from equipoise.config import ComparisonConfig, RunConfig
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory, write_json
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.losses import training_loss_of
from equipoise.runs.prepare import Prepared, fingerprint
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.runs.train import train_prepared

WAIT = 2.0  # seconds between two checks for runs that other processes train


@dataclass(frozen=True)
class Trial:
    """One run of a training: a seed and a number of draws."""

    training: Training
    seed: int
    draws: int

    @property
    def config(self) -> RunConfig:
        """The configuration of the run."""
        return self.training.run(self.seed, self.draws)


class TrialRunner:
    """Trains and scores the runs of one comparison.

    Parameters
    ----------
    directory : ComparisonDirectory
        Where the runs go.
    config : ComparisonConfig
        The configuration that all runs share, and the metric that they are scored by.
    data : SharedData
        All rows.
    costs : mapping of str to array
        Cost matrices by task, if the metric is the expected cost.
    log : callable
        Receives progress messages, line by line.
    sleep : callable
        Waits a number of seconds while other processes train missing runs.
    """

    def __init__(
        self,
        directory: ComparisonDirectory,
        config: ComparisonConfig,
        data: SharedData,
        costs: Costs,
        log: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.directory = directory
        self.config = config
        self.data = data
        self.costs = costs
        self.log = log
        self.sleep = sleep
        self._folders: dict[tuple[str, int, int], RunDirectory] = {}

    def folder(self, trial: Trial) -> RunDirectory:
        """Return the run directory of a trial; its name ends with its fingerprint."""
        key = (trial.training.name, trial.draws, trial.seed)
        if key not in self._folders:
            name = "-".join([*map(str, key), self._origin.fingerprint(trial.config)])
            self._folders[key] = RunDirectory(self.directory.runs / name)
        return self._folders[key]

    def train(self, trials: Iterable[Trial]) -> None:
        """Train and score the validation rows; return once all trials are finished, by this or other processes."""
        self._all(trials, self.trained, self._train)

    def test(self, trials: Iterable[Trial]) -> None:
        """Score the test rows of trained runs."""
        self._all(trials, lambda trial: Tested.path(self.folder(trial)).is_file(), self._test)

    def trained(self, trial: Trial) -> bool:
        """Whether a run was trained and scored on validation rows."""
        return Trained.path(self.folder(trial)).is_file()

    def validation(self, trial: Trial) -> dict[str, Means]:
        """Return the means over tasks of each metric on validation rows, by correction."""
        return Trained.read(self.folder(trial)).scores

    def tested(self, trial: Trial) -> dict[str, tuple[Means, dict[str, Means]]]:
        """Return the means over tasks of each metric on test rows, and the values of each task, by correction."""
        return Tested.read(self.folder(trial)).scores

    def cost(self, trial: Trial) -> RunCost:
        """Return the cost of a run, including its test rows if they were scored."""
        folder = self.folder(trial)
        trained = Trained.read(folder)
        scoring = trained.scoring_seconds
        if Tested.path(folder).is_file():
            scoring += Tested.read(folder).scoring_seconds
        relative = folder.path.relative_to(self.directory.path).as_posix()
        seconds = {"training": trained.training_seconds, "scoring": scoring}
        return RunCost(trial.training.name, trial.seed, trial.draws, relative, seconds, trained.tokens, trained.flops)

    def seconds(self) -> float:
        """Return the seconds of all runs here, by all processes; interrupted sessions are not counted."""
        total = 0.0
        for folder in map(RunDirectory, self.directory.runs.glob("*")):
            if Trained.path(folder).is_file():
                trained = Trained.read(folder)
                total += trained.training_seconds + trained.scoring_seconds
            if Tested.path(folder).is_file():
                total += Tested.read(folder).scoring_seconds
        return total

    def _all(self, trials: Iterable[Trial], done: Callable[[Trial], bool], work: Callable[[Trial], None]) -> None:
        missing = [trial for trial in trials if not done(trial)]
        while missing:
            others: list[Trial] = []
            for trial in missing:
                lock = self.directory.lock(self.folder(trial).path.name)
                try:
                    with lock.acquire(timeout=0):
                        if not done(trial):
                            work(trial)
                except Timeout:
                    others.append(trial)
            if len(others) == len(missing):
                self.sleep(WAIT)
            missing = [trial for trial in others if not done(trial)]

    def _train(self, trial: Trial) -> None:
        prepared, folder = self.data.prepared(trial.config), self.folder(trial)
        self.log(f"Training {trial.training.name}, {trial.draws:,} draws, seed {trial.seed}")
        start = time.perf_counter()
        run = train_prepared(prepared, folder.path, resume=True, encoded=self.data.encoded("train"))
        if run.interrupted:
            raise KeyboardInterrupt
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        trained = time.perf_counter()
        shutil.rmtree(validation_predictions(folder).parent, ignore_errors=True)
        model, tokenizer = load_model(folder.trained_model())
        self._score(model, tokenizer, prepared, "validation", validation_predictions(folder).parent)
        metric = self.config.compare.metric
        scores = {
            correction: scores_of(cross_fitted_validation(folder, correction, metric, self.costs), self.costs)[0]
            for correction in self.config.compare.corrections
        }
        scored = time.perf_counter()
        tokens, flops = self._size(model, tokenizer, prepared, trial.draws)
        Trained(trained - start, scored - trained, tokens, flops, scores).write(folder)

    def _test(self, trial: Trial) -> None:
        folder, prepared = self.folder(trial), self.data.prepared(trial.config)
        self.log(f"Scoring the test rows: {trial.training.name}, seed {trial.seed}")
        start = time.perf_counter()
        self._score(*load_model(folder.trained_model()), prepared, "test", folder.path)
        metric = self.config.compare.metric
        scores = {
            correction: scores_of(corrected(folder, correction, metric, self.costs), self.costs)
            for correction in self.config.compare.corrections
        }
        Tested(time.perf_counter() - start, scores).write(folder)

    def _score(self, model: Any, tokenizer: Any, prepared: Prepared, split: str, out: Path) -> None:
        config = prepared.config
        if split == "validation":  # only scores on test rows have intervals
            config = replace(config, evaluation=replace(config.evaluation, bootstrap=0))
        rows, encoded = self.data.of(split), self.data.encoded(split)
        evaluate_model(model, tokenizer, config, prepared.plan, prepared.tasks, rows, out, encoded=encoded)

    def _size(self, model: Any, tokenizer: Any, prepared: Prepared, draws: int) -> tuple[int, float]:
        """Return the input and target tokens of the draws of a training, and its operations."""
        encoded = self.data.encoded("train")
        drawn, _ = sampler_of(prepared.config, prepared.plan, index_of(prepared), draws).of_all_ranks(0, draws)
        lengths = (encoded.input_lengths, encoded.target_lengths)
        tokens = sum(int(np.sum(each[drawn], dtype=np.int64)) for each in lengths)
        return tokens, training_flops(model, training_loss_of(prepared, model, tokenizer), encoded, drawn)

    @cached_property
    def _origin(self) -> Origin:
        return Origin.of(self.config.model.name, fingerprint(self.data.records))


@dataclass(frozen=True)
class Scored:
    """A run whose rows of one split were scored."""

    NAME: ClassVar[str]

    @classmethod
    def path(cls, run: RunDirectory) -> Path:
        """Return the file; it is written last, so the split is scored if it exists."""
        return run.path / cls.NAME

    @classmethod
    def read(cls, run: RunDirectory) -> Self:
        """Read the file."""
        return read_values(cls, cls.path(run))

    def write(self, run: RunDirectory) -> None:
        """Write the file."""
        write_json(self.path(run), to_plain(self))


@dataclass(frozen=True)
class Trained(Scored):
    """A run that was trained and scored on validation rows.

    Attributes
    ----------
    training_seconds, scoring_seconds : float
        Duration.
    tokens : int
        Input and target tokens of its draws.
    flops : float
        Operations of its training.
    scores : dict of str to dict
        Means over tasks of each metric, by correction.
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
        Duration.
    scores : dict of str to pair of dict
        Means over tasks of each metric, and the values of each task, by correction.
    """

    NAME = "test.json"

    scoring_seconds: float
    scores: dict[str, tuple[Means, dict[str, Means]]]

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
from equipoise.base.plain_json import write_json
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
from equipoise.compare.rows import Origin, SharedData, fingerprint_of_run, origin_of
from equipoise.compare.trainings import Training
from equipoise.config import ComparisonConfig, RunConfig
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.losses import checked_loss
from equipoise.runs.prepare import Prepared, prepare_again
from equipoise.runs.rows import fingerprint as fingerprint_of_records
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.runs.train import train_prepared
from equipoise.schedule import Drawable

WAIT = 2.0  # seconds between two checks for runs that other processes train


@dataclass(frozen=True)
class Trial:
    """One run of a training: a seed and a number of draws.

    `rows` is how many validation rows it scores, if not all; `proxy_of` the draws of the full training that it is a
    proxy of, if it has fewer.
    """

    training: Training
    seed: int
    draws: int
    rows: int | None
    proxy_of: int | None = None

    @property
    def config(self) -> RunConfig:
        """The configuration of the run."""
        return self.training.run(self.seed, self.draws, self.rows, proxy_of=self.proxy_of)


@dataclass(frozen=True)
class TrialRunner:
    """Trains and scores the runs of one comparison.

    Attributes
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
    """

    directory: ComparisonDirectory
    config: ComparisonConfig
    data: SharedData
    costs: Costs
    log: Callable[[str], None]

    def folder(self, trial: Trial) -> RunDirectory:
        """Return the run directory of a trial; its name ends with its fingerprint."""
        fingerprint = fingerprint_of_run(trial.config, self._origin)
        return RunDirectory(self.directory.runs / f"{trial.training.name}-{trial.draws}-{trial.seed}-{fingerprint}")

    def train(self, trials: Iterable[Trial]) -> None:
        """Train and score the validation rows; return once all trials are finished, by this or other processes."""
        self._all(trials, self.trained, self._train)

    def test(self, trials: Iterable[Trial]) -> None:
        """Score the test rows of trained runs."""
        self._all(trials, lambda trial: Tested.path(self.folder(trial)).is_file(), self._test)

    def trained(self, trial: Trial) -> bool:
        """Whether a run was trained and scored on validation rows."""
        return Trained.path(self.folder(trial)).is_file()

    def cost(self, trial: Trial) -> RunCost:
        """Return the cost of a run, including its test rows if they were scored."""
        folder = self.folder(trial)
        trained, relative = Trained.read(folder), folder.path.relative_to(self.directory.path).as_posix()
        return RunCost(
            trial.training.name, trial.seed, trial.draws, relative, _seconds(folder), trained.tokens, trained.flops
        )

    def seconds(self) -> float:
        """Return the seconds of all runs here, by all processes; interrupted sessions are not counted."""
        return sum(sum(_seconds(RunDirectory(path)).values()) for path in self.directory.runs.glob("*"))

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
                time.sleep(WAIT)
            missing = [trial for trial in others if not done(trial)]

    def _train(self, trial: Trial) -> None:
        prepared, folder = prepare_again(trial.config, self.data.base), self.folder(trial)
        self.log(f"Training {trial.training.name}, {trial.draws:,} draws, seed {trial.seed}")
        start = time.perf_counter()
        run = train_prepared(
            prepared,
            folder.path,
            resume=True,
            encoded=self.data.encoded("train"),
            watched=False,
            parent=self.directory.path,
        )
        if run.interrupted:
            raise KeyboardInterrupt
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        trained = time.perf_counter()
        model, tokenizer = load_model(folder.trained_model())
        scores = self._score(model, tokenizer, prepared, folder, test=False)
        means = {correction: found for correction, (found, _) in scores.items()}
        scored = time.perf_counter()
        tokens, flops = self._size(model, tokenizer, prepared, folder.read_drawn(), trial.draws)
        Trained(trained - start, scored - trained, tokens, flops, means).write(folder)

    def _test(self, trial: Trial) -> None:
        prepared, folder = prepare_again(trial.config, self.data.base), self.folder(trial)
        self.log(f"Scoring the test rows: {trial.training.name}, seed {trial.seed}")
        start = time.perf_counter()
        scores = self._score(*load_model(folder.trained_model()), prepared, folder, test=True)
        Tested(time.perf_counter() - start, scores).write(folder)

    def _score(
        self, model: Any, tokenizer: Any, prepared: Prepared, run: RunDirectory, *, test: bool
    ) -> dict[str, tuple[Means, dict[str, Means]]]:
        """Predict the rows of a split and score them with each correction."""
        split, correct, out, config = "test", corrected, run.path, prepared.config
        if not test:
            split, correct, out = "validation", cross_fitted_validation, validation_predictions(run).parent
            shutil.rmtree(out, ignore_errors=True)
            # Only scores on test rows have intervals.
            config = replace(config, evaluation=replace(config.evaluation, bootstrap=0))
        rows = self.data.of(split)
        sample, encoded = self.data.sampled(split, config.evaluation.rows)
        evaluate_model(
            model, tokenizer, config, prepared.plan, prepared.tasks, rows, out, sample=sample, encoded=encoded
        )
        metric = self.config.compare.metric
        return {
            correction: scores_of(
                correct(run, correction, metric, self.costs), self.costs, config.evaluation.alarm_rate
            )
            for correction in self.config.compare.corrections
        }

    def _size(self, model: Any, tokenizer: Any, prepared: Prepared, plan: Drawable, draws: int) -> tuple[int, float]:
        """Return the input and target tokens of the draws of a training, and its operations."""
        encoded = self.data.encoded("train")
        drawn, _ = sampler_of(prepared.config, plan, index_of(prepared), draws).of_all_ranks(0, draws)
        lengths = (encoded.input_lengths, encoded.target_lengths)
        tokens = sum(int(np.sum(each[drawn], dtype=np.int64)) for each in lengths)
        loss = checked_loss(prepared.config.training.loss)
        built = loss.build(plan.average(draws), prepared.tasks, model, tokenizer)
        return tokens, training_flops(model, built, encoded, drawn)

    @cached_property
    def _origin(self) -> Origin:
        return origin_of(self.config.model.name, fingerprint_of_records(self.data.base.records))


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


def _seconds(run: RunDirectory) -> dict[str, float]:
    """Return the seconds of training and of scoring a run, as far as it is finished."""
    seconds = {"training": 0.0, "scoring": 0.0}
    if Trained.path(run).is_file():
        trained = Trained.read(run)
        seconds = {"training": trained.training_seconds, "scoring": trained.scoring_seconds}
    if Tested.path(run).is_file():
        seconds["scoring"] += Tested.read(run).scoring_seconds
    return seconds

"""The data of a finished comparison that the parts of the report read, each file once."""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from equipoise.compare.corrections import corrected
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.result import Result
from equipoise.config import ComparisonConfig, load_comparison
from equipoise.data import Task
from equipoise.errors import DataWarning, RunError
from equipoise.metrics import Estimate, Scores, TaskPredictions, evaluate, metric_of
from equipoise.runs.calibration.inputs import read_costs
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import train_counts
from equipoise.schedule import Drawable
from equipoise.statistics import mean_interval

Predictions = dict[str, TaskPredictions]


@dataclass(frozen=True)
class ComparisonData:
    """A comparison and its full runs: where it is, its result, and its configuration."""

    directory: ComparisonDirectory
    result: Result
    config: ComparisonConfig

    @classmethod
    def open(cls, path: Path) -> "ComparisonData":
        """Open the directory of a comparison.

        Raises
        ------
        RunError
            If there is no finished comparison, or its result cannot be read.
        """
        directory = ComparisonDirectory.open(path)
        return cls(directory, directory.read_result(), load_comparison(directory.config))

    @property
    def arms(self) -> tuple[str, ...]:
        """The candidates that are shown in full: the baseline and the other one."""
        return tuple(dict.fromkeys((self.result.baseline, self.result.other)))

    def runs(self, candidate: str) -> tuple[RunDirectory, ...]:
        """The full runs of a finalist, one for each seed."""
        return tuple(RunDirectory.open(self.directory.path / run.folder) for run in self.result.runs_of(candidate))

    def plan(self, candidate: str) -> Drawable:
        """The plan or schedule of its runs."""
        return self.runs(candidate)[0].read_drawn()

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks."""
        return self.runs(self.result.baseline)[0].read_tasks()

    @cached_property
    def predictions(self) -> dict[str, tuple[Predictions, ...]]:
        """The corrected predictions of the test rows by both arms, for each seed."""
        compare, result = self.config.compare, self.result
        costs = None if compare.costs is None else read_costs(Path(compare.costs), self.tasks)
        found: dict[str, tuple[Predictions, ...]] = {}
        for arm in self.arms:
            correction = result.candidates[arm].correction
            try:
                found[arm] = tuple(corrected(run, correction, result.metric, costs) for run in self.runs(arm))
            except (OSError, pa.ArrowInvalid) as error:
                raise _unreadable(f"the predictions of {arm!r}", error) from error
        return found

    @cached_property
    def scores(self) -> dict[str, tuple[Scores, ...]]:
        """The scores of both arms, for each seed; intervals from resampled groups only if there is one seed."""
        bootstrap = self.config.evaluation.bootstrap if len(self.result.seeds) == 1 else 0
        counts = {arm: train_counts(self.plan(arm)) for arm in self.arms}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # labels without training rows are among the problems
            return {
                arm: tuple(
                    evaluate(
                        each,
                        train_counts=counts[arm],
                        bootstrap=bootstrap,
                        seed=self.config.seed,
                        alarm_rate=self.config.evaluation.alarm_rate,
                    )
                    for each in self.predictions[arm]
                )
                for arm in self.arms
            }

    def estimate(self, candidate: str, key: str, task: str | None = None) -> Estimate:
        """A metric of a finalist on the test rows, of one task or the mean over the tasks, with its interval."""
        finalist = self.result.finalists[candidate]
        values = finalist.test if task is None else finalist.tasks[task]
        point = mean_interval(values.get(key, ()), limits=metric_of(key).bounds)
        if len(self.result.seeds) > 1 or candidate not in self.arms:
            return point
        (scores,) = self.scores[candidate]
        held = scores.mean if task is None else scores.tasks[task].metrics
        resampled = held.get(key, Estimate(None))
        return replace(resampled, value=point.value)


def text_of_file(path: Path) -> str:
    """Read a text file of a comparison.

    Raises
    ------
    RunError
        If it is missing or damaged.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(f"`{path}`", error) from error


def _unreadable(what: str, error: Exception) -> RunError:
    return RunError("unreadable-file", f"Cannot read {what}: {error}. Run the same `equipoise compare` again.")

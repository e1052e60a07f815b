"""The run of a comparison in the trackers of experiments; those of its trainings are below it, or in its group."""

from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.result import BySeed, Result
from equipoise.config import ComparisonConfig
from equipoise.metrics import METRICS
from equipoise.runs.trackers import ids_of, tracked, trackers_in


def begin_tracking(directory: ComparisonDirectory, config: ComparisonConfig) -> None:
    """Open the run of a comparison in the trackers that `trainer.report_to` names, unless it was opened before.

    Raises
    ------
    ConfigError
        If the package of a tracker is not installed.
    RunError
        If one cannot be opened.
    """
    names = trackers_in(config.trainer.get("report_to"))
    with directory.lock("trackers"):
        new = [name for name in names if name not in ids_of(directory.path)]
        with tracked(new, directory.path):
            pass


def track_result(directory: ComparisonDirectory, result: Result) -> None:
    """Log the scores of the finalists on test rows, unless the comparison has its result: it was logged before that."""
    if directory.result.is_file():
        return
    names = dict.fromkeys([result.metric, *(name for name, each in METRICS.items() if each.decides)])
    shown = [name for name in names if any(name in each.test for each in result.finalists.values())]
    rows = [
        [name, "yes" if name == result.recommended else "", *(_mean(each.test.get(metric, ())) for metric in shown)]
        for name, each in result.finalists.items()
    ]
    with tracked(ids_of(directory.path), directory.path) as trackers:
        for tracker in trackers:
            tracker.table("finalists", ["candidate", "recommended", *shown], rows)


def _mean(values: BySeed) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""

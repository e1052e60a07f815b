"""What a comparison refuses before anything is trained."""

from equipoise.base.registry import suggest
from equipoise.config import ComparisonConfig
from equipoise.data import Records
from equipoise.errors import ConfigError, DataError
from equipoise.metrics import METRICS
from equipoise.runs.prepare import Prepared

LEAST_RESAMPLES = 2


def usable(records: Records) -> Records:
    """Return the rows of tasks with training rows; some must be validation and some test rows."""
    records = records.where(task=records.where(split="train").tasks)
    for split in ("validation", "test"):
        if not len(records.where(split=split)):
            raise DataError(
                "missing-split",
                f"A comparison needs validation rows to choose on and test rows to score, found no {split} rows. Give"
                " the data a `split` column with all three splits, or none, and `data.split` assigns them.",
            )
    return records


def check_metric(config: ComparisonConfig) -> None:
    """Refuse a metric that no comparison is decided by."""
    known, metric = [each.name for each in METRICS.values() if each.decides], config.compare.metric
    if metric not in known:
        raise ConfigError(
            "unknown-metric",
            f"`compare.metric` must be one of {', '.join(known)}, found {metric!r:.80}.{suggest(metric, known)}",
        )


def refuse_metric(config: ComparisonConfig, base: Prepared) -> None:
    """Refuse a metric that no task here has, and too few resamples for a standard error."""
    metric, bootstrap = config.compare.metric, config.evaluation.bootstrap
    if bootstrap < LEAST_RESAMPLES:
        raise ConfigError(
            "too-few-resamples",
            f"`evaluation.bootstrap` must be at least {LEAST_RESAMPLES} for a comparison, which decides by standard"
            f" errors, found {bootstrap}. Leave it out for 1000.",
        )
    open_ended = METRICS[metric].needs == "texts"
    if all(task.kind != ("open_ended" if open_ended else "classification") for task in base.tasks.values()):
        needs, have = ("open-ended", "have labels") if open_ended else ("classification", "are open-ended")
        raise ConfigError(
            "other-metric",
            f"`compare.metric` {metric} is for {needs} tasks, and all tasks here {have}. Choose another.",
        )

"""Scores per task and label, with intervals from resampled groups."""

from equipoise.metrics.evaluation import classification_report, evaluate, open_report
from equipoise.metrics.files import read_predictions, write_predictions
from equipoise.metrics.known import METRICS, Metric, metric_of
from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.results import Estimate, LabelScores, Scores, TaskScores
from equipoise.metrics.rows import Bands

__all__ = [
    "METRICS",
    "Bands",
    "Estimate",
    "LabelScores",
    "Metric",
    "Scores",
    "TaskPredictions",
    "TaskScores",
    "classification_report",
    "evaluate",
    "metric_of",
    "open_report",
    "read_predictions",
    "write_predictions",
]

"""Scores per task and label, with intervals from resampled groups."""

from equipoise.metrics.classification import Bands
from equipoise.metrics.evaluation import evaluate
from equipoise.metrics.predictions import TaskPredictions, predictions_table, read_predictions
from equipoise.metrics.reports import classification_report, open_report
from equipoise.metrics.results import Estimate, LabelScores, Scores, TaskScores

__all__ = [
    "Bands",
    "Estimate",
    "LabelScores",
    "Scores",
    "TaskPredictions",
    "TaskScores",
    "classification_report",
    "evaluate",
    "open_report",
    "predictions_table",
    "read_predictions",
]

"""Targets with several labels: label sets, their census, and plans that weigh examples by their labels' factors."""

from equipoise.multilabel.census import MultiLabelCensus
from equipoise.multilabel.factors import Factors
from equipoise.multilabel.forecast import LabelForecast, MultiLabelForecast, TaskForecast
from equipoise.multilabel.label_sets import LabelSets, scumble
from equipoise.multilabel.plan import MultiLabelPlan

__all__ = [
    "Factors",
    "LabelForecast",
    "LabelSets",
    "MultiLabelCensus",
    "MultiLabelForecast",
    "MultiLabelPlan",
    "TaskForecast",
    "scumble",
]

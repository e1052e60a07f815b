"""Losses over the labels of a task: one loss a file, its formula and paper in the first line.

The input is the scores of all labels of the task, the log-likelihoods of their texts; a softmax over them follows.
"""

from equipoise.losses.labels.balanced_softmax import BalancedSoftmax
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.class_balanced_focal import ClassBalancedFocal
from equipoise.losses.labels.cost_sensitive import CostSensitive
from equipoise.losses.labels.cross_entropy import CrossEntropy
from equipoise.losses.labels.double_correction import double_correction
from equipoise.losses.labels.focal import Focal
from equipoise.losses.labels.ldam import LDAM
from equipoise.losses.labels.logit_adjusted import LogitAdjusted
from equipoise.losses.labels.priors import LabelPriors
from equipoise.losses.labels.vector_scaling import VectorScaling
from equipoise.losses.labels.weighted import Weighted

__all__ = [
    "LDAM",
    "BalancedSoftmax",
    "ClassBalancedFocal",
    "CostSensitive",
    "CrossEntropy",
    "Focal",
    "LabelLoss",
    "LabelPriors",
    "LabelTerms",
    "LogitAdjusted",
    "VectorScaling",
    "Weighted",
    "double_correction",
]

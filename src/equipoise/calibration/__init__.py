"""Correction of probabilities after training: temperature, prior ratio; decisions by tau, thresholds and costs."""

from equipoise.calibration.calibration import Calibration, Provenance
from equipoise.calibration.decision import cost_matrix, decide
from equipoise.calibration.em import PriorEstimate, estimate_prior
from equipoise.calibration.fitting import (
    DECISIONS,
    Choice,
    LeftOut,
    Priors,
    TaskFit,
    cross_fitted,
    fit_task,
    group_folds,
)
from equipoise.calibration.logs import log_posterior, log_prior_ratio, log_scores
from equipoise.calibration.measures import ReliabilityTable, measures, reliability_table
from equipoise.calibration.rows import LabelledRows, log_scores_of, row_weights, shares_within
from equipoise.calibration.task import TaskCalibration
from equipoise.calibration.tau import TauFit, check_tau_metric, fit_tau
from equipoise.calibration.temperature import fit_temperature
from equipoise.calibration.thresholds import ThresholdFit, fit_thresholds

__all__ = [
    "DECISIONS",
    "Calibration",
    "Choice",
    "LabelledRows",
    "LeftOut",
    "PriorEstimate",
    "Priors",
    "Provenance",
    "ReliabilityTable",
    "TaskCalibration",
    "TaskFit",
    "TauFit",
    "ThresholdFit",
    "check_tau_metric",
    "cost_matrix",
    "cross_fitted",
    "decide",
    "estimate_prior",
    "fit_task",
    "fit_tau",
    "fit_temperature",
    "fit_thresholds",
    "group_folds",
    "log_posterior",
    "log_prior_ratio",
    "log_scores",
    "log_scores_of",
    "measures",
    "reliability_table",
    "row_weights",
    "shares_within",
]

"""Probabilities after training: corrected for what was drawn, as sure as they may be, decided."""

from equipoise.calibration.calibration import Calibration, Provenance
from equipoise.calibration.cross_fitting import LeftOut, cross_fitted, group_folds
from equipoise.calibration.decision import cost_matrix, decide
from equipoise.calibration.em import PriorEstimate, estimate_prior
from equipoise.calibration.fitting import Choice, Priors, TaskFit, fit_task
from equipoise.calibration.logs import log_scores, log_softmax
from equipoise.calibration.measures import measures
from equipoise.calibration.plans import shares_within
from equipoise.calibration.posterior import log_posterior, log_prior_ratio
from equipoise.calibration.reliability import ReliabilityTable, reliability_table
from equipoise.calibration.rows import LabelledRows, row_weights
from equipoise.calibration.task import TaskCalibration
from equipoise.calibration.tau import METRICS, TauFit, fit_tau
from equipoise.calibration.temperature import fit_temperature

__all__ = [
    "METRICS",
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
    "cost_matrix",
    "cross_fitted",
    "decide",
    "estimate_prior",
    "fit_task",
    "fit_tau",
    "fit_temperature",
    "group_folds",
    "log_posterior",
    "log_prior_ratio",
    "log_scores",
    "log_softmax",
    "measures",
    "reliability_table",
    "row_weights",
    "shares_within",
]

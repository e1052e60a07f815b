"""Correction of probabilities after training: temperature, prior ratio, tau, decisions."""

from equipoise.calibration.calibration import Calibration, Provenance
from equipoise.calibration.cross_fitting import LeftOut, cross_fitted, group_folds
from equipoise.calibration.decision import cost_matrix, decide
from equipoise.calibration.em import PriorEstimate, estimate_prior
from equipoise.calibration.fitting import Choice, Priors, TaskFit, fit_task
from equipoise.calibration.logs import log_scores
from equipoise.calibration.measures import measures
from equipoise.calibration.plans import shares_within
from equipoise.calibration.posterior import log_posterior, log_prior_ratio
from equipoise.calibration.reliability import ReliabilityTable, reliability_table
from equipoise.calibration.rows import LabelledRows, row_weights
from equipoise.calibration.task import TaskCalibration
from equipoise.calibration.tau import TauFit, check_tau_metric, fit_tau
from equipoise.calibration.temperature import fit_temperature

__all__ = [
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
    "check_tau_metric",
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
    "measures",
    "reliability_table",
    "row_weights",
    "shares_within",
]

"""Configurations: YAML files, options and overrides as frozen dataclasses, every mistake named with its place."""

from equipoise.config._load import config_to_dict, load_config, make_config, save_config
from equipoise.config._loss import LossConfig, parse_loss
from equipoise.config._schema import (
    METHODS,
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    PlanConfig,
    RunConfig,
    SplitConfig,
    TrainingConfig,
)
from equipoise.config._schemes import parse_rates, parse_weights
from equipoise.config._yaml import read_yaml

__all__ = [
    "METHODS",
    "DataConfig",
    "EvaluationConfig",
    "LossConfig",
    "ModelConfig",
    "PlanConfig",
    "RunConfig",
    "SplitConfig",
    "TrainingConfig",
    "config_to_dict",
    "load_config",
    "make_config",
    "parse_loss",
    "parse_rates",
    "parse_weights",
    "read_yaml",
    "save_config",
]

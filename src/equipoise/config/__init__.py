"""Configurations: YAML files, options and overrides as frozen dataclasses, every mistake named with its place."""

from equipoise.config._load import config_to_dict, load_config, make_config, save_config
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

__all__ = [
    "METHODS",
    "DataConfig",
    "EvaluationConfig",
    "ModelConfig",
    "PlanConfig",
    "RunConfig",
    "SplitConfig",
    "TrainingConfig",
    "config_to_dict",
    "load_config",
    "make_config",
    "parse_rates",
    "parse_weights",
    "save_config",
]

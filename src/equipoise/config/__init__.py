"""Configurations: YAML files, options and overrides as frozen dataclasses; every error names its place."""

from equipoise.config._adapter import AdapterConfig, parse_adapter
from equipoise.config._commented import commented_yaml
from equipoise.config._compare import (
    NATURAL,
    CompareConfig,
    ComparisonConfig,
    Correction,
    TrialConfig,
    default_trials,
    duration_of,
    seconds_of,
)
from equipoise.config._evaluation import EvaluationConfig, checked_choices
from equipoise.config._json_schema import Key, configuration_keys, json_schema
from equipoise.config._load import (
    config_to_dict,
    load_comparison,
    load_config,
    make_comparison,
    make_config,
    save_config,
)
from equipoise.config._loss import LossConfig, parse_loss
from equipoise.config._plan import VALIDATIONS, PlanConfig
from equipoise.config._schema import DataConfig, ModelConfig, RunConfig, SplitConfig
from equipoise.config._training import TrainingConfig
from equipoise.config._values import ScheduleFile, one_of, parse_rates, parse_schedule, parse_weights
from equipoise.config._yaml import dump_yaml, read_yaml

__all__ = [
    "NATURAL",
    "VALIDATIONS",
    "AdapterConfig",
    "CompareConfig",
    "ComparisonConfig",
    "Correction",
    "DataConfig",
    "EvaluationConfig",
    "Key",
    "LossConfig",
    "ModelConfig",
    "PlanConfig",
    "RunConfig",
    "ScheduleFile",
    "SplitConfig",
    "TrainingConfig",
    "TrialConfig",
    "checked_choices",
    "commented_yaml",
    "config_to_dict",
    "configuration_keys",
    "default_trials",
    "dump_yaml",
    "duration_of",
    "json_schema",
    "load_comparison",
    "load_config",
    "make_comparison",
    "make_config",
    "one_of",
    "parse_adapter",
    "parse_loss",
    "parse_rates",
    "parse_schedule",
    "parse_weights",
    "read_yaml",
    "save_config",
    "seconds_of",
]

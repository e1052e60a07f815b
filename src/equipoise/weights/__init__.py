"""Class weights inside a task: one scheme a file, its formula and paper in the first line."""

from equipoise.base.schemes import class_named
from equipoise.weights.balanced import Balanced
from equipoise.weights.base import ClassWeights, Clipped
from equipoise.weights.cost_matrix import CostMatrix
from equipoise.weights.effective_number import EffectiveNumber
from equipoise.weights.instance_aware import InstanceAware
from equipoise.weights.interpolated import Interpolated
from equipoise.weights.inverse_frequency import InverseFrequency
from equipoise.weights.label_factors import LabelFactors
from equipoise.weights.log import Log
from equipoise.weights.median_frequency import MedianFrequency
from equipoise.weights.natural import Natural
from equipoise.weights.power import Power
from equipoise.weights.repeat_factor import RepeatFactor
from equipoise.weights.shares import Shares
from equipoise.weights.table import Table

__all__ = [
    "Balanced",
    "ClassWeights",
    "Clipped",
    "CostMatrix",
    "EffectiveNumber",
    "InstanceAware",
    "Interpolated",
    "InverseFrequency",
    "LabelFactors",
    "Log",
    "MedianFrequency",
    "Natural",
    "Power",
    "RepeatFactor",
    "Shares",
    "Table",
]


def __getattr__(name: str) -> type[ClassWeights]:
    """Return the scheme of any further file of this package."""
    return class_named(ClassWeights, name)

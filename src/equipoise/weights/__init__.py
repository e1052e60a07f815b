"""Class weights inside a task: one scheme a file, its formula and paper in the first line."""

from collections.abc import Mapping
from typing import Any

from equipoise.base.schemes import scheme_from_dict
from equipoise.weights.balanced import Balanced
from equipoise.weights.base import ClassWeights, Clipped
from equipoise.weights.cost_matrix import CostMatrix
from equipoise.weights.effective_number import EffectiveNumber
from equipoise.weights.instance_aware import InstanceAware
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
    "InverseFrequency",
    "LabelFactors",
    "Log",
    "MedianFrequency",
    "Natural",
    "Power",
    "RepeatFactor",
    "Shares",
    "Table",
    "weights_from_dict",
]


def weights_from_dict(values: Mapping[str, Any]) -> ClassWeights:
    """Make a scheme of what its `to_dict` gave, as {"scheme": "Power", "gamma": 0.5}.

    Parameters
    ----------
    values : mapping
        The scheme's name under "scheme", and its options.

    Returns
    -------
    ClassWeights

    Raises
    ------
    PlanError
        If the scheme or an option is unknown, missing or out of its range.

    Examples
    --------
    >>> weights_from_dict(InverseFrequency().clipped(max_ratio=10).to_dict())
    Clipped(inner=InverseFrequency(), max_ratio=10)
    """
    known: dict[str, type[ClassWeights]] = {
        "Natural": Natural,
        "InverseFrequency": InverseFrequency,
        "Balanced": Balanced,
        "Power": Power,
        "EffectiveNumber": EffectiveNumber,
        "MedianFrequency": MedianFrequency,
        "Log": Log,
        "RepeatFactor": RepeatFactor,
        "InstanceAware": InstanceAware,
        "Table": Table,
        "Shares": Shares,
        "CostMatrix": CostMatrix,
        "Clipped": Clipped,
    }
    return scheme_from_dict(values, known, "class weights")

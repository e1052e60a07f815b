"""Weighted sampling for training multitask text-to-text models on imbalanced data.

    records -> census -> weights, rates -> plan -> draws -> sampler -> collator -> loss -> scores -> metrics -> report

Count your examples (`Census`), say how often each task and class is to be drawn (`rates`, `weights`), resolve that to
numbers (`Plan`), look at what it will do (`Plan.forecast`), and draw (`PlanSampler` in a torch DataLoader, or `draws`
as a plain array). Each name is imported when it is first used; `__version__` is that of the installed package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise import errors, rates, weights
    from equipoise.census import Census, Stratum
    from equipoise.data import Columns, Records, Task, count_files, read_records
    from equipoise.drawing import Mixed, OneTask, Quota, Shard, StratumIndex, draw_strata, draws
    from equipoise.multilabel import LabelSets, MultiLabelCensus, MultiLabelForecast, MultiLabelPlan
    from equipoise.plan import Forecast, Plan
    from equipoise.samplers import LengthSorted, PlanSampler, TokenBatches, WeightedSampler
    from equipoise.schedule import Schedule

    __version__: str

_MODULES = ("errors", "rates", "weights")
_NAMES = {
    "census": ("Census", "Stratum"),
    "data": ("Columns", "Records", "Task", "count_files", "read_records"),
    "drawing": ("Mixed", "OneTask", "Quota", "Shard", "StratumIndex", "draw_strata", "draws"),
    "multilabel": ("LabelSets", "MultiLabelCensus", "MultiLabelForecast", "MultiLabelPlan"),
    "plan": ("Forecast", "Plan"),
    "samplers": ("LengthSorted", "PlanSampler", "TokenBatches", "WeightedSampler"),
    "schedule": ("Schedule",),
}

__all__ = [
    "Census",
    "Columns",
    "Forecast",
    "LabelSets",
    "LengthSorted",
    "Mixed",
    "MultiLabelCensus",
    "MultiLabelForecast",
    "MultiLabelPlan",
    "OneTask",
    "Plan",
    "PlanSampler",
    "Quota",
    "Records",
    "Schedule",
    "Shard",
    "Stratum",
    "StratumIndex",
    "Task",
    "TokenBatches",
    "WeightedSampler",
    "count_files",
    "draw_strata",
    "draws",
    "errors",
    "rates",
    "read_records",
    "weights",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version(__name__)
    if name in _MODULES:
        return import_module(f"equipoise.{name}")
    for room, names in _NAMES.items():
        if name in names:
            return getattr(import_module(f"equipoise.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

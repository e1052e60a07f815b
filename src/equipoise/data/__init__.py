"""Records and tasks: read them, check them, split them. Each name is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.base.problems import Problem
    from equipoise.data.cache import default_cache
    from equipoise.data.checks.checks import check_records, give_warnings, raise_on_errors
    from equipoise.data.columns import Columns
    from equipoise.data.counting import count_files, index_files
    from equipoise.data.infer import infer_tasks
    from equipoise.data.labels import iter_labels
    from equipoise.data.readers.limits import Limits
    from equipoise.data.reading import read_records
    from equipoise.data.records import Records
    from equipoise.data.splits.splits import assign_splits
    from equipoise.data.tasks import Task, TaskOptions

_NAMES = {
    "base.problems": ("Problem",),
    "data.cache": ("default_cache",),
    "data.checks.checks": (
        "check_records",
        "give_warnings",
        "raise_on_errors",
    ),
    "data.columns": ("Columns",),
    "data.counting": (
        "count_files",
        "index_files",
    ),
    "data.infer": ("infer_tasks",),
    "data.labels": ("iter_labels",),
    "data.readers.limits": ("Limits",),
    "data.reading": ("read_records",),
    "data.records": ("Records",),
    "data.splits.splits": ("assign_splits",),
    "data.tasks": (
        "Task",
        "TaskOptions",
    ),
}

__all__ = [
    "Columns",
    "Limits",
    "Problem",
    "Records",
    "Task",
    "TaskOptions",
    "assign_splits",
    "check_records",
    "count_files",
    "default_cache",
    "give_warnings",
    "index_files",
    "infer_tasks",
    "iter_labels",
    "raise_on_errors",
    "read_records",
]


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(f"equipoise.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

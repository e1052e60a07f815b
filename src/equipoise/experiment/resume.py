"""Refuse to continue a run with another configuration, plan or data than it was started with."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from equipoise.config import config_to_dict
from equipoise.errors import RunError
from equipoise.experiment.directory import RunDirectory, read_json
from equipoise.experiment.prepare import Prepared
from equipoise.plan import difference

# What may change between two sittings: how the result is judged, and where the run lies.
FREE = ("evaluation", "out")


def refuse_other_run(directory: RunDirectory, prepared: Prepared) -> None:
    """Compare a run directory with what is to be continued.

    Parameters
    ----------
    directory : RunDirectory
        The run that was started.
    prepared : Prepared
        What is to be continued now.

    Raises
    ------
    RunError
        Naming every difference of configuration, plan, tasks and data.
    """
    then, now = config_to_dict(directory.read_config()), config_to_dict(prepared.config)
    for name in FREE:
        del then[name], now[name]
    differences = [f"`{name}` was {before!r}, now it is {after!r}" for name, before, after in _changed(then, now)]
    differences += [f"plan: {sentence}" for sentence in difference(directory.read_plan(), prepared.plan)]
    tasks = {name: task.to_dict() for name, task in prepared.tasks.items()}
    differences += [
        f"task `{name}` was {before!r}, now it is {after!r}"
        for name, before, after in _changed(read_json(directory.tasks), tasks)
    ]
    differences += [
        f"data: `{name}` was {before!r}, now it is {after!r}"
        for name, before, after in _changed(read_json(directory.data), prepared.describe_data())
    ]
    if differences:
        listed = "\n".join(f"- {difference}" for difference in differences)
        raise RunError(
            f"The run in `{directory.path}` cannot be continued, because it was another one:\n{listed}\n"
            "Give what it was started with, or start a new run in another --out."
        )


def _changed(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        before, after = cast("Mapping[str, Any]", then), cast("Mapping[str, Any]", now)
        for name in [*before, *(name for name in after if name not in before)]:
            here = f"{path}.{name}" if path else name
            yield from _changed(before.get(name), after.get(name), here)
    elif then != now:
        yield path, then, now

"""What makes two runs the same: for the ranks of one training, and for a run that is resumed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from equipoise.config import config_to_dict
from equipoise.errors import RunError
from equipoise.models.base_model import Base
from equipoise.plan import Plan
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.runs.prepare import Prepared
from equipoise.schedule import differences as differences_of_plans

# These may change when a run is resumed: they do not affect training.
FREE = ("evaluation", "out")


def facts(
    prepared: Prepared, out: Path, *, resume: bool, base: Base | None = None, decided: Plan | None = None
) -> dict[str, Any]:
    """Return what all ranks must have alike before one of them writes; the files of the data may be copies."""
    config = config_to_dict(prepared.config)
    del config["data"]["source"], config["out"]
    return {
        "--out": str(out.absolute()),
        "--resume": resume,
        **dict(_leaves(config)),
        **dict(_leaves(prepared.data["rows"], "rows of split")),
        "training data (SHA-256)": prepared.data["train_sha256"],
        "plan (fingerprint)": prepared.plan.fingerprint,
        "--replan (fingerprint)": None if decided is None else decided.fingerprint,
        **({} if base is None else {"base of the adapter (fingerprint)": base.fingerprint}),
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings, by their path."""
    if isinstance(value, Mapping) and value:
        for name, each in cast("Mapping[str, Any]", value).items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    else:
        yield path, value


def refuse_other_run(directory: RunDirectory, prepared: Prepared) -> None:
    """Refuse to resume the run in a directory with another configuration, plan, tasks or data.

    Raises
    ------
    RunError
        If anything differs; the message names every difference.
    """
    then, now = config_to_dict(directory.read_config()), config_to_dict(prepared.config)
    for name in FREE:
        del then[name], now[name]
    tasks = {name: task.to_dict() for name, task in prepared.tasks.items()}
    differences = [
        *_changes("", then, now),
        *(f"plan: {sentence}" for sentence in differences_of_plans(directory.read_plan(), prepared.plan)),
        *_changes("task ", read_json(directory.tasks), tasks),
        *_changes("data: ", read_json(directory.data), prepared.data),
    ]
    if differences:
        listed = "\n".join(f"- {difference}" for difference in differences)
        raise RunError(
            "other-run",
            f"The run in `{directory.path}` cannot be resumed, because it is another run:\n{listed}\n"
            "Give what it was started with, or start a new run in another --out. If the rest of it is to be drawn by "
            "another plan, add --replan.",
        )


def _changes(kind: str, then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield a phrase for each value, at any depth of nested mappings, that changed."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        before, after = cast("Mapping[str, Any]", then), cast("Mapping[str, Any]", now)
        for name in dict.fromkeys([*before, *after]):
            yield from _changes(kind, before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif then != now:
        yield f"{kind}`{path}` was {then!r} and is {now!r}"

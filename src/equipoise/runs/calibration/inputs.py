"""The inputs of a calibration: validation rows, a given prior, costs, and rows without labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.base.files import read_text
from equipoise.base.plain_json import parse_json
from equipoise.calibration import cost_matrix
from equipoise.calibration.logs import Array
from equipoise.config import DataConfig, RunConfig, read_yaml
from equipoise.data import Records, Task
from equipoise.errors import ConfigError, DataError, RunError
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.runs.rows import fingerprint, load_records, set_apart
from equipoise.runs.unlabelled import UnlabelledRows


def validation_records(
    directory: RunDirectory, config: RunConfig, tasks: Mapping[str, Task], cache: Path | None
) -> Records:
    """Read the validation rows of the tasks that have labels; no test row is returned.

    Raises
    ------
    RunError
        If the run was trained on other data: rows may then have moved from one split to another.
    DataError
        If there is no such row.
    """
    records = load_records(config, cache)
    then, now = read_json(directory.data)["train_sha256"], fingerprint(records.where(split="train"))
    if then != now:
        raise RunError(
            "other-data",
            f"the data of `{directory.path}` has other training rows now ({now[:12]}) than it was trained on"
            f" ({then[:12]}), so its validation rows may have been trained on. Restore the data, or train again.",
        )
    if config.plan.feedback is not None:
        records, _ = set_apart(records, tasks, config.data.split.seed)
    validation = records.where(split="validation", task=_with_labels(tasks))
    if not len(validation):
        raise DataError(
            "no-validation-rows",
            "A calibration is fitted on validation rows of tasks with labels, found none. Train on data with a"
            " validation split.",
        )
    return validation


def unlabelled_records(
    file: Path, config: RunConfig, tasks: Mapping[str, Task], data: DataConfig | None, cache: Path | None
) -> Records:
    """Read rows of tasks that have labels, without their labels.

    Raises
    ------
    DataError
        If the file cannot be read, or has no such row.
    """
    names = _with_labels(tasks)
    records = UnlabelledRows(file, config, tasks, data).records(cache).where(task=names)
    if not len(records):
        message = f"`{file}` has no row of {', '.join(sorted(names))}. Give rows of these tasks."
        raise DataError("no-rows", message)
    return records


def read_priors(file: Path, tasks: Mapping[str, Task]) -> dict[str, Array]:
    """Read label shares by task from a JSON file, {task: {label: share}}; tasks may be left out.

    Raises
    ------
    ConfigError
        If a task or a label is unknown, a label is missing, or shares are negative or do not sum to 1.
    """
    hint = 'Give {"task": {"label": share, ...}}, a share for every label, with the sum 1.'
    text = read_text(file, ConfigError)
    given = parse_json(text, lambda why: ConfigError("not-json", f"`{file}` must be JSON: {why}. {hint}"))
    priors: dict[str, Array] = {}
    for name, shares in _by_task(given, tasks, file, hint).items():
        labels, wanted = tasks[name].labels, f"`{file}` must give task {name!r}"
        if set(shares) != set(labels):
            message = f"{wanted} the labels {list(labels)}, found {list(shares)}. {hint}"
            raise ConfigError("other-labels", message)
        numbers = [shares[label] for label in labels]
        odd = [each for each in numbers if type(each) not in (int, float) or each < 0]
        if odd or not abs(sum(numbers) - 1) <= 1e-3:
            found = f"{odd[0]!r}" if odd else f"the sum {sum(numbers):g}"
            message = f"{wanted} shares of at least 0 with the sum 1, found {found}. {hint}"
            raise ConfigError("not-shares", message)
        priors[name] = np.array(numbers, np.float64) / sum(numbers)
    return priors


def read_costs(file: Path, tasks: Mapping[str, Task]) -> dict[str, Array]:
    """Read costs by task from a YAML file, {task: {true label: {predicted label: cost}}}; tasks may be left out.

    Raises
    ------
    ConfigError
        If a task or a label is unknown, or a cost is missing or not a number.
    """
    hint = "Give {task: {true label: {predicted label: cost}}}."
    costs: dict[str, Array] = {}
    for name, rows in _by_task(read_yaml(file).data, tasks, file, hint).items():
        if not all(isinstance(row, Mapping) for row in rows.values()):
            message = f"`{file}` must give every true label of task {name!r} a mapping of costs. {hint}"
            raise ConfigError("not-a-mapping", message)
        costs[name] = cost_matrix(rows, tasks[name].labels, name)
    return costs


def _by_task(given: Any, tasks: Mapping[str, Task], file: Path, hint: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, Mapping) or not given or not all(isinstance(held, Mapping) for held in given.values()):
        raise ConfigError("not-a-mapping", f"`{file}` must map tasks to labels, found something else. {hint}")
    known = _with_labels(tasks)
    for name in given:
        if name not in known:
            message = f"`{file}` names the task {name!r}; the tasks with labels are {', '.join(known)}. Remove it."
            raise ConfigError("unknown-task", message)
    return dict(given)


def _with_labels(tasks: Mapping[str, Task]) -> list[str]:
    return [name for name, task in tasks.items() if task.kind == "classification"]

"""What a calibration is fitted with: validation rows, a given prior, costs, and rows without labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.base.files import read_text
from equipoise.base.plain_json import parse_json
from equipoise.calibration import cost_matrix
from equipoise.calibration.logs import Array
from equipoise.config import RunConfig, read_yaml
from equipoise.data import Columns, Records, Task
from equipoise.errors import ConfigError, DataError, RunError
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.runs.predicting import read_unlabelled
from equipoise.runs.prepare import fingerprint, load_records


def validation_records(directory: RunDirectory, config: RunConfig, tasks: Mapping[str, Task]) -> Records:
    """Read the validation rows of the tasks that have labels. No test row comes out of here.

    Raises
    ------
    RunError
        If the data is not what the run was trained on: rows may then have moved from one split to another.
    DataError
        If there is no such row.
    """
    records = load_records(config)
    then, now = read_json(directory.data)["train_sha256"], fingerprint(records.where(split="train"))
    if then != now:
        raise RunError(
            f"the training rows of `{directory.path}` were others ({then[:12]}) than its data has now ({now[:12]}), so"
            " its validation rows may have been trained on. Put the data back as it was, or train again."
        )
    with_labels = {name for name, task in tasks.items() if task.kind == "classification"}
    validation = records.where(split="validation", task=with_labels)
    if not len(validation):
        raise DataError(
            "A calibration is fitted on validation rows of tasks with labels, found none. Train on data with a"
            " validation split."
        )
    return validation


def unlabelled_records(file: Path, config: RunConfig, tasks: Mapping[str, Task], columns: Columns | None) -> Records:
    """Read rows whose labels are not looked at, of tasks that have labels.

    Raises
    ------
    DataError
        If the file cannot be read, or has no such row.
    """
    with_labels = {name for name, task in tasks.items() if task.kind == "classification"}
    records = read_unlabelled(file, config, tasks, columns=columns).where(task=with_labels)
    if not len(records):
        raise DataError(f"`{file}` has no row of {', '.join(sorted(with_labels))}. Give rows of these tasks.")
    return records


def read_priors(file: Path, tasks: Mapping[str, Task]) -> dict[str, Array]:
    """Read label shares by task from a JSON file, {task: {label: share}}; tasks may be left out.

    Raises
    ------
    ConfigError
        If a task or a label is unknown, a label is missing, or shares are negative or do not sum to 1.
    """
    hint = 'Give {"task": {"label": share, ...}}, every label with a share, together 1.'
    given = parse_json(read_text(file, ConfigError), lambda why: ConfigError(f"`{file}` must be JSON: {why}. {hint}"))
    priors: dict[str, Array] = {}
    for name, shares in _by_task(given, tasks, file, hint).items():
        labels = tasks[name].labels
        if set(shares) != set(labels):
            raise ConfigError(
                f"`{file}` must give task {name!r} the labels {list(labels)}, found {list(shares)}. {hint}"
            )
        numbers = [shares[label] for label in labels]
        odd = [
            each for each in numbers if isinstance(each, bool) or not isinstance(each, (int, float)) or not each >= 0
        ]
        if odd or not abs(sum(numbers) - 1) <= 1e-3:
            found = f"{odd[0]!r}" if odd else f"the sum {sum(numbers):g}"
            raise ConfigError(
                f"`{file}` must give task {name!r} shares of at least 0, together 1, found {found}. {hint}"
            )
        priors[name] = np.array(numbers, np.float64) / sum(numbers)
    return priors


def read_costs(file: Path, tasks: Mapping[str, Task]) -> dict[str, Array]:
    """Read costs by task from a YAML file, {task: {true label: {predicted label: cost}}}; tasks may be left out.

    Raises
    ------
    ConfigError
        If a task or a label is unknown, or a cost is missing or no number.
    """
    hint = "Give {task: {true label: {predicted label: cost}}}."
    given = read_yaml(file).data
    costs: dict[str, Array] = {}
    for name, rows in _by_task(given, tasks, file, hint).items():
        if not all(isinstance(row, Mapping) for row in rows.values()):
            raise ConfigError(f"`{file}` must give every true label of task {name!r} a mapping of costs. {hint}")
        costs[name] = cost_matrix(rows, tasks[name].labels, name)
    return costs


def _by_task(given: Any, tasks: Mapping[str, Task], file: Path, hint: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, Mapping) or not given or not all(isinstance(held, Mapping) for held in given.values()):
        raise ConfigError(f"`{file}` must map tasks to labels, found something else. {hint}")
    with_labels = [name for name, task in tasks.items() if task.kind == "classification"]
    unknown = [name for name in given if name not in with_labels]
    if unknown:
        raise ConfigError(f"`{file}` names the task {unknown[0]!r}; the run has {', '.join(with_labels)}. Remove it.")
    return dict(given)

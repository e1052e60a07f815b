"""From a configuration to records, tasks and plan: all that comes before a model, without torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.base.arrow import pc
from equipoise.base.problems import of_level
from equipoise.census import Census
from equipoise.config import DataConfig, RunConfig
from equipoise.data import (
    Problem,
    Records,
    Task,
    TaskOptions,
    assign_splits,
    check_records,
    infer_tasks,
    raise_on_errors,
    read_records,
)
from equipoise.data.suite import load_suite, suite_tasks
from equipoise.drawing import StratumIndex
from equipoise.errors import ConfigError, PlanError
from equipoise.plan import Plan

SUITE = "suite:"
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Prepared:
    """The data of a run and what is drawn of it.

    Attributes
    ----------
    config : RunConfig
        The configuration, its `plan.draws` filled in.
    records : Records
        All records, with a split.
    tasks : dict of str to Task
        The tasks; labels are those of the training rows.
    plan : Plan
        The plan, of the census of the training rows.
    problems : tuple of Problem
        What may surprise in the data.
    """

    config: RunConfig
    records: Records
    tasks: dict[str, Task]
    plan: Plan
    problems: tuple[Problem, ...] = ()

    @property
    def train(self) -> Records:
        """The training rows."""
        return self.records.where(split="train")

    def describe_data(self) -> dict[str, Any]:
        """Rows of each split and a fingerprint of the training rows, to know them again."""
        rows = {name: len(self.records.where(split=name)) for name in ("train", "validation", "test")}
        return {"rows": rows, "train_sha256": fingerprint(self.train)}


def read_source(data: DataConfig) -> Records:
    """Read the records that a configuration names, with a split only if they have their own.

    Raises
    ------
    DataError
        If the source cannot be read or a row cannot be used.
    ConfigError
        If the suite or its form of text is unknown.
    """
    if isinstance(data.source, str) and data.source.startswith(SUITE):
        return load_suite(data.source.removeprefix(SUITE), text=data.text or "binned")
    if data.text is not None:
        raise ConfigError(f"`data.text` is for suites alone, found {data.text!r}. Leave it out.")
    source = data.source if isinstance(data.source, str) else list(data.source)
    return read_records(source, data.columns, default_task=data.default_task, limits=data.limits)


def load_records(config: RunConfig) -> Records:
    """Read the records that a configuration names and see that each has a split; errors as `read_source`."""
    records = read_source(config.data)
    if records.has("split"):
        return records
    split = config.data.split
    return assign_splits(records, fractions=split.fractions, seed=split.seed, options=task_options(config))


def task_options(config: RunConfig) -> Mapping[str, TaskOptions]:
    """What a suite and the configuration say of tasks; the configuration has the last word on a task."""
    source = config.data.source
    if isinstance(source, str) and source.startswith(SUITE):
        return {**suite_tasks(source.removeprefix(SUITE)), **config.tasks}
    return config.tasks


def census_of(train: Records, tasks: Mapping[str, Task]) -> Census:
    """Count the training rows; an open-ended task is one stratum."""
    open_ended_tasks = [name for name, task in tasks.items() if task.kind == "open"]
    return Census.from_arrow(train.table, open_ended_tasks=open_ended_tasks)


def prepare(config: RunConfig, records: Records | None = None) -> Prepared:
    """Read the data, infer the tasks and build the plan, all from the training rows alone.

    Parameters
    ----------
    config : RunConfig
        The configuration. Without `plan.draws`, as many draws are planned as there are training rows.
    records : Records, optional
        The records, if they were read before.

    Returns
    -------
    Prepared
        Everything that training needs besides a model.

    Raises
    ------
    EquipoiseError
        If the data, the tasks or the plan cannot be used.
    """
    records = load_records(config) if records is None else records
    tasks = infer_tasks(records.where(split="train"), task_options(config))
    problems = check_records(records, tasks)
    raise_on_errors(problems)
    return _planned(config, records, tasks, tuple(problems))


def prepare_again(config: RunConfig, base: Prepared) -> Prepared:
    """Plan another run on rows that were read and checked before; the configurations may differ in all but those.

    Raises
    ------
    PlanError
        If the plan cannot be built.
    """
    return _planned(config, base.records, base.tasks, base.problems)


def _planned(config: RunConfig, records: Records, tasks: dict[str, Task], problems: tuple[Problem, ...]) -> Prepared:
    train = records.where(split="train")
    census = census_of(train, tasks)
    chosen = config.plan
    draws = chosen.draws or census.total
    plan = Plan.build(
        census,
        chosen.rates,
        chosen.weights,
        max_passes=chosen.max_passes,
        draws=draws,
        target_rates=chosen.target_rates,
        target_weights=chosen.target_weights,
        tokens=mean_tokens(config, train, tasks, census),
    )
    return Prepared(replace(config, plan=replace(chosen, draws=draws)), records, tasks, plan, problems)


def refuse_bad_forecast(prepared: Prepared) -> None:
    """Refuse to train a plan whose forecast has errors, unless the configuration allows repeats.

    Raises
    ------
    PlanError
        Naming every error of the forecast.
    """
    errors = of_level(prepared.plan.forecast().problems, "error")
    if errors and not prepared.config.plan.allow_repeats:
        listed = "\n".join(f"- {problem.message}" for problem in errors)
        raise PlanError(
            f"The plan's forecast has errors:\n{listed}\n"
            "Change rates, weights or draws (`equipoise plan` shows what they do), or accept them with"
            " --allow-repeats (`plan.allow_repeats: true`)."
        )


def fingerprint(records: Records) -> str:
    """SHA-256 of the records' texts, in their order, however the table is chunked."""
    digest = hashlib.sha256()
    for name in records.table.column_names:
        column = records.column(name)
        # Lengths keep ["ab", "c"] and ["a", "bc"] apart; a null has none.
        lengths = pc.fill_null(pc.binary_length(column), -1)
        digest.update(f"{name}:{len(column)}:".encode())
        digest.update(np.asarray(lengths.to_numpy(), dtype="<i8").tobytes())
        for start in range(0, len(column), _ROWS_AT_ONCE):
            texts = column.slice(start, _ROWS_AT_ONCE).to_pylist()
            digest.update("".join(text or "" for text in texts).encode())
    return digest.hexdigest()


def strata_of(records: Records, tasks: Mapping[str, Task]) -> tuple[list[str], list[str | None]]:
    """Task and label of every record; an open-ended task has no label.

    Examples
    --------
    >>> records = Records.from_dict({"task": ["a", "b"], "input": ["x", "y"], "target": ["no", "free text"]})
    >>> strata_of(records, {"a": Task("a", "classification", ("no",)), "b": Task("b", "open")})
    (['a', 'b'], ['no', None])
    """
    names: list[str] = records.column("task").to_pylist()
    targets: list[str] = records.column("target").to_pylist()
    is_open = {name: task.kind == "open" for name, task in tasks.items()}
    labels = [None if is_open[name] else target for name, target in zip(names, targets, strict=True)]
    return names, labels


def mean_tokens(
    config: RunConfig, train: Records, tasks: Mapping[str, Task], census: Census
) -> NDArray[np.float64] | None:
    """Mean tokens of a training row of each stratum, in the part that `plan.rates_in` names; None for examples.

    The rows are tokenised as training does it, cut at the same lengths.
    """
    if config.plan.rates_in == "examples":
        return None
    # A plan in examples needs neither torch nor a tokenizer.
    from equipoise.collate import EncodedExamples  # noqa: PLC0415
    from equipoise.models import open_tokenizer  # noqa: PLC0415

    encoded = EncodedExamples.encode(
        train, tasks, open_tokenizer(config), max_input=config.training.max_input, max_target=config.training.max_target
    )
    lengths = {
        "tokens": encoded.input_lengths + encoded.target_lengths,
        "input_tokens": encoded.input_lengths,
        "target_tokens": encoded.target_lengths,
    }
    return StratumIndex.from_labels(census, *strata_of(train, tasks)).means(lengths[config.plan.rates_in])

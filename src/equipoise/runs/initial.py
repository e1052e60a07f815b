"""A first configuration of a run, from the data alone: what was guessed, what was counted, and why."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.base.problems import Problem
from equipoise.census import Census
from equipoise.config import DataConfig, RunConfig, commented_yaml, config_to_dict, configuration_keys, make_config
from equipoise.data import Records, Task, check_records, infer_tasks
from equipoise.data.guessing import Guess, guess_columns, guess_group
from equipoise.data.readers.options import ReadOptions
from equipoise.data.tasks import some_of
from equipoise.errors import ConfigError, EquipoiseError
from equipoise.plan.suggested import Suggested, suggest_plan
from equipoise.runs.rows import SUITE, census_of, explained, load_records, read_source, rows_by_split, task_options

_MOST_TASKS: Final = 20  # with options of their own
_FIRST_RUN: Final = "runs/first"


@dataclass(frozen=True)
class Initial:
    """A first configuration.

    Attributes
    ----------
    text : str
        The configuration as YAML, with comments.
    guesses : tuple of Guess
        What was guessed of the columns and tasks, and why.
    problems : tuple of Problem
        What checks of the rows found.
    tasks : dict of str to Task
        The tasks.
    suggested : Suggested
        The plan.
    following : str
        The command that compares with it.
    """

    text: str
    guesses: tuple[Guess, ...]
    problems: tuple[Problem, ...]
    tasks: dict[str, Task]
    suggested: Suggested
    following: str


def guessed_config(
    source: str, options: Mapping[str, Any], overrides: Sequence[str] = ()
) -> tuple[RunConfig, list[Guess]]:
    """Make the configuration of data, with guesses for what neither the options nor the defaults say.

    Parameters
    ----------
    source : str
        The data.
    options : mapping of str to object
        By dotted key.
    overrides : sequence of str
        ``a.b=value`` strings.

    Returns
    -------
    RunConfig
        With the guesses.
    list of Guess

    Raises
    ------
    EquipoiseError
        If the data cannot be read, or an option cannot be used.
    """
    for override in overrides:
        if not override.startswith(("data.", "tasks.")):
            message = "`--set` takes keys of `data` and `tasks` here, and other keys are changed in the file"
            raise ConfigError("bad-override", f"{message}, found {override!r:.80}.")
    plain = {"data": {"source": source}}
    config = make_config(plain, options=options, overrides=overrides)
    if source.startswith(SUITE):
        return config, []
    given = changed(config.data)
    guesses = guess_columns(source, given, _read_options(config.data))
    found = {guess.key: guess.value for guess in guesses}
    return make_config(plain, options={**found, **options}, overrides=overrides), guesses


def unused_group(data: DataConfig) -> str | None:
    """Return the name of a column that looks like groups, if no column of groups is named and none is called so.

    Data that cannot be read has none here: whoever reads it raises the error.
    """
    if data.columns.group is not None or not isinstance(data.source, str) or data.source.startswith(SUITE):
        return None
    try:
        return guess_group(data.source, changed(data), _read_options(data))
    except EquipoiseError:
        return None


def _read_options(data: DataConfig) -> ReadOptions:
    return ReadOptions(data.limits, data.delimiter, data.encoding, data.splits)


def changed(data: DataConfig) -> dict[str, Any]:
    """Return the keys of how data is read that differ from the defaults, by dotted key, the source first."""
    default = _plain(DataConfig(source=data.source))
    return {"data.source": default["source"], **_differences(_plain(data), default, "data")}


def initial_config(
    source: str,
    options: Mapping[str, Any],
    overrides: Sequence[str] = (),
    cache: Path | None = None,
    name: str = "run.yaml",
) -> Initial:
    """Read data, guess how it is to be read, count it, and write a configuration that `train` and `compare` take.

    Parameters
    ----------
    source, options, overrides
        As in `guessed_config`.
    cache : pathlib.Path, optional
        As in `read_records`.
    name : str
        The file that it is written to, for its comments.

    Returns
    -------
    Initial

    Raises
    ------
    EquipoiseError
        If the data cannot be read, no column can be the input or the target, or no plan can be built.
    """
    config, guesses = guessed_config(source, options, overrides)
    has_splits = read_source(config.data, cache).has("split")
    records = load_records(config, cache)
    train = records.where(split="train")
    tasks = infer_tasks(train, task_options(config))
    census = census_of(train, tasks)
    suggested = suggest_plan(census)
    problems = tuple(explained(config.data, check_records(records, tasks)))
    labelled = any(task.labels for task in tasks.values())
    following = f"equipoise compare {shlex.quote(name)} --budget 30m{'' if labelled else ' --metric rouge_l'}"
    writer = _Writer(config, guesses, name, following)
    writer.data(records, has_splits=has_splits)
    writer.tasks(tasks, census)
    writer.run(train, suggested)
    return Initial(writer.text(), tuple(guesses), problems, tasks, suggested, following)


class _Writer:
    """Collects keys with their values and comments; what a key means is said by the configuration itself."""

    def __init__(self, config: RunConfig, guesses: Sequence[Guess], name: str, following: str) -> None:
        self._config, self._name, self._next = config, name, following
        self._why = {guess.key: guess.why for guess in guesses}
        self._values: dict[str, Any] = {}
        self._comments: dict[str, str] = {}
        self._means = {key.name: key.description.partition(". ")[0].rstrip(".") for key in configuration_keys()}

    def text(self) -> str:
        return commented_yaml(self._values, self._comments)

    def _set(self, key: str, value: Any, comment: str | None = None) -> None:
        """Set a key, under what it means and then what is said of this value; None has no comment at all."""
        *sections, last = key.split(".")
        here = self._values
        for name in sections:
            here = here.setdefault(name, {})
        here[last] = value
        if comment is not None:
            self._comments[key] = " ".join(f"{each}." for each in (self._means.get(key, ""), comment) if each)

    def data(self, records: Records, *, has_splits: bool) -> None:
        data = self._config.data
        self._comments[""] = (
            f"Written by `equipoise init`. Next: `{self._next}`, or `equipoise train {self._name}`.\n"
            "For completion in an editor: `equipoise schema > schema.json`, and in the first line of this file\n"
            '"# yaml-language-server: $schema=schema.json".'
        )
        for key, value in changed(data).items():
            self._set(key, value, f"Guessed: {self._why[key]}" if key in self._why else None)
        counts = ", ".join(f"{name} {count:,}" for name, count in rows_by_split(records).items())
        if has_splits:
            self._comments["data"] = f"Rows, by the splits of the data: {counts}."
        else:
            split = _plain(data)["split"]
            groups = " and no group is divided" if records.has("group") else ""
            comment = f"The data has no splits. Here: {counts}; labels are stratified{groups}"
            self._set("data.split", split, comment)

    def tasks(self, tasks: Mapping[str, Task], census: Census) -> None:
        given = config_to_dict(self._config)["tasks"]
        counts = census.to_dict()
        suite = str(self._config.data.source).startswith(SUITE)
        if suite or len(tasks) > _MOST_TASKS:
            self._values |= {"tasks": given} if given else {}
            return
        self._comments["tasks"] = (
            "Options of tasks. A prompt is the text around an input. Verbalisers are the target texts of labels: words,"
            ' which a pretrained model knows, as in verbalisers: {"0": "no", "1": "yes"}.'
        )
        made: dict[str, dict[str, Any]] = {}
        for name, task in tasks.items():
            known = {key: value for key, value in given.get(name, {}).items() if value is not None}
            made[name] = {"kind": task.kind, "prompt": task.prompt} | known
            self._comments[f"tasks.{name}"] = _about(task, cast("Any", counts[name]))
        self._values["tasks"] = made

    def run(self, train: Records, suggested: Suggested) -> None:
        model = self._config.model.name
        toy = "A toy, for a first look: name a pretrained one, such as google/flan-t5-small, for use"
        self._set("model.name", model, toy if model == "tiny" else "")
        self._set("plan.rates", suggested.rates, "equal: each task as often as any other")
        self._set("plan.weights", suggested.weights, "sqrt: by the square root of its rows")
        self._set("plan.draws", suggested.draws, f"Here: {suggested.why_draws}")
        if suggested.max_passes is None:
            self._comments["plan.draws"] += f" {suggested.why_passes}."
        else:
            self._set("plan.max_passes", suggested.max_passes, f"Here: {suggested.why_passes}")
        training = self._config.training
        self._set("training.batch_size", training.batch_size, "")
        self._set("training.learning_rate", training.learning_rate, "1e-3 suits tiny, T5 and adapters; minilm 5e-4")
        for key, column in (("max_input", "input"), ("max_target", "target")):
            limit: int = getattr(training, key)
            self._set(f"training.{key}", limit, _length(train, column, limit))
        self._set("seed", self._config.seed, "")
        self._set("out", self._config.out or _FIRST_RUN, "")


def _about(task: Task, counts: Mapping[str, int] | int) -> str:
    if not isinstance(counts, Mapping):
        return (
            f"{counts:,} training rows with texts that hardly repeat: open-ended. If they are labels: classification."
        )
    rarest = min(counts, key=counts.__getitem__)
    labels = some_of(task.labels, 5)
    rows = f"{sum(counts.values()):,} training rows, {len(counts):,} labels ({labels})"
    return f"{rows}; the rarest, {rarest!r}, has {counts[rarest]:,}."


def _length(train: Records, column: str, limit: int) -> str:
    """Say whether the longest text fits: a token is at least a byte, and about four characters of English."""
    coded = train.coded(column)
    names = coded.names if len(coded.names) <= len(coded) else coded.names.take(pa.array(coded.codes))
    longest: int = pc.max(pc.binary_length(names)).as_py() or 0
    if longest < limit:
        return f"The longest has {longest:,} byte{'s' * (longest != 1)}, and a token is at least one"
    return (
        f"The longest has {longest:,} bytes, at four a token about {longest // 4:,} tokens;"
        " `equipoise inspect DATA --model MODEL` counts those that are cut"
    )


def _plain(data: DataConfig) -> dict[str, Any]:
    return config_to_dict(RunConfig(data=data))["data"]


def _differences(found: Mapping[str, Any], default: Mapping[str, Any], path: str) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name, value in found.items():
        key, usual = f"{path}.{name}", default[name]
        if isinstance(value, dict) and isinstance(usual, dict) and usual:
            keys |= _differences(cast("dict[str, Any]", value), cast("dict[str, Any]", usual), key)
        elif value != usual:
            keys[key] = value
    return keys

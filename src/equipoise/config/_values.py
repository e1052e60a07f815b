"""What the values of several keys are read and checked by: schemes, numbers in a range, and choices."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from equipoise.base.registry import suggest
from equipoise.config._yaml import read_yaml
from equipoise.errors import ConfigError
from equipoise.rates import Rates
from equipoise.schedule import Recipe, Stages
from equipoise.weights import ClassWeights


def parse_rates(value: Any) -> Rates:
    """Read mixing rates from a string or a mapping, and tables from the YAML file that a string names.

    Raises
    ------
    ConfigError, PlanError
        If the file cannot be read, the scheme is unknown or an option cannot be used; see `Rates.of`.

    Examples
    --------
    >>> parse_rates("temperature:2,maximum=65536")
    Temperature(temperature=2, maximum=65536, scale=1.0)
    """
    return Rates.of(value, _read)


def parse_weights(value: Any) -> ClassWeights:
    """Read class weights from a string or a mapping, and tables from the YAML file that a string names.

    Raises
    ------
    ConfigError, PlanError
        If the file cannot be read, the scheme is unknown or an option cannot be used; see `ClassWeights.of`.

    Examples
    --------
    >>> str(parse_weights("balanced,max_ratio=50"))
    'Balanced().clipped(max_ratio=50)'
    """
    return ClassWeights.of(value, _read)


@dataclass(frozen=True)
class ScheduleFile:
    """A file with the schedule or the plan of an earlier run, as JSON.

    Parameters
    ----------
    path : str
        The file; it ends in ``.json``.
    """

    path: str

    def to_dict(self) -> str:
        """Return the path, as a configuration has it."""
        return self.path


def parse_schedule(value: Any) -> Recipe | ScheduleFile:
    """Read a schedule: a recipe as a string or a mapping, a list of stages, or the path of a JSON file.

    Raises
    ------
    ConfigError, PlanError
        If a file of options cannot be read, the recipe is unknown or an option cannot be used; see `Recipe.of`.

    Examples
    --------
    >>> parse_schedule("cooldown:5,1,at=0.5")
    Cooldown(first=5, last=1, at=0.5)
    >>> parse_schedule([{"at": 0.5, "rates": "proportional"}]).name, parse_schedule("first/schedule.json")
    ('stages', ScheduleFile(path='first/schedule.json'))
    """
    if isinstance(value, str) and value.endswith(".json"):
        return ScheduleFile(value)
    if isinstance(value, list | tuple):
        return Stages(_with_tables(value))
    return Recipe.of(value, lambda path: _with_tables(_read(path)))


def _with_tables(data: Any) -> Any:
    """Return a list of stages with the schemes that name files read; everything else as it is."""
    if not isinstance(data, list | tuple):
        return data

    def weights_of(value: Any) -> Any:
        by_task = isinstance(value, Mapping) and "name" not in value
        return {task: parse_weights(each) for task, each in value.items()} if by_task else parse_weights(value)

    readers: dict[Any, Callable[[Any], Any]] = {"rates": parse_rates, "weights": weights_of}
    return [
        {key: readers[key](value) if key in readers else value for key, value in stage.items()}
        if isinstance(stage, Mapping)
        else stage
        for stage in cast("list[Any]", data)
    ]


def _read(path: str) -> Any:
    return read_yaml(Path(path)).data


def in_range(name: str, value: float, low: float, high: float = math.inf, *, open_low: bool = False) -> None:
    """Reject a number outside ``[low, high]``, or ``(low, high]`` if `open_low`."""
    if math.isnan(value) or value > high or value < low or (open_low and value == low):
        above = f"greater than {low}" if open_low else f"at least {low}"
        limits = above if high == math.inf else f"{above} and at most {high}"
        raise ConfigError("out-of-range", f"`{name}` must be {limits}, found {value}.")


def one_of(name: str, value: str, choices: Sequence[str]) -> None:
    """Reject a string that is not one of the choices."""
    if value not in choices:
        message = f"`{name}` must be one of {', '.join(choices)}, found {value!r:.80}.{suggest(value, choices)}"
        raise ConfigError("unknown-choice", message)

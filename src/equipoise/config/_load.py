"""Read, build and write configurations."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar, cast

from equipoise.base.codec import Builder, KeyPath, to_plain
from equipoise.base.files import write_atomically
from equipoise.config._adapter import AdapterConfig, parse_adapter
from equipoise.config._compare import ComparisonConfig
from equipoise.config._loss import LossConfig, parse_loss
from equipoise.config._schema import RunConfig
from equipoise.config._values import ScheduleFile, parse_rates, parse_schedule, parse_weights
from equipoise.config._yaml import Document, dump_yaml, parse_yaml, read_yaml
from equipoise.errors import ConfigError
from equipoise.feedback import Feedback
from equipoise.rates import Rates
from equipoise.schedule import Recipe
from equipoise.weights import ClassWeights

T = TypeVar("T")


def load_config(path: Path, *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's configuration from a YAML file.

    Parameters
    ----------
    path : pathlib.Path
        The file. Paths inside it are relative to the current folder, as on the command line.
    options : mapping of str to object, optional
        Options of the command line by dotted key; they override the file.
    overrides : sequence of str
        ``a.b=value`` strings; they override everything else.

    Returns
    -------
    RunConfig
        The configuration, every default filled in.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value cannot be used; the message names file and line.
    """
    return _finish(RunConfig, read_yaml(path), options or {}, overrides)


def load_comparison(
    path: Path, *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> ComparisonConfig:
    """Read the configuration of a comparison: that of a run, with the key `compare`; see `load_config`."""
    return _finish(ComparisonConfig, read_yaml(path), options or {}, overrides)


def make_config(
    data: Mapping[str, Any], *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> RunConfig:
    """Build a run's configuration from plain data; see `load_config`.

    Examples
    --------
    >>> make_config({"data": {"source": "rows.jsonl"}}, overrides=["plan.draws=640"]).plan.draws
    640
    """
    return _finish(RunConfig, Document(dict(data)), options or {}, overrides)


def make_comparison(
    data: Mapping[str, Any], *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> ComparisonConfig:
    """Build a comparison's configuration from plain data; see `load_config`.

    Examples
    --------
    >>> make_comparison({"data": {"source": "rows.jsonl"}}, overrides=["compare.seeds=3"]).compare.seeds
    3
    """
    return _finish(ComparisonConfig, Document(dict(data)), options or {}, overrides)


def config_to_dict(config: RunConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain data, which `make_config` reads back."""
    return to_plain(config)


def save_config(config: RunConfig, path: Path) -> None:
    """Write the resolved configuration as YAML."""
    with write_atomically(path) as temporary:
        temporary.write_text(dump_yaml(config_to_dict(config)), encoding="utf-8")


def _finish(kind: type[T], document: Document, options: Mapping[str, Any], overrides: Sequence[str]) -> T:
    data = {} if document.data is None else deepcopy(document.data)
    if not isinstance(data, dict):
        raise ConfigError("not-a-mapping", f"{document.where(())}a configuration must be a mapping, found {data!r}.")
    document = Document(cast("dict[str, Any]", data), dict(document.places), document.name)
    for name, value in options.items():
        _set(document, name.split("."), value, "")
    for text in overrides:  # the value is read as YAML, so `[1, 2]` and `{a: 1}` work
        name, equals, value = text.partition("=")
        path = name.strip().split(".")
        if not equals or not all(path):
            raise ConfigError("bad-override", f"`--set` must look like `plan.draws=1000`, found {text!r}.")
        _set(document, path, parse_yaml(value, f"--set {text}").data, f"--set {text}")

    def refuse(path: KeyPath, code: str, sentence: str) -> ConfigError:
        return ConfigError(code, f"{document.where(path)}{sentence}")

    return _ConfigBuilder(refuse, _CONVERTERS).build(kind, document.data)


def _set(document: Document, path: list[str], value: Any, place: str) -> None:
    """Set one value at a path, creating the mappings on the way."""
    here = document.data
    for depth, key in enumerate(path[:-1]):
        inner = here.setdefault(key, {})
        if inner is None:
            inner = here[key] = {}
        if not isinstance(inner, dict):
            outer = f"{place}: `{'.'.join(path[: depth + 1])}`" if place else f"`{'.'.join(path[: depth + 1])}`"
            raise ConfigError("not-a-mapping", f"{outer} has the value {inner!r}, which has no keys to set.")
        here = cast("dict[str, Any]", inner)
    here[path[-1]] = value
    below = [known for known in document.places if known[: len(path)] == tuple(path)]
    document.places.update(dict.fromkeys([*below, tuple(path)], place))


_CONVERTERS = {
    Rates: parse_rates,
    ClassWeights: parse_weights,
    Recipe: parse_schedule,
    ScheduleFile: parse_schedule,
    Feedback: Feedback.of,
    LossConfig: parse_loss,
    AdapterConfig: parse_adapter,
}


class _ConfigBuilder(Builder):
    def build(self, cls: type[T], data: Any, path: KeyPath = ()) -> T:  # a section may be empty
        return super().build(cls, {} if data is None else data, path)

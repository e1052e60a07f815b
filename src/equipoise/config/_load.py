"""Read, build and write configurations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from equipoise.base.codec import Builder, KeyPath, to_plain
from equipoise.base.files import write_atomically
from equipoise.config._compare import ComparisonConfig
from equipoise.config._draft import Draft
from equipoise.config._loss import LossConfig, parse_loss
from equipoise.config._schema import RunConfig
from equipoise.config._schemes import parse_rates, parse_weights
from equipoise.config._yaml import Document, dump_yaml, read_yaml
from equipoise.errors import ConfigError
from equipoise.rates import Rates
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
    return _finish(RunConfig, Draft(read_yaml(path)), options or {}, overrides)


def load_comparison(
    path: Path, *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> ComparisonConfig:
    """Read the configuration of a comparison: that of a run, with the key `compare`; see `load_config`."""
    return _finish(ComparisonConfig, Draft(read_yaml(path)), options or {}, overrides)


def make_config(
    data: Mapping[str, Any], *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> RunConfig:
    """Build a run's configuration from plain data; see `load_config`.

    Examples
    --------
    >>> make_config({"data": {"source": "rows.jsonl"}}, overrides=["plan.draws=640"]).plan.draws
    640
    """
    return _finish(RunConfig, Draft(Document(dict(data))), options or {}, overrides)


def make_comparison(
    data: Mapping[str, Any], *, options: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> ComparisonConfig:
    """Build a comparison's configuration from plain data; see `load_config`.

    Examples
    --------
    >>> make_comparison({"data": {"source": "rows.jsonl"}}, overrides=["compare.seeds=3"]).compare.seeds
    3
    """
    return _finish(ComparisonConfig, Draft(Document(dict(data))), options or {}, overrides)


def config_to_dict(config: RunConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain data, which `make_config` reads back."""
    return to_plain(config)


def save_config(config: RunConfig, path: Path) -> None:
    """Write the resolved configuration as YAML."""
    with write_atomically(path) as temporary:
        temporary.write_text(dump_yaml(config_to_dict(config)), encoding="utf-8")


def _finish(kind: type[T], draft: Draft, options: Mapping[str, Any], overrides: Sequence[str]) -> T:
    for name, value in options.items():
        draft.set(name.split("."), value, "")
    for text in overrides:
        draft.override(text)
    document = draft.document

    def refuse(path: KeyPath, code: str, sentence: str) -> ConfigError:
        return ConfigError(code, f"{document.where(path)}{sentence}")

    return _ConfigBuilder(refuse, _CONVERTERS).build(kind, document.data)


_CONVERTERS = {Rates: parse_rates, ClassWeights: parse_weights, LossConfig: parse_loss}


class _ConfigBuilder(Builder):
    def build(self, cls: type[T], data: Any, path: KeyPath = ()) -> T:  # a section may be empty
        return super().build(cls, {} if data is None else data, path)

"""What a command was given, as a configuration: a YAML file, or data with options, and overrides of both."""

import shlex
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from equipoise.errors import ConfigError, DataWarning

if TYPE_CHECKING:
    from equipoise.config import ComparisonConfig, DataConfig, RunConfig

    Config = TypeVar("Config", bound=RunConfig)

YAML: Final = (".yaml", ".yml")


def other_data(
    run: Path, source: str | None, options: dict[str, Any], overrides: list[str] | None, missing: str
) -> "DataConfig | None":
    """Return how other data than that of a run is read: as that of the run, where the options say nothing else.

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    source : str, optional
        The data. None has no description.
    options, overrides
        As in `read_config`.
    missing : str
        What the options describe, for the error if there is no such data.
    """
    if source is None:
        if overrides or any(value is not None for value in options.values()):
            message = f"`--set` and the options of columns and tasks describe {missing}, so they need it."
            raise ConfigError("missing-argument", message)
        return None
    if source.endswith(YAML):
        return read_config(source, options, overrides).data
    from equipoise.config import config_to_dict, make_config
    from equipoise.runs.directory import RunDirectory

    known = config_to_dict(RunDirectory.open(run).read_config())["data"]
    given = {key: value for key, value in options.items() if value is not None}
    return make_config(
        {"data": {**known, "source": source, "text": None}}, options=given, overrides=overrides or ()
    ).data


def read_config(source: str, options: dict[str, Any], overrides: list[str] | None) -> "RunConfig":
    """Make the configuration of a command from its source, its options and its overrides.

    Parameters
    ----------
    source : str
        A YAML file, or data.
    options : dict of str to object
        By dotted key; those that are None were not given.
    overrides : list of str, optional
        Strings ``a.b=value``.
    """
    from equipoise.config import load_config, make_config

    return _read(load_config, make_config, source, options, overrides)


def read_comparison(source: str, options: dict[str, Any], overrides: list[str] | None) -> "ComparisonConfig":
    """Make the configuration of a comparison, as `read_config` that of a run."""
    from equipoise.config import load_comparison, make_comparison

    return _read(load_comparison, make_comparison, source, options, overrides)


def _read(
    load: "Callable[..., Config]",
    make: "Callable[..., Config]",
    source: str,
    options: dict[str, Any],
    overrides: list[str] | None,
) -> "Config":
    """Read a configuration from a YAML file by `load`, or build one of data by `make`."""
    given = {key: value for key, value in options.items() if value is not None}
    if source.endswith(YAML):
        return load(Path(source), options=given, overrides=overrides or ())
    config = make({"data": {"source": source}}, options=given, overrides=overrides or ())
    _warn_of_unused_group(config.data)
    return config


def _warn_of_unused_group(data: "DataConfig") -> None:
    """Warn if a column of data that is given without a configuration looks like groups, and none is named."""
    from equipoise.runs.initial import unused_group

    if name := unused_group(data):
        message = (
            f"Column {name!r} looks like groups, such as patients, and is not used: rows of a group may be divided"
            f" between splits. To keep them together: `--group-column {shlex.quote(name)}`."
        )
        warnings.warn(DataWarning("unused-group", message), stacklevel=2)

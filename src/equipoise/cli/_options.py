"""Options that several commands share, and how they become a configuration."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from equipoise.config import ComparisonConfig, RunConfig, load_comparison, load_config, make_comparison, make_config
from equipoise.errors import printable_json

Source = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG.yaml | DATA",
        help="A run's configuration, or data: JSONL, CSV, TSV or Parquet (also .gz), a glob, a folder,"
        " or suite:multi-diagnosis.",
        show_default=False,
    ),
]
Rates = Annotated[
    str | None,
    typer.Option(
        help="How often each task is drawn: equal, proportional, temperature:2, unimax:4, fixed:FILE.yaml;"
        " options after a comma, as in temperature:2,maximum=65536.",
        show_default="equal",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="How often each label is drawn inside its task: natural, sqrt, power:0.5, balanced,"
        " effective:0.999, median, log; clip with ,max_ratio=50.",
        show_default="sqrt",
    ),
]
TargetRates = Annotated[
    str | None, typer.Option(help="Mixing rates that the loss should see, if not those that are drawn.")
]
TargetWeights = Annotated[
    str | None, typer.Option(help="Class weights that the loss should see, if not those that are drawn.")
]
Draws = Annotated[int | None, typer.Option(min=1, help="How many examples to draw.", show_default="the training rows")]
MaxPasses = Annotated[
    float | None, typer.Option(help="Draw no label more than this many times over.", show_default=False)
]
AllowRepeats = Annotated[
    bool | None,
    typer.Option("--allow-repeats", help="Accept a plan whose forecast has errors.", show_default=False),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Decides every random choice.", show_default="0")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any key of the configuration, as in training.learning_rate=2e-3. May be repeated.",
    ),
]
Config = TypeVar("Config", bound=RunConfig)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def read_config(source: str, options: dict[str, Any], overrides: list[str] | None) -> RunConfig:
    """Make the configuration of a command from its source, its options and its overrides.

    Parameters
    ----------
    source : str
        A YAML file, or data.
    options : dict of str to object
        By dotted key; None is left out.
    overrides : list of str, optional
        ``a.b=value`` texts.
    """
    return _read(source, options, overrides, load_config, make_config)


def read_comparison(source: str, options: dict[str, Any], overrides: list[str] | None) -> ComparisonConfig:
    """Make the configuration of a comparison; see `read_config`."""
    return _read(source, options, overrides, load_comparison, make_comparison)


def _read(
    source: str,
    options: dict[str, Any],
    overrides: list[str] | None,
    load: Callable[..., Config],
    make: Callable[..., Config],
) -> Config:
    given = {key: value for key, value in options.items() if value is not None}
    if source.endswith((".yaml", ".yml")):
        return load(Path(source), options=given, overrides=overrides or ())
    return make({"data": {"source": source}}, options=given, overrides=overrides or ())


def print_json(value: Any) -> None:
    """Print one JSON object."""
    typer.echo(printable_json(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)))

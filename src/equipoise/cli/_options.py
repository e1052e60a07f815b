"""Options that several commands share, and how they become a configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from equipoise.config import ComparisonConfig, RunConfig, load_comparison, load_config, make_comparison, make_config

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Data (JSONL, CSV, TSV or Parquet, also .gz; a glob or a directory), suite:multi-diagnosis, or a"
        " configuration (.yaml).",
        show_default=False,
    ),
]
RatesOption = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Mixing rates: how often each task is drawn, as in equal, or temperature:2,maximum=65536. `equipoise plan"
        " --help` lists the schemes.  [default: equal]",
        show_default=False,
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Class weights: how often each label is drawn within its task, as in sqrt, or inverse,max_ratio=50."
        "  [default: sqrt]",
        show_default=False,
    ),
]
TargetRates = Annotated[
    str | None,
    typer.Option(metavar="SCHEME", help="Mixing rates that the loss is weighted to.  [default: those that are drawn]"),
]
TargetWeights = Annotated[
    str | None,
    typer.Option(metavar="SCHEME", help="Class weights that the loss is weighted to.  [default: those that are drawn]"),
]
Draws = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Number of examples to draw.  [default: the number of training rows]"),
]
MaxPasses = Annotated[
    float | None,
    typer.Option(metavar="N", help="At most this many passes over the rows of any label, on average."),
]
AllowRepeats = Annotated[bool | None, typer.Option("--allow-repeats", help="Accept a plan whose forecast has errors.")]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="Random seed.  [default: 0]")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any key of the configuration, as in training.learning_rate=2e-3. Repeatable.",
    ),
]
ColumnOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Describe the columns of the data, as in data.columns.input=text. Repeatable.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Model to train: tiny (a small T5 with random weights), a directory, or a name on the Hugging Face Hub."
        "  [default: tiny]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Config = TypeVar("Config", bound=RunConfig)


PLAN = ("rates", "weights", "draws", "max_passes", "target_rates", "target_weights", "allow_repeats")


def plan_options(*values: Any) -> dict[str, Any]:
    """Return the options of a plan, in the order of `PLAN`, by dotted key."""
    return {f"plan.{name}": value for name, value in zip(PLAN, values, strict=True)}


def read_config(source: str, options: dict[str, Any], overrides: list[str] | None) -> RunConfig:
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

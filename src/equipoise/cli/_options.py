"""Options that several commands share, and how they become a configuration."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from equipoise.config import RunConfig, load_comparison, load_config, make_comparison, make_config

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Data (JSONL, CSV, TSV or Parquet, also .gz; a glob or a directory), suite:multi-diagnosis, or a"
        " configuration (.yaml).",
    ),
]
Rates = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Mixing rates: how often each task is drawn, as in equal, or temperature:2,maximum=65536. `equipoise plan"
        " --help` lists the schemes.  [default: equal]",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Class weights: how often each label is drawn within its task, as in sqrt, or inverse,max_ratio=50."
        "  [default: sqrt]",
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
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the run.")]
NoCalibration = Annotated[bool, typer.Option("--no-calibration", help="Do not apply the calibration of the run.")]
Config = TypeVar("Config", bound=RunConfig)


def plan_options(*values: Any) -> dict[str, Any]:
    """Return the options of a plan by dotted key: rates, weights, draws, ..., as `plan` and `train` take them."""
    names = ("rates", "weights", "draws", "max_passes", "target_rates", "target_weights", "allow_repeats")
    return {f"plan.{name}": value for name, value in zip(names, values, strict=True)}


def _read(
    load: Callable[..., Config],
    make: Callable[..., Config],
    source: str,
    options: dict[str, Any],
    overrides: list[str] | None,
) -> Config:
    """Make the configuration of a command from its source, its options and its overrides.

    Parameters
    ----------
    load, make : callable
        Read a configuration from a YAML file, and build one from plain data.
    source : str
        A YAML file, or data.
    options : dict of str to object
        By dotted key; those that are None were not given.
    overrides : list of str, optional
        Strings ``a.b=value``.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if source.endswith((".yaml", ".yml")):
        return load(Path(source), options=given, overrides=overrides or ())
    return make({"data": {"source": source}}, options=given, overrides=overrides or ())


read_config = partial(_read, load_config, make_config)
read_comparison = partial(_read, load_comparison, make_comparison)

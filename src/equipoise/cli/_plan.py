"""`equipoise plan`: what a plan will draw, before anything runs."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.base.files import write_atomically
from equipoise.base.problems import of_level
from equipoise.cli._app import ERROR
from equipoise.cli._options import (
    AllowRepeats,
    Draws,
    Json,
    MaxPasses,
    Overrides,
    Rates,
    Source,
    TargetRates,
    TargetWeights,
    Weights,
    print_json,
    read_config,
)
from equipoise.errors import printable
from equipoise.runs.prepare import prepare

Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write the plan as JSON into this file.", show_default=False)
]
EXAMPLES = (
    "equipoise plan suite:multi-diagnosis --rates equal --weights sqrt --draws 40000",
    "equipoise plan run.yaml --draws 40000 --max-passes 10 -o plan.json",
)


def plan(
    source: Source,
    rates: Rates = None,
    weights: Weights = None,
    draws: Draws = None,
    max_passes: MaxPasses = None,
    target_rates: TargetRates = None,
    target_weights: TargetWeights = None,
    allow_repeats: AllowRepeats = None,
    out: Out = None,
    set_: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show what will be drawn of every task and label, how often rows repeat, and what is wrong with it.

    Exits with 1 if the forecast has errors, unless they are accepted with --allow-repeats.
    """
    options = {
        "plan.rates": rates,
        "plan.weights": weights,
        "plan.draws": draws,
        "plan.max_passes": max_passes,
        "plan.target_rates": target_rates,
        "plan.target_weights": target_weights,
        "plan.allow_repeats": allow_repeats,
    }
    prepared = prepare(read_config(source, options, set_))
    built = prepared.plan
    forecast = built.forecast()
    if out is not None:
        with write_atomically(out) as temporary:
            temporary.write_text(built.to_json(), encoding="utf-8")
    if as_json:
        about = {"rates": built.rates_text, "weights": built.weights_text, "fingerprint": built.fingerprint}
        print_json({**about, "forecast": forecast.to_dict()})
    else:
        typer.echo(printable(f"Rates {built.rates_text}; weights {built.weights_text}; {forecast.draws:,} draws\n"))
        typer.echo(printable(forecast.to_text()))
        if out is not None:
            typer.echo(f"Wrote {out}.")
    if of_level(forecast.problems, "error") and not prepared.config.plan.allow_repeats:
        typer.echo("The forecast has errors. Change the plan, or accept them with --allow-repeats.", err=True)
        raise typer.Exit(ERROR)

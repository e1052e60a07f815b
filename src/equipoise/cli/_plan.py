"""`equipoise plan`: forecast what a plan draws."""

from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from equipoise.base.files import write_atomically
from equipoise.base.problems import of_level
from equipoise.base.schemes import Scheme
from equipoise.cli import _options as options
from equipoise.cli._app import ERROR, print_error, print_json
from equipoise.errors import printable
from equipoise.rates import Rates
from equipoise.runs.prepare import prepare
from equipoise.weights import ClassWeights

Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the plan to this file, as JSON.")]


def _listed(base: type[Scheme]) -> str:
    """Return the schemes of a base in two columns."""
    rows = (line.partition(": ") for line in base.help().splitlines())
    return "\n".join(
        fill(text, 98, initial_indent=f"  {form:<25} ", subsequent_indent=" " * 28) for form, _, text in rows
    )


SCHEMES = f"""\b
Mixing rates (--rates, --target-rates):
{_listed(Rates)}

\b
Class weights (--weights, --target-weights):
{_listed(ClassWeights)}

A value follows a colon and further options follow commas, as in temperature:2,maximum=65536."""
EXAMPLES = (
    "equipoise plan suite:multi-diagnosis --rates equal --weights sqrt --draws 40000",
    "equipoise plan run.yaml --draws 40000 --max-passes 10 -o plan.json",
)


def plan(
    source: options.Source,
    rates: options.Rates = None,
    weights: options.Weights = None,
    draws: options.Draws = None,
    max_passes: options.MaxPasses = None,
    target_rates: options.TargetRates = None,
    target_weights: options.TargetWeights = None,
    allow_repeats: options.AllowRepeats = None,
    out: Out = None,
    set_: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Forecast what a plan draws of every task and label.

    Shows how often rows repeat and what is wrong with the plan. Exits with 1 if the forecast has errors, unless
    --allow-repeats accepts them.
    """
    chosen = options.plan_options(rates, weights, draws, max_passes, target_rates, target_weights, allow_repeats)
    prepared = prepare(options.read_config(source, chosen, set_))
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
        print_error("bad-forecast", "the forecast has errors. Change the plan, or accept them with --allow-repeats.")
        raise typer.Exit(ERROR)

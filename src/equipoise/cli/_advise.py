"""`equipoise advise`: which scheme to try on these data, why, and the command that checks it."""

import shlex
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Annotated, Any

import typer

from equipoise.cli import _options as options
from equipoise.cli._app import print_json
from equipoise.errors import printable_line

Draws = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Number of draws that can be paid for.  [default: suggested]"),
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="Probabilities are needed, not the answers alone.")
]
EXAMPLES = (
    "equipoise advise suite:multi-diagnosis",
    "equipoise advise run.yaml --probabilities --model google/flan-t5-small",
)


def advise(
    source: options.Source,
    *,
    described: options.DataOptions,
    draws: Draws = None,
    model: options.Model = None,
    probabilities: Probabilities = False,
    cache_dir: options.CacheDir,
    set_: options.DataOverrides = None,
    as_json: options.Json = False,
) -> None:
    """Recommend what to compare on data, and say why.

    Asks five questions: the tasks, the rarest label, whether probabilities are needed, the draws, and the model. Counts
    answer the first two, options the others. Recommends mixing rates, class weights, a correction and a
    number of draws, each with the forecast or the measurement that it rests on, and prints the comparison that checks
    it. The rules are those of the page "Which scheme for me" of the documentation. Columns are guessed as by
    `equipoise init`.
    """
    from equipoise.compare.advice.advise import sentences_of
    from equipoise.compare.advice.of_data import advise_on

    given = {key: value for key, value in described.items() if value is not None}
    found = advise_on(source, given, set_ or (), cache_dir, draws=draws, model=model, probabilities=probabilities)
    advice = found.advice
    described_by = shlex.join(_words(given, set_ or ()))
    if found.guesses:
        commands = [
            f"equipoise init {shlex.quote(source)} {described_by}".strip(),
            advice.command("run.yaml", found.model),
        ]
    else:
        commands = [f"{advice.command(source, found.model)} {described_by}".strip()]
    if as_json:
        print_json({**advice.to_dict(), "guesses": [guess._asdict() for guess in found.guesses], "commands": commands})
        return
    for guess in found.guesses:
        typer.echo(printable_line(str(guess)))
    for number, answer in enumerate(advice.answers, start=1):
        typer.echo(f"\n{number}. {answer.question}")
        for text in (f"{answer.found}.", sentences_of(answer.rules)):
            typer.echo(_wrapped(text, "   "))
    limit = "" if advice.max_passes is None else f", at most {advice.max_passes:g} passes over any label"
    shares = f"rates {advice.rates}, weights {advice.weights}, {advice.draws:,} draws{limit}"
    after = "answers as trained" if advice.correction == "none" else "probabilities calibrated after the training"
    typer.echo()
    typer.echo(_wrapped(f"Recommended: {shares}; {after}."))
    if advice.linear_first:
        typer.echo('Measure a linear model first: the page "Which scheme for me" of the documentation has one.')
    typer.echo(_wrapped(f"How sure: {' '.join(advice.uncertainty)} Compare before you trust it:"))
    for command in commands:
        typer.echo(f"  {command}")


def _words(given: Mapping[str, Any], overrides: Sequence[str]) -> list[str]:
    """Return the options that describe the data, as they were given."""
    names = {key: f"--{option.replace('_', '-')}" for option, (key, _) in options.DATA_OPTIONS.items()}
    return [word for key, value in given.items() for word in (names[key], str(value))] + [
        word for each in overrides for word in ("--set", each)
    ]


def _wrapped(text: str, indent: str = "") -> str:
    return fill(printable_line(text), 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

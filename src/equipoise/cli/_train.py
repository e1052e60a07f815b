"""`equipoise train`: one configuration becomes one run directory."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._app import STOPPED, stoppable
from equipoise.cli._bars import bars_on_terminals_only
from equipoise.cli._options import (
    AllowRepeats,
    Draws,
    Json,
    MaxPasses,
    Overrides,
    Rates,
    Seed,
    Source,
    TargetRates,
    TargetWeights,
    Weights,
    print_json,
    read_config,
)
from equipoise.config import RunConfig
from equipoise.errors import ConfigError

Model = Annotated[
    str | None,
    typer.Option(
        help="tiny (made here, trained from scratch), a folder, or a name on the Hugging Face hub.",
        show_default="tiny",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The new directory of the run.", show_default=False)]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out, or start it if there is none yet.")]
EXAMPLES = (
    "equipoise train run.yaml",
    "equipoise train rows.jsonl --model google/t5-v1_1-small --weights sqrt --draws 40000 --out runs/first",
    "equipoise train rows.jsonl --weights sqrt --draws 40000 --out runs/first --resume",
)


def train(
    source: Source,
    model: Model = None,
    rates: Rates = None,
    weights: Weights = None,
    draws: Draws = None,
    max_passes: MaxPasses = None,
    target_rates: TargetRates = None,
    target_weights: TargetWeights = None,
    allow_repeats: AllowRepeats = None,
    seed: Seed = None,
    out: Out = None,
    resume: Resume = False,
    set_: Overrides = None,
    as_json: Json = False,
) -> None:
    """Train a model on what a plan draws, then evaluate it on the test rows as they naturally are.

    An existing run is never overwritten. Ctrl-C and SIGTERM finish the step, save a checkpoint and exit with 75; the
    same command with --resume goes on as if nothing had happened.
    """
    options = {
        "model.name": model,
        "plan.rates": rates,
        "plan.weights": weights,
        "plan.draws": draws,
        "plan.max_passes": max_passes,
        "plan.target_rates": target_rates,
        "plan.target_weights": target_weights,
        "plan.allow_repeats": allow_repeats,
        "seed": seed,
        "out": None if out is None else str(out),
    }
    config = read_config(source, options, set_)
    if config.out is None:
        raise ConfigError("A run needs a directory. Give --out DIR, or `out:` in the configuration.")
    with stoppable("Continue with --resume."):
        _train_and_evaluate(config, Path(config.out), resume=resume, as_json=as_json)


def _train_and_evaluate(config: RunConfig, folder: Path, *, resume: bool, as_json: bool) -> None:
    from equipoise.cli._evaluate import print_scores
    from equipoise.runs.directory import RunDirectory, read_json
    from equipoise.runs.evaluate import evaluate
    from equipoise.runs.train import train as run_training

    bars_on_terminals_only()
    if resume and not RunDirectory(folder).started:
        typer.echo(f"There is no run in {folder} to continue yet, so it starts.", err=True)
    run = run_training(config, folder, resume=resume)
    if run.interrupted:
        if run.main:
            typer.echo(f"Stopped after step {run.steps}. Continue with --resume.", err=True)
        raise typer.Exit(STOPPED)
    if not run.main:
        return
    if run.directory.evaluation.exists():
        typer.echo(f"The run in {folder} is complete. Evaluate it again with `equipoise evaluate`.", err=True)
        if as_json:
            print_json({"out": str(folder), "steps": run.steps})
        return
    split = config.evaluation.split
    if split != "all" and not read_json(run.directory.data)["rows"][split]:
        typer.echo(f"There are no {split} rows, so nothing is evaluated.", err=True)
        if as_json:
            print_json({"out": str(folder), "steps": run.steps})
        return
    scores = evaluate(folder).scores
    if as_json:
        print_json({"out": str(folder), "steps": run.steps, "scores": scores.to_dict()})
    else:
        print_scores(scores)
        typer.echo(f"Wrote {folder}.")

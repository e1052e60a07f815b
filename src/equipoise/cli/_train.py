"""`equipoise train`: make a run directory from a configuration."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from equipoise.base.progress import stage
from equipoise.cli import _options as options
from equipoise.cli._app import LOADING, bars_on_terminals_only, print_json, print_tasks, say_model, stoppable
from equipoise.cli._configured import read_config
from equipoise.errors import STOPPED, ConfigError

if TYPE_CHECKING:
    from equipoise.config import RunConfig
    from equipoise.runs.prepare import Prepared

Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Output directory; new or empty unless resumed.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Resume the run in --out from its newest checkpoint, or start it.")
]
Replan = Annotated[
    bool,
    typer.Option(
        "--replan", help="With --resume: the rest of the run is drawn by the plan that the other options describe."
    ),
]
EXAMPLES = (
    "equipoise train run.yaml",
    "equipoise train rows.jsonl --model google/t5-v1_1-small --weights sqrt --draws 40000 --out runs/first",
    "equipoise train rows.jsonl --weights sqrt --draws 40000 --out runs/first --resume",
    "equipoise train rows.jsonl --weights balanced --draws 40000 --out runs/first --resume --replan",
    "equipoise train rows.jsonl --model google/flan-t5-large --lora r=16 --draws 40000 --out runs/adapter",
)

RULES = """\b
Feedback rules (--feedback):
{rules}"""


def train(
    source: options.Source,
    *,
    described: options.DataOptions,
    model: options.Model = None,
    lora: options.Lora = None,
    shares: options.PlanOptions,
    feedback: options.Feedback = None,
    seed: options.Seed = None,
    out: Out = None,
    resume: Resume = False,
    replan: Replan = False,
    cache_dir: options.CacheDir,
    set_: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Train a model with a plan and evaluate it on the test rows.

    An existing run is never overwritten. Ctrl-C and SIGTERM finish the current step, save a checkpoint and exit
    with 75; the same command with --resume then resumes with the next draw.
    """
    chosen = described | shares
    chosen |= {"model.name": model, "model.adapter": lora, "plan.feedback": feedback}
    chosen |= {"seed": seed, "out": None if out is None else str(out)}
    config = read_config(source, chosen, set_)
    if config.out is None:
        message = "A run needs a directory. Give --out DIR, or set `out:` in the configuration."
        raise ConfigError("missing-option", message)
    if replan and not resume:
        raise ConfigError("missing-option", "--replan is for a run that is resumed. Give --resume, too.")
    with stoppable("Resume with --resume."):
        _train_and_evaluate(config, Path(config.out), cache_dir, resume=resume, replan=replan, as_json=as_json)


def _print_tasks(prepared: "Prepared") -> None:
    """Say what each task is, and what feedback takes of the data, once of all ranks."""
    if os.environ.get("RANK", "0") != "0":
        return
    from equipoise.runs.planning import short_of_a_block

    print_tasks(prepared.describe_tasks(), err=True)
    draws = prepared.config.plan.draws
    if draws and (note := short_of_a_block(prepared.config, prepared.plan, draws)):
        typer.echo(f"Note: {note}", err=True)
    if prepared.feedback is not None:
        rows, plan = prepared.data["rows"], prepared.config.plan
        of_all = f"{rows['feedback']:,} of {rows['feedback'] + rows['validation']:,} validation rows"
        every = "step" if plan.feedback_every == 1 else f"{plan.feedback_every:,} steps"
        typer.echo(f"{plan.feedback} changes the plan every {every}, by {of_all}.", err=True)


def _train_and_evaluate(
    config: "RunConfig", folder: Path, cache: Path, *, resume: bool, replan: bool, as_json: bool
) -> None:
    say_model(config.model)
    with stage(LOADING):
        from equipoise.base.codec import to_plain
        from equipoise.cli._evaluate import print_scores
        from equipoise.runs.directory import RunDirectory, read_json
        from equipoise.runs.evaluate import evaluate
        from equipoise.runs.tracking import report_scores
        from equipoise.runs.train import train as run_training

        bars_on_terminals_only()
    if resume and not replan and not RunDirectory(folder).started:
        typer.echo(f"There is no run in {folder} to resume, so a new one starts.", err=True)
    run = run_training(config, folder, resume=resume, replan=replan, cache=cache, prepared_is=_print_tasks)
    if replan and run.main:
        at, plan = run.directory.read_drawn().stages[-1]
        typer.echo(f"From draw {at:,} on it draws {plan.rates_text} and {plan.weights_text}.", err=True)
    if run.interrupted:
        if run.main:
            typer.echo(f"Stopped after step {run.steps}. Resume with --resume.", err=True)
        raise typer.Exit(STOPPED)
    if not run.main:
        return
    found: dict[str, Any] = {"out": str(folder), "steps": run.steps}
    if run.published is not None:
        found["published"] = to_plain(run.published)
        typer.echo(str(run.published), err=as_json)
    split = config.evaluation.split
    if run.directory.evaluation.exists():
        typer.echo(f"The run in {folder} is complete. Evaluate it again with `equipoise evaluate`.", err=True)
    elif split != "all" and not read_json(run.directory.data)["rows"][split]:
        typer.echo(f"There are no {split} rows, so nothing is evaluated.", err=True)
    else:
        scores = evaluate(folder, cache=cache).scores
        report_scores(folder, scores, run.steps)
        found["scores"] = scores.to_dict()
        if not as_json:
            print_scores(scores)
            typer.echo(f"Wrote {folder}.")
    if as_json:
        print_json(found)

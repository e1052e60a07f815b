"""`equipoise compare`, `demo` and `report`: try ways to sample, weight and correct, and recommend one."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.progress import stage
from equipoise.cli import _options as options
from equipoise.cli._app import (
    LOADING,
    bars_on_terminals_only,
    how_to_call,
    print_json,
    print_rows,
    program,
    say_model,
    stoppable,
)
from equipoise.cli._configured import read_comparison
from equipoise.compare.demo_size import BATCH, DRAWS

if TYPE_CHECKING:
    from equipoise.compare.result import Result
    from equipoise.config import ComparisonConfig

Budget = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Limit on computing time, as in 30m or 2h; lowers --draws if necessary."),
]
Metric = Annotated[
    str | None,
    typer.Option(metavar="METRIC", help="Metric that candidates are compared by: {metrics}.  [default: macro_f1]"),
]
Costs = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="YAML file for --metric expected_cost: {task: {true label: {predicted label: cost}}}."
    ),
]
Candidates = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Candidates to compare, separated by commas: {candidates}. Define your own under"
        " `compare.candidates` in a configuration.  [default: all]",
    ),
]
Seeds = Annotated[int | None, typer.Option(min=1, metavar="N", help="Number of seeds of each finalist.  [default: 5]")]
Processes = Annotated[
    int, typer.Option(min=1, metavar="N", help="Number of processes that share the trainings, each with its own model.")
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Output directory; an unfinished comparison in it is resumed."),
]
EXAMPLES = (
    "equipoise compare rows.jsonl --budget 30m",
    "equipoise compare compare.yaml --metric balanced_accuracy --out comparisons/first",
    "equipoise compare rows.jsonl --candidates sqrt,balanced,focal --draws 20000 --seeds 3",
)
DemoDraws = Annotated[
    int, typer.Option("--draws", min=10 * BATCH, metavar="N", help="Number of draws of each full training.")
]
DemoSeed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Random seed.")]
DEMO_EXAMPLES = ("equipoise demo", "equipoise demo --draws 3200 --out quick-look")
Comparison = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a finished comparison.")]
REPORT_EXAMPLES = ("equipoise report comparisons/first", "equipoise report comparisons/first --json")


def compare(
    source: options.Source,
    *,
    described: options.DataOptions,
    budget: Budget = None,
    metric: Metric = None,
    costs: Costs = None,
    candidates: Candidates = None,
    model: options.Model = None,
    lora: options.Lora = None,
    draws: options.Draws = None,
    seeds: Seeds = None,
    seed: options.Seed = None,
    processes: Processes = 1,
    out: Out = Path("comparison"),
    cache_dir: options.CacheDir,
    set_: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Compare ways to sample, weight and correct, and recommend one.

    Tries the candidates by successive halving, trains the finalists in full, and compares them with natural sampling
    on the test rows. Everything is chosen on validation rows. Run the same command again to resume after an
    interruption. Several processes may work on one comparison: those of --processes, and the same command started
    again elsewhere.
    """
    chosen = {
        "compare.budget": budget,
        "compare.metric": metric,
        "compare.costs": costs,
        "compare.candidates": None if candidates is None else [name.strip() for name in candidates.split(",")],
        "compare.seeds": seeds,
        "model.name": model,
        "model.adapter": lora,
        "plan.draws": draws,
        "seed": seed,
    }
    chosen |= described
    config = read_comparison(source, chosen, set_)
    command = shlex.join(["equipoise", *sys.argv[1:]])
    say_model(config.model)
    _run(config, out, command, cache_dir, processes, as_json=as_json)


def demo(
    out: Out = Path("equipoise-demo"),
    draws: DemoDraws = DRAWS,
    seed: DemoSeed = 0,
    as_json: options.Json = False,
) -> None:
    """Compare natural sampling with a plan on bundled data.

    Trains a tiny T5 on eight imbalanced diagnosis tasks, with natural sampling and with a plan: once with a quarter of
    the draws, then in full with two seeds, in two processes. Trainings that are compared have the same number of draws
    and the same corrections, and are scored on the full test split. Takes minutes on a CPU and needs no network. Prints
    the comparison with intervals and writes report.html.
    """
    from equipoise.compare.demo import demo_config

    command = f"equipoise demo --draws {draws} --seed {seed} --out {out.name}"
    _run(demo_config(draws, seed), out, command, options.user_cache(), min(2, os.cpu_count() or 1), as_json=as_json)


def report(directory: Comparison, as_json: options.Json = False) -> None:
    """Write the report of a finished comparison again.

    Writes report.html, report.md and report.json, as `equipoise compare` does at its end, without training or
    predicting anything. With --json, prints report.json.
    """
    from equipoise.compare.report import write_report
    from equipoise.runs.directory import read_json

    page = write_report(directory)
    if as_json:
        print_json(read_json(page.with_name("report.json")))
    else:
        typer.echo(f"Wrote {page}, report.md and report.json. Open {page} in a browser.")


def _run(config: "ComparisonConfig", out: Path, command: str, cache: Path, processes: int, *, as_json: bool) -> None:
    """Run a comparison, write its report, and print the result and where the files are."""
    with stage(LOADING):
        from equipoise.compare.engine import compare as run_comparison
        from equipoise.compare.processes import helpers
        from equipoise.compare.report import write_report
        from equipoise.compare.verdict import RUN

        bars_on_terminals_only()
    helped = helpers(processes, config, out, command=command, cache=cache)
    with stoppable("Resume with the same command."), helped:
        result = run_comparison(config, out, command=command, log=lambda line: typer.echo(line, err=True), cache=cache)
        write_report(out)
    if as_json:
        print_json({"out": str(out), "page": str(out / "report.html"), **result.to_dict()})
        return
    print_result(result)
    if result.shown == "nothing-learned":
        typer.echo(f"Open {out / 'report.html'} in a browser.")
        return
    typer.echo(f"Wrote {out / 'recommended.yaml'}. Open {out / 'report.html'} in a browser.")
    command = f"{program(sys.argv[0])} train {shlex.quote(str(out / 'recommended.yaml'))} --out {RUN}"
    typer.echo(f"Train the recommended candidate: {command}")
    if hint := how_to_call(sys.argv[0]):
        typer.echo(f"{hint}.")


def print_result(result: "Result") -> None:
    """Print the finalists and the recommendation."""
    from equipoise.compare.report.sentences import reason, recommendation, tasks_of, verdict
    from equipoise.metrics import METRICS

    metrics = dict.fromkeys([result.metric, *(each.name for each in METRICS.values() if each.decides)])
    shown = [metric for metric in metrics if any(metric in each.test for each in result.finalists.values())]
    mark = "" if result.shown == "nothing-learned" else " (* recommended)"
    rows = [
        [
            f"{name}{' *' if mark and name == result.recommended else ''}",
            *(_mean(each.test.get(metric, ())) for metric in shown),
            str(result.versus[name].difference(result.metric)) if name in result.versus else "",
        ]
        for name, each in result.finalists.items()
    ]
    counted = "one seed" if len(result.seeds) == 1 else f"{len(result.seeds)} seeds"
    title = f"Test rows, {result.metric} as the mean over {tasks_of(result)} and {counted}{mark}"
    heads = ["candidate", *shown, f"{result.metric} minus {result.baseline}"]
    print_rows(title, heads, rows, frozenset({"candidate"}))
    for note in result.notes:
        typer.echo(f"Note: {note}.")
    typer.echo(f"{recommendation(result)}\n{verdict(result)} {reason(result)}".rstrip())


def _mean(values: "tuple[float | None, ...]") -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if known else "-"

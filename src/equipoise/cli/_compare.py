"""`equipoise compare`: try ways to sample, weight and correct, and say which one is worth its trouble."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.tables import Table, print_table
from equipoise.cli._app import stoppable
from equipoise.cli._bars import bars_on_terminals_only
from equipoise.cli._options import Draws, Json, Overrides, Seed, Source, print_json, read_comparison
from equipoise.cli._train import Model

if TYPE_CHECKING:
    from equipoise.compare.result import Result
    from equipoise.config import ComparisonConfig

Budget = Annotated[
    str | None,
    typer.Option(help="Computing time, as in 30m or 2h: lowers the draws if need be.", show_default="no limit"),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="What decides, such as balanced_accuracy, log_loss, or for texts rouge_l; an unknown name lists them all.",
        show_default="macro_f1",
    ),
]
Costs = Annotated[
    str | None,
    typer.Option(
        help="A YAML file for expected_cost, {task: {true label: {predicted label: cost}}}.", show_default=False
    ),
]
Candidates = Annotated[
    str | None,
    typer.Option(help="Names of default candidates, with commas. Others: `compare.candidates` in a configuration."),
]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds of the finalists.", show_default="5")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The directory: new, or of the same comparison, which goes on.")]
EXAMPLES = (
    "equipoise compare rows.jsonl --budget 30m",
    "equipoise compare compare.yaml --metric balanced_accuracy --out comparisons/first",
    "equipoise compare rows.jsonl --candidates sqrt,balanced,focal --draws 20000 --seeds 3",
)


def compare(
    source: Source,
    budget: Budget = None,
    metric: Metric = None,
    costs: Costs = None,
    candidates: Candidates = None,
    model: Model = None,
    draws: Draws = None,
    seeds: Seeds = None,
    seed: Seed = None,
    out: Out = Path("comparison"),
    set_: Overrides = None,
    as_json: Json = False,
) -> None:
    """Train candidates a little, the better ones more, the finalists in full, and judge these on the test rows.

    Natural sampling, corrected afterwards, is always among them. Choices are made on validation rows alone. Run
    the same command again to go on after an interruption; run it in several places to share the work.
    """
    options = {
        "compare.budget": budget,
        "compare.metric": metric,
        "compare.costs": costs,
        "compare.candidates": None if candidates is None else [name.strip() for name in candidates.split(",")],
        "compare.seeds": seeds,
        "model.name": model,
        "plan.draws": draws,
        "seed": seed,
    }
    config = read_comparison(source, options, set_)
    command = shlex.join(["equipoise", *sys.argv[1:]])
    finish(run_and_report(config, out, command), out, as_json=as_json)


def run_and_report(config: "ComparisonConfig", out: Path, command: str) -> "Result":
    """Compare and write the report."""
    from equipoise.compare.engine import compare as run_comparison
    from equipoise.compare.report import write_report

    bars_on_terminals_only()
    with stoppable("The same command goes on."):
        result = run_comparison(config, out, command=command, log=lambda line: typer.echo(line, err=True))
        write_report(out)
    return result


def finish(result: "Result", out: Path, *, as_json: bool) -> None:
    """Print what was found and where it is."""
    if as_json:
        print_json({"out": str(out), "page": str(out / "report.html"), **result.to_dict()})
        return
    print_result(result)
    typer.echo(f"Wrote {out / 'recommended.yaml'}. Open {out / 'report.html'} in a browser.")


def print_result(result: "Result") -> None:
    """Print the finalists and the answer."""
    from equipoise.metrics import METRICS

    metrics = dict.fromkeys([result.metric, *(each.name for each in METRICS.values() if each.decides)])
    shown = [metric for metric in metrics if any(metric in each.test for each in result.finalists.values())]
    rows = [
        [
            f"{name}{' *' if name == result.recommended else ''}",
            *(_mean(each.test.get(metric, ())) for metric in shown),
            str(result.versus[name].seeds[result.metric]) if name in result.versus else "",
        ]
        for name, each in result.finalists.items()
    ]
    title = f"Test rows, mean over tasks and {len(result.seeds)} seeds (* recommended)"
    heads = ["candidate", *shown, f"{result.metric} minus {result.baseline}"]
    print_table(Table(title, heads, rows, left=frozenset({"candidate"})), sys.stdout)
    for note in result.notes:
        typer.echo(f"Note: {note}.")
    typer.echo(verdict(result))


def verdict(result: "Result") -> str:
    """The answer in a sentence."""
    name, metric = result.recommended, result.metric
    if result.shown == "baseline":
        return f"Recommended: {name}. Nothing was better on validation rows by more than one standard error."
    gain = result.versus[name].seeds[metric]
    said = {
        "better": f"better than {result.baseline} on the test rows",
        "worse": f"worse than {result.baseline} on the test rows, though better on validation rows: do not trust it",
        "no difference": f"no difference to {result.baseline} shown on the test rows",
    }[result.shown]
    return f"Recommended: {name}: {said} ({metric} {gain})."


def _mean(values: "tuple[float | None, ...]") -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if known else "-"

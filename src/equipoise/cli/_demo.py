"""`equipoise demo`: see in minutes, on a laptop and without a network, what a plan changes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.cli._bars import bars_on_terminals_only
from equipoise.cli._options import Json, print_json
from equipoise.experiment.recipe import DRAWS, NATURAL, PLANNED, demo_config
from equipoise.report.tables import Table, print_table

if TYPE_CHECKING:
    from equipoise.experiment.comparison import Comparison

Out = Annotated[Path, typer.Option("--out", "-o", help="A new directory for the two runs and the page.")]
DemoDraws = Annotated[int, typer.Option("--draws", min=1, help="Draws of each of the two trainings.")]
DemoSeed = Annotated[int, typer.Option("--seed", min=0, help="Seed of both trainings.")]
EXAMPLES = (
    "equipoise demo",
    "equipoise demo --draws 3200 --out quick-look",
)


def demo(
    out: Out = Path("equipoise-demo"),
    draws: DemoDraws = DRAWS,
    seed: DemoSeed = 0,
    as_json: Json = False,
) -> None:
    """Train a tiny T5 twice on eight imbalanced diagnosis tasks: sampled naturally, and by a plan.

    Both see the same number of draws and are judged on the full test split as it naturally is. Prints the
    comparison with intervals and writes it as a page, index.html.
    """
    from equipoise.experiment.demo import run_demo
    from equipoise.report.demo_page import demo_page

    bars_on_terminals_only()
    natural, planned = (demo_config(plan, draws, seed) for plan in (NATURAL, PLANNED))
    comparison = run_demo(out, natural, planned, lambda line: typer.echo(line, err=True))
    command = f"equipoise demo --draws {draws} --seed {seed} --out {out.name}"
    page = demo_page(comparison, out, command)
    if as_json:
        print_json({"out": str(out), "page": str(page), **comparison.to_dict()})
    else:
        _print(comparison)
        typer.echo(f"Open {page} in a browser.")


def _print(comparison: "Comparison") -> None:
    natural, planned = comparison.natural.scores, comparison.planned.scores
    for metric, title in (("macro_f1", "Macro-F1"), ("balanced_accuracy", "Balanced accuracy")):
        rows = [
            [
                task,
                str(natural.tasks[task].metrics[metric]),
                str(planned.tasks[task].metrics[metric]),
                str(of_task[metric]),
            ]
            for task, of_task in comparison.by_task.items()
        ]
        means = [natural.mean[metric], planned.mean[metric], comparison.mean[metric]]
        rows.append(["mean over tasks", *map(str, means)])
        heading = f"{title} on the test rows, {natural.confidence:.0%} intervals"
        print_table(Table(heading, ["task", "natural", "planned", "difference"], rows), sys.stdout)
    metric = "macro_f1"
    typer.echo(
        f"Natural sampling with its predictions corrected afterwards to the plan's label shares:"
        f" mean macro-F1 {comparison.corrected.mean[metric]};"
        f" planned minus corrected {comparison.mean_over_corrected[metric]}."
    )

"""`equipoise demo`: see in minutes, on a laptop and without a network, what a plan changes."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._compare import finish, run_and_report
from equipoise.cli._options import Json
from equipoise.compare.demo import DRAWS, demo_config

Out = Annotated[Path, typer.Option("--out", "-o", help="A new directory for the two runs and the report.")]
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

    Both see the same number of draws, are corrected in the same ways afterwards, and are judged on the full test
    split as it naturally is. Prints the comparison with intervals and writes it as a page, report.html.
    """
    command = f"equipoise demo --draws {draws} --seed {seed} --out {out.name}"
    finish(run_and_report(demo_config(draws, seed), out, command), out, as_json=as_json)

"""`equipoise demo`: a comparison that takes minutes on a laptop and needs no network."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._compare import finish, run_and_report
from equipoise.cli._options import Json
from equipoise.compare.demo import DRAWS, demo_config

Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Output directory; an unfinished comparison in it is resumed."),
]
DemoDraws = Annotated[int, typer.Option("--draws", min=1, metavar="N", help="Number of draws of each training.")]
DemoSeed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Random seed.")]
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
    """Compare natural sampling with a plan on bundled data.

    Trains a tiny T5 twice on eight imbalanced diagnosis tasks, with natural sampling and with a plan. Both trainings
    have the same number of draws and the same corrections, and are scored on the full test split. Takes minutes on a
    CPU and needs no network. Prints the comparison with intervals and writes report.html.
    """
    command = f"equipoise demo --draws {draws} --seed {seed} --out {out.name}"
    finish(run_and_report(demo_config(draws, seed), out, command), out, as_json=as_json)

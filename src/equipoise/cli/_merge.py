"""`equipoise merge`: write the model of a run with an adapter as a whole one."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.base.progress import stage
from equipoise.cli import _options as options
from equipoise.cli._app import LOADING, bars_on_terminals_only, print_json

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Output directory; must not exist.  [default: RUN/merged]"),
]
EXAMPLES = ("equipoise merge runs/adapter", "equipoise merge runs/adapter --out models/triage")


def merge(run: options.RunFolder, *, out: Out = None, as_json: options.Json = False) -> None:
    """Write the whole model of a run that trained an adapter.

    The adapter is added to the parameters of its base model. The result, safetensors files and the tokenizer, loads
    without PEFT and without the base model, and can be trained further with --model DIR. It is written atomically.
    """
    with stage(LOADING):
        from equipoise.runs.merge import merge as run_merge

        bars_on_terminals_only()
    folder = run_merge(run, out)
    if as_json:
        print_json({"out": str(folder)})
    else:
        typer.echo(f"Wrote {folder}.")

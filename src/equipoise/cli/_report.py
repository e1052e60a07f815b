"""`equipoise report`: write the report of a comparison."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._app import print_json
from equipoise.cli._options import Json

Comparison = Annotated[
    Path, typer.Argument(metavar="DIR", help="Directory of a finished comparison.", show_default=False)
]
EXAMPLES = (
    "equipoise report comparisons/first",
    "equipoise report comparisons/first --json",
)


def report(directory: Comparison, as_json: Json = False) -> None:
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

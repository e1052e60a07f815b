"""`equipoise report`: what a comparison found, as a page, as Markdown and as JSON."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._options import Json, print_json

Comparison = Annotated[
    Path, typer.Argument(metavar="DIR", help="The directory of a finished comparison.", show_default=False)
]
EXAMPLES = (
    "equipoise report comparisons/first",
    "equipoise report comparisons/first --json",
)


def report(directory: Comparison, as_json: Json = False) -> None:
    """Write the report of a comparison: report.html, a page that opens from disk, report.md and report.json.

    `equipoise compare` writes it when it ends. Nothing is trained or predicted here; --json prints report.json.
    """
    from equipoise.compare.report import write_report
    from equipoise.runs.directory import read_json

    page = write_report(directory)
    if as_json:
        print_json(read_json(page.with_name("report.json")))
    else:
        typer.echo(f"Wrote {page}, report.md and report.json. Open {page} in a browser.")

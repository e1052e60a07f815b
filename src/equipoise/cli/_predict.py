"""`equipoise predict`: the answers of a run's model for the rows of a file."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._bars import bars_on_terminals_only
from equipoise.cli._evaluate import NoCalibration, RunFolder, calibrated_text
from equipoise.cli._options import Json, Overrides, print_json, read_config

File = Annotated[
    Path,
    typer.Argument(help="Rows in any format that training reads; they need no targets.", show_default=False),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="The file to write: .parquet, .jsonl or .csv.", show_default=False),
]
TaskName = Annotated[
    str | None,
    typer.Option("--task", help="The task of all rows, for a file without a column of tasks.", show_default=False),
]
EXAMPLES = (
    "equipoise predict runs/first new.jsonl -o answers.parquet",
    "equipoise predict runs/first new.csv --task heart --set data.columns.input=text -o answers.csv",
)


def predict(
    run: RunFolder,
    file: File,
    out: Out,
    task: TaskName = None,
    no_calibration: NoCalibration = False,
    set_: Overrides = None,
    as_json: Json = False,
) -> None:
    """Write a label and its probability for every row of a file.

    The output appears whole or not at all. What `equipoise calibrate` fitted is applied.
    """
    columns = read_config(str(file), {}, set_).data.columns if set_ else None
    from equipoise.runs.predict import predict as run_prediction

    bars_on_terminals_only()
    rows, calibrated = run_prediction(run, file, out, columns=columns, default_task=task, calibrated=not no_calibration)
    if as_json:
        print_json({"out": str(out), "rows": rows, "calibrated": list(calibrated)})
    else:
        if calibrated:
            typer.echo(calibrated_text(run, calibrated))
        typer.echo(f"Wrote {rows:,} answers to {out}.")

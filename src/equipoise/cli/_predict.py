"""`equipoise predict`: predict the rows of a file."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.cli._app import bars_on_terminals_only, print_json
from equipoise.cli._evaluate import NoCalibration, RunFolder, calibrated_text
from equipoise.cli._options import ColumnOverrides, Json, read_config

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="Rows in any format that training reads; targets are not needed.", show_default=False
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="FILE", help="Output file: .parquet, .jsonl or .csv.", show_default=False),
]
TaskName = Annotated[
    str | None,
    typer.Option("--task", metavar="TASK", help="Task of all rows, for a file without a task column."),
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
    set_: ColumnOverrides = None,
    as_json: Json = False,
) -> None:
    """Predict the rows of a file.

    Writes an answer for each row, and for labels their probabilities. If the run was calibrated, its calibration is
    applied. The output is written atomically.
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

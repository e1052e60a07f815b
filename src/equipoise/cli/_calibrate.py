"""`equipoise calibrate`: from a run's validation rows, what makes its probabilities right and its answers good."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.tables import Table, print_table
from equipoise.cli._bars import bars_on_terminals_only
from equipoise.cli._evaluate import RunFolder
from equipoise.cli._options import Json, Overrides, print_json, read_config
from equipoise.errors import ConfigError

if TYPE_CHECKING:
    from equipoise.runs.calibration.report import Calibrated

Metric = Annotated[
    str | None,
    typer.Option(
        help="What the answers should be good for: macro_f1, balanced_accuracy, worst_recall, expected_cost, or"
        " none for the most probable label.",
        show_default="expected_cost with --costs, else macro_f1",
    ),
]
Prior = Annotated[
    str,
    typer.Option(
        help="The label shares that probabilities are for: natural (as in the training data), FILE.json"
        " ({task: {label: share}}), or em (estimated from --unlabelled)."
    ),
]
Unlabelled = Annotated[
    Path | None,
    typer.Option(help="Rows as they come where the model is used, for --prior em.", show_default=False),
]
Costs = Annotated[
    Path | None,
    typer.Option(
        help="A YAML file, {task: {true label: {predicted label: cost}}}: answers are those of least expected cost.",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the calibration that the run has.")]
EXAMPLES = (
    "equipoise calibrate runs/first",
    "equipoise calibrate runs/first --metric balanced_accuracy --overwrite",
    "equipoise calibrate runs/first --prior em --unlabelled new.csv --costs costs.yaml --overwrite",
)


def calibrate(
    run: RunFolder,
    metric: Metric = None,
    prior: Prior = "natural",
    unlabelled: Unlabelled = None,
    costs: Costs = None,
    overwrite: Overwrite = False,
    set_: Overrides = None,
    as_json: Json = False,
) -> None:
    """Correct a run's probabilities for what training drew, and choose how its answers follow from them.

    Fits a temperature and a tau for each task on the validation rows; test rows are never used. Writes
    calibration.json, which `evaluate` and `predict` apply, and calibration/index.html with reliability plots.
    """
    if set_ and unlabelled is None:
        raise ConfigError("`--set` describes unlabelled rows (`data.columns...`), so it needs --unlabelled.")
    columns = read_config(str(unlabelled), {}, set_).data.columns if set_ else None
    from equipoise.runs.calibration.calibrate import CalibrationOptions
    from equipoise.runs.calibration.calibrate import calibrate as run_calibration
    from equipoise.runs.calibration.page import calibration_page

    bars_on_terminals_only()
    options = CalibrationOptions(metric=metric, prior=prior, unlabelled=unlabelled, columns=columns, costs=costs)
    found = run_calibration(run, options, overwrite=overwrite)
    page = calibration_page(found, f"equipoise calibrate {run}")
    if as_json:
        print_json({"out": str(found.directory.calibration), **found.to_dict()})
    else:
        _print(found)
        typer.echo(f"Wrote {found.directory.calibration} and {page}.")


def _print(found: "Calibrated") -> None:
    from equipoise.metrics.known import calibration_metrics

    tasks = found.tasks
    fits = [[name, f"{task.rows:,}", f"{task.temperature:.2f}", f"{task.tau:.2f}", task.metric or "-"]
            for name, task in tasks.items()]  # fmt: skip
    print_table(Table("Fitted", ["task", "validation rows", "temperature", "tau", "tau chosen by"], fits), sys.stdout)
    metrics = [each for each in calibration_metrics() if any(each.name in task.before for task in tasks.values())]
    names = [each.name for each in metrics]
    mean = found.mean
    rows = [
        [
            name,
            *(_change(task.before.get(each), None if task.after is None else task.after.get(each)) for each in names),
        ]
        for name, task in tasks.items()
    ]
    rows.append(["mean over tasks", *(_change(mean["before"].get(each), mean["after"].get(each)) for each in names)])
    title = "Validation rows, before > after (after: each row by a fit on other groups)"
    print_table(Table(title, ["task", *(each.title for each in metrics)], rows), sys.stdout)


def _change(before: float | None, after: float | None) -> str:
    return " > ".join("-" if value is None else f"{value:.3f}" for value in (before, after))

"""`equipoise calibrate`: fit the calibration of a run on its validation rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.progress import stage
from equipoise.cli import _options as options
from equipoise.cli._app import LOADING, bars_on_terminals_only, print_json, print_rows
from equipoise.cli._configured import other_data

if TYPE_CHECKING:
    from equipoise.runs.calibration.report import Calibrated

Metric = Annotated[
    str | None,
    typer.Option(
        metavar="METRIC",
        help="Metric that answers are optimised for: {answer_metrics}; or none for the most probable label."
        "  [default: expected_cost with --costs, else macro_f1]",
    ),
]
Decision = Annotated[
    str,
    typer.Option(
        metavar="DECISION",
        help="How answers are chosen: tau (one number for each task) or thresholds (one for each label).",
    ),
]
Prior = Annotated[
    str,
    typer.Option(
        metavar="PRIOR",
        help="Label shares that probabilities are for: natural (those of the training data), em (estimated from"
        " --unlabelled), or a file FILE.json: {task: {label: share}}.",
    ),
]
Unlabelled = Annotated[
    Path | None,
    typer.Option(metavar="DATA", help="Rows as the model will meet them, for --prior em; targets are not needed."),
]
Costs = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML file of costs: {task: {true label: {predicted label: cost}}}. Answers minimise the expected cost.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing calibration.")]
EXAMPLES = (
    "equipoise calibrate runs/first",
    "equipoise calibrate runs/first --metric balanced_accuracy --overwrite",
    "equipoise calibrate runs/first --decision thresholds --overwrite",
    "equipoise calibrate runs/first --prior em --unlabelled new.csv --costs costs.yaml --overwrite",
)


def calibrate(
    run: options.RunFolder,
    *,
    metric: Metric = None,
    decision: Decision = "tau",
    prior: Prior = "natural",
    unlabelled: Unlabelled = None,
    costs: Costs = None,
    overwrite: Overwrite = False,
    described: options.DataOptions,
    cache_dir: options.CacheDir,
    set_: options.DataOverrides = None,
    as_json: options.Json = False,
) -> None:
    """Calibrate the probabilities and answers of a run.

    Corrects probabilities for the label shares that training drew, and fits a temperature and a tau for each task, or a
    threshold for each label, on the validation rows; test rows are never used. Writes calibration.json, which
    `evaluate` and `predict` apply, and calibration/index.html with reliability plots.
    """
    source = None if unlabelled is None else str(unlabelled)
    data = other_data(run, source, described, set_, "the rows of --unlabelled")
    with stage(LOADING):
        from equipoise.runs.calibration.calibrate import CalibrationOptions
        from equipoise.runs.calibration.calibrate import calibrate as run_calibration

        bars_on_terminals_only()
    wanted = CalibrationOptions(
        metric=metric, prior=prior, unlabelled=unlabelled, data=data, costs=costs, decision=decision
    )
    found = run_calibration(run, wanted, overwrite=overwrite, cache=cache_dir)
    if as_json:
        print_json({"out": str(found.directory.calibration), **found.to_dict()})
    else:
        _print(found)
        typer.echo(f"Wrote {found.directory.calibration} and {found.directory.calibration_page}.")


def _print(found: "Calibrated") -> None:
    from equipoise.metrics.known import calibration_metrics
    from equipoise.runs.calibration.page import answers_by

    tasks = found.tasks
    fits = [[name, f"{task.rows:,}", f"{task.temperature:.2f}", answers_by(task), task.metric or "-"]
            for name, task in tasks.items()]  # fmt: skip
    print_rows("Fitted", ["task", "validation rows", "temperature", "answers by", "chosen by"], fits)
    thresholds = [
        [name, label, f"{value:.3f}"]
        for name, task in tasks.items()
        for label, value in (task.thresholds or {}).items()
    ]
    if thresholds:
        print_rows("Thresholds: the answer is the label with the largest probability / threshold",
                   ["task", "label", "threshold"], thresholds)  # fmt: skip
    metrics = [each for each in calibration_metrics() if any(each.name in task.before for task in tasks.values())]
    measured = {name: (task.before, task.after or {}) for name, task in tasks.items()}
    measured["mean over tasks"] = (found.mean["before"], found.mean["after"])
    rows = [
        [name, *(_change(before.get(each.name), after.get(each.name)) for each in metrics)]
        for name, (before, after) in measured.items()
    ]
    title = "Validation rows, before > after (after: cross-fitted over groups)"
    print_rows(title, ["task", *(each.title for each in metrics)], rows)


def _change(before: float | None, after: float | None) -> str:
    return " > ".join("-" if value is None else f"{value:.3f}" for value in (before, after))

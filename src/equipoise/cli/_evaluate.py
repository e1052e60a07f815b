"""`equipoise evaluate`: score a run, with intervals."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.tables import Table, print_table
from equipoise.cli._app import bars_on_terminals_only, print_json
from equipoise.cli._options import ColumnOverrides, Json, read_config
from equipoise.errors import ConfigError, printable

if TYPE_CHECKING:
    from equipoise.metrics import Estimate, Scores

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the run.", show_default=False)]
Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="Data to evaluate on, in any format that training reads.  [default: that of the run]",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="SPLIT", help="Rows to evaluate on: train, validation, test or all.  [default: test]"),
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar="[TASK=]METHOD",
        help="How labels are predicted: score (the probability of each), constrained (generate a valid label) or"
        " generate (free text); for all tasks, or for TASK. Repeatable.  [default: score]",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Output directory.  [default: RUN or one below RUN/evaluations]"),
]
NoCalibration = Annotated[bool, typer.Option("--no-calibration", help="Do not apply the calibration of the run.")]
MAIN_METRICS = {
    "classification": ("macro_f1", "balanced_accuracy", "accuracy"),
    "open": ("exact_match", "rouge_l", "bleu"),
}
EXAMPLES = (
    "equipoise evaluate runs/first",
    "equipoise evaluate runs/first other.jsonl --split all --method constrained",
)


def evaluate(
    run: RunFolder,
    data: Data = None,
    split: Split = None,
    method: MethodOption = None,
    out: Out = None,
    no_calibration: NoCalibration = False,
    set_: ColumnOverrides = None,
    as_json: Json = False,
) -> None:
    """Score a run on its test rows, with intervals.

    Prints the scores of every task and label, and writes predictions.parquet and evaluation.json; nothing is
    overwritten. If the run was calibrated, evaluation.json also holds the scores without calibration.
    """
    if set_ and data is None:
        raise ConfigError("missing-argument", "`--set` describes DATA (`data.columns...`), so it needs DATA.")
    other = None if data is None else read_config(data, {}, set_).data
    methods = _methods(method or [])
    from equipoise.runs.evaluate import evaluate as run_evaluation

    bars_on_terminals_only()
    found = run_evaluation(run, other, split=split, method=methods, out=out, calibrated=not no_calibration)
    scores, folder = found.scores, found.folder
    if as_json:
        print_json({"out": str(folder), "calibrated": list(found.calibrated), "scores": scores.to_dict()})
    else:
        print_scores(scores)
        if found.before is not None:
            _print_change(found.before, scores)
            typer.echo(calibrated_text(run, found.calibrated))
        typer.echo(f"Wrote {folder / 'evaluation.json'} and {folder / 'predictions.parquet'}.")


def print_scores(scores: "Scores") -> None:
    """Print the main metrics of every task and label; evaluation.json holds the others."""
    about = f"({scores.confidence:.0%} intervals from {scores.bootstrap} resamples of groups)"
    for kind, names in MAIN_METRICS.items():
        rows = [
            [name, f"{task.rows:,}", *(_shown(task.metrics[metric]) for metric in names)]
            for name, task in scores.tasks.items()
            if task.kind == kind
        ]
        if rows:
            rows.append(["mean over tasks", "", *(_shown(scores.mean[metric]) for metric in names)])
            print_table(Table(f"Scores per task {about}", ["task", "rows", *names], rows), sys.stdout)
    labels = [
        [
            name,
            each.label,
            "-" if each.train_count is None else f"{each.train_count:,}",
            f"{each.support:,}",
            *(_shown(estimate) for estimate in (each.precision, each.recall, each.f1)),
        ]
        for name, task in scores.tasks.items()
        for each in task.labels
    ]
    if labels:
        heads = ["task", "label", "train", "test", "precision", "recall", "F1"]
        print_table(Table("Scores per label (train, test: rows)", heads, labels), sys.stdout)
    for name, task in scores.tasks.items():
        for label, count in (task.unseen_labels or {}).items():
            typer.echo(
                f"{printable(name)}: {count} test rows have the label {label!r}, which is not in the training rows."
            )


def calibrated_text(run: Path, tasks: Sequence[str]) -> str:
    """Return a sentence that names the calibrated tasks and the file."""
    return f"Calibrated by {run / 'calibration.json'}: {', '.join(tasks)} (disable with --no-calibration)."


def _print_change(before: "Scores", after: "Scores") -> None:
    """Print the means over tasks without calibration and with it."""
    rows = [
        [metric, _shown(before.mean[metric]), _shown(after.mean[metric])]
        for metric in ("log_loss", "brier", "ece", "macro_f1", "balanced_accuracy")
    ]
    print_table(
        Table("Mean over tasks, without calibration and with it", ["metric", "without", "with"], rows), sys.stdout
    )


def _shown(estimate: "Estimate") -> str:
    return "-" if estimate.value is None else str(estimate)


def _methods(arguments: list[str]) -> dict[str, str] | None:
    """Parse ``METHOD`` and ``TASK=METHOD``."""
    methods: dict[str, str] = {}
    for argument in arguments:
        task, equals, name = argument.rpartition("=")
        methods[task if equals else "*"] = name
    return methods or None

"""`equipoise evaluate` and `equipoise predict`: score a run, with intervals; predict the rows of a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from equipoise.base.progress import stage
from equipoise.cli import _options as options
from equipoise.cli._app import LOADING, bars_on_terminals_only, print_json, print_rows
from equipoise.cli._configured import other_data
from equipoise.errors import printable

if TYPE_CHECKING:
    from equipoise.metrics import Estimate, Scores

Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="Data to evaluate on, in any format that training reads.  [default: that of the run]",
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
        help="How labels are predicted: score (the probability of each), auto (the same answers, but without"
        " probabilities where computing them takes long), constrained (generate a valid label, greedily) or generate"
        " (free text); for all tasks, or for TASK. Repeatable.  [default: that of the run's configuration, or auto]",
    ),
]
Rows = Annotated[
    int | None,
    typer.Option(
        "--rows",
        metavar="N",
        min=1,
        help="Score at most N rows: a sample, stratified by task and label. Metrics are weighted to estimate those of"
        " all rows, and their intervals are wider.  [default: all]",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="Output directory.  [default: RUN for its first evaluation, else one below RUN/evaluations, named by"
        " what was evaluated and applied, such as test-calibrated-1a2b3c4d]",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the same evaluation.")]
EXAMPLES = (
    "equipoise evaluate runs/first",
    "equipoise evaluate runs/first other.jsonl --split all --method constrained",
    "equipoise evaluate runs/first --rows 2000",
)
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Rows in any format that training reads; targets are not needed."),
]
AnswersOut = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Output file: .parquet, .jsonl or .csv.")]
FormulaEscapes = Annotated[
    bool,
    typer.Option(
        "--escape-formulas/--no-escape-formulas",
        help="In CSV, begin strings that a spreadsheet would compute (= + - @ ...) with an apostrophe; numbers stay.",
    ),
]
PREDICT_EXAMPLES = (
    "equipoise predict runs/first new.jsonl -o answers.parquet --method score",
    "equipoise predict runs/first new.csv --default-task heart --input-column text -o answers.csv",
)


def evaluate(
    run: options.RunFolder,
    data: Data = None,
    *,
    split: Split = None,
    method: MethodOption = None,
    rows: Rows = None,
    out: Out = None,
    described: options.DataOptions,
    no_calibration: options.NoCalibration = False,
    overwrite: Overwrite = False,
    cache_dir: options.CacheDir,
    set_: options.DataOverrides = None,
    as_json: options.Json = False,
) -> None:
    """Score a run on its test rows, with intervals.

    Prints the scores of every task and label, and writes predictions.parquet and evaluation.json. Other evaluations
    are kept: each split, method and calibration has a directory of its own. If the run was calibrated, evaluation.json
    also holds the scores without calibration.
    """
    methods = _methods(method, split)
    other = other_data(run, data, described, set_, "DATA")
    with stage(LOADING):
        from equipoise.runs.evaluate import evaluate as run_evaluation

        bars_on_terminals_only()
    found = run_evaluation(
        run,
        other,
        split=split,
        method=methods,
        rows=rows,
        out=out,
        calibrated=not no_calibration,
        overwrite=overwrite,
        cache=cache_dir,
    )
    scores, folder = found.scores, found.folder
    if as_json:
        print_json({"out": str(folder), "calibrated": list(found.calibrated), "scores": scores.to_dict()})
    else:
        print_scores(scores)
        if found.before is not None:
            from equipoise.metrics.known import calibration_metrics

            before, after = found.before.mean, scores.mean
            changed = [each.name for each in calibration_metrics() if each.name in after]
            table = [[name, _shown(before[name]), _shown(after[name])] for name in changed]
            print_rows("Mean over tasks, without calibration and with it", ["metric", "without", "with"], table)
            typer.echo(calibrated_text(run, found.calibrated))
        typer.echo(f"Wrote {folder / 'evaluation.json'} and {folder / 'predictions.parquet'}.")


def _methods(given: list[str] | None, split: str | None = None) -> dict[str, str]:
    """Return the methods by task; a choice that there is not is refused before torch is imported."""
    from equipoise.config import checked_choices

    named = (argument.rpartition("=") for argument in given or ())
    return checked_choices(split, {task if equals else "*": name for task, equals, name in named})


def print_scores(scores: "Scores") -> None:
    """Print the main metrics of every task and label; evaluation.json holds the others."""
    from equipoise.metrics import METRICS
    from equipoise.metrics.curves import CURVES
    from equipoise.metrics.known import title_of

    about = f"({scores.confidence:.0%} intervals over groups, {scores.bootstrap} resamples)"
    if any(task.sampled_from for task in scores.tasks.values()):
        of = sum(task.sampled_from or task.rows for task in scores.tasks.values())
        scored = sum(task.rows for task in scores.tasks.values())
        typer.echo(f"Scored a sample of {scored:,} of {of:,} rows, stratified by task and label.")
    for kind in ("classification", "open_ended"):
        found = {name for task in scores.tasks.values() if task.kind == kind for name in task.metrics}
        names = [name for name, each in METRICS.items() if each.shown == "summary" and name in found]
        rows = [
            [name, f"{task.rows:,}", *(_shown(task.metrics[metric]) for metric in names)]
            for name, task in scores.tasks.items()
            if task.kind == kind
        ]
        if rows:
            rows.append(["mean over tasks", "", *(_shown(scores.mean[metric]) for metric in names)])
            print_rows(f"Scores per task {about}", ["task", "rows", *names], rows)
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
        heads = ["task", "label", "train", "rows", "precision", "recall", "F1"]
        print_rows("Scores per label (train: training rows; rows: those evaluated)", heads, labels)
    ranked = [
        [name, each.label, *(_shown(getattr(each, curve)) for curve in CURVES)]
        for name, task in scores.tasks.items()
        for each in task.labels
        if each.auroc.value is not None
    ]
    if ranked:
        heads = ["task", "label", *(title_of(curve, scores.alarm_rate) for curve in CURVES)]
        print_rows("Ranking of the rows by the probability of each label, whatever the answers", heads, ranked)
    for name, task in scores.tasks.items():
        for label, count in (task.unseen_labels or {}).items():
            message = f"{count} of the rows have the label {label!r}, which is not in the training rows."
            typer.echo(f"{printable(name)}: {message}")


def calibrated_text(run: Path, tasks: Sequence[str]) -> str:
    """Return a sentence that names the calibrated tasks and the file."""
    return f"Calibrated by {run / 'calibration.json'}: {', '.join(tasks)} (disable with --no-calibration)."


def _shown(estimate: "Estimate") -> str:
    return "-" if estimate.value is None else str(estimate)


def predict(
    run: options.RunFolder,
    file: File,
    out: AnswersOut,
    described: options.DataOptions,
    method: MethodOption = None,
    no_calibration: options.NoCalibration = False,
    escape_formulas: FormulaEscapes = True,
    set_: options.DataOverrides = None,
    as_json: options.Json = False,
) -> None:
    """Predict the rows of a file.

    Writes an answer for each row, and the probabilities of labels where they are computed: always by --method score,
    and if the run was calibrated, whose calibration is then applied. The output is written atomically.
    """
    methods = _methods(method)
    data = other_data(run, str(file), described, set_, "FILE")
    with stage(LOADING):
        from equipoise.runs.predict import predict as run_prediction

        bars_on_terminals_only()
    rows, calibrated = run_prediction(
        run,
        file,
        out,
        data=data,
        method=methods,
        calibrated=not no_calibration,
        escape_formulas=escape_formulas,
    )
    if as_json:
        print_json({"out": str(out), "rows": rows, "calibrated": list(calibrated)})
    else:
        if calibrated:
            typer.echo(calibrated_text(run, calibrated))
        typer.echo(f"Wrote {rows:,} answers to {out}.")

"""Evaluate a run, on rows with their natural distribution and every row once."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from equipoise.base.files import refuse_unwritable, write_atomically
from equipoise.base.plain_json import write_json
from equipoise.calibration import Calibration
from equipoise.collate import EncodedExamples
from equipoise.config import DataConfig, EvaluationConfig, RunConfig, checked_choices
from equipoise.data import Records, Task
from equipoise.errors import DataError, DataWarning, RunError
from equipoise.metrics import Scores, TaskPredictions, write_predictions
from equipoise.metrics import evaluate as score
from equipoise.models import load_model
from equipoise.runs.directory import RunDirectory
from equipoise.runs.predict import predict_records, with_methods
from equipoise.runs.rows import load_records, open_ended, read_source, set_apart
from equipoise.runs.samples import Sample, sample_records
from equipoise.schedule import Drawable
from equipoise.trainer.checkpoints.lock import locked


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes
    ----------
    scores : Scores
        Per task, per label, and the means over tasks.
    folder : pathlib.Path
        The folder of ``evaluation.json`` and ``predictions.parquet``.
    calibrated : tuple of str
        The tasks whose predictions the run's calibration corrected.
    before : Scores or None
        The scores without it, if there are such tasks.
    """

    scores: Scores
    folder: Path
    calibrated: tuple[str, ...] = ()
    before: Scores | None = None


def evaluate(
    run: Path,
    data: DataConfig | None = None,
    *,
    split: str | None = None,
    method: str | Mapping[str, str] | None = None,
    rows: int | None = None,
    out: Path | None = None,
    calibrated: bool = True,
    overwrite: bool = False,
    cache: Path | None = None,
) -> Evaluation:
    """Predict and score the rows of a split, and write predictions and scores.

    If the run has a calibration, it is applied to all tasks with the method "score" or "auto".

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    data : DataConfig, optional
        Other data than the run's own.
    split : str, optional
        "train", "validation", "test" or "all"; by default that of the run's configuration, whose default is
        "test". Other data without splits is evaluated whole.
    method : str or mapping of str to str, optional
        The method of prediction, instead of that of the run's configuration.
    rows : int, optional
        Score at most this many rows, a sample that is stratified by task and label, instead of those of the run's
        configuration, whose default is all.
    out : pathlib.Path, optional
        The folder for the results. By default the run directory for its first evaluation, which is that of its
        configuration, and for every other a folder below ``evaluations``, named by what was evaluated and applied:
        ``test``, ``validation``, ``other-all``, ``test-constrained``, ``test-2000-rows``,
        ``test-calibrated-1a2b3c4d`` (the beginning of the calibration's fingerprint).
    calibrated : bool
        Whether to apply the run's calibration, if it has one.
    overwrite : bool
        Replace the evaluation that the folder holds.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`; without it they are in memory.

    Returns
    -------
    Evaluation

    Raises
    ------
    EquipoiseError
        If the run is not finished, the data cannot be used, the folder already holds an evaluation, another process
        evaluates into it, the calibration belongs to another run, or there are more labels than rows to score.
    """
    methods = checked_choices(split, method)
    directory = RunDirectory.open(run)
    config = directory.read_config()
    own = settings = config.evaluation
    other = None if data is None else read_source(data, cache)
    if other is not None and not other.has("split"):
        if split not in (None, "all"):
            message = f"`split` must be left out, as the data has no splits: all rows are evaluated. Found {split!r}."
            raise DataError("no-splits", message)
        split = "all"
    tasks = directory.read_tasks()
    config = with_methods(config, tasks, methods)
    settings = replace(config.evaluation, split=split or settings.split, rows=settings.rows if rows is None else rows)
    config = replace(config, evaluation=settings)
    model_path = directory.trained_model()
    plan = directory.read_plan()
    calibration = directory.read_calibration(plan) if calibrated else None
    folder = out or _default_folder(directory, data, own, settings, calibration)
    with locked(folder):
        if (folder / "evaluation.json").exists() and not overwrite:
            message = f"`{folder}` holds this evaluation already. Replace it with --overwrite, or choose another --out."
            raise RunError("already-evaluated", message)
        refuse_unwritable(folder / "evaluation.json")
        records = load_records(config, cache) if other is None else other
        if other is None and settings.split == "validation" and config.plan.feedback is not None:
            records, _ = set_apart(records, tasks, config.data.split.seed)
        rows_of_split = records if settings.split == "all" else records.where(split=settings.split)
        known = _known_tasks(rows_of_split, tasks)
        sample = sample_records(known, open_ended(tasks), settings.rows, config.seed)
        model, tokenizer = load_model(model_path)
        return evaluate_model(
            model, tokenizer, config, plan, tasks, known, folder, sample=sample, calibration=calibration
        )


def evaluate_model(
    model: Any,
    tokenizer: Any,
    config: RunConfig,
    plan: Drawable,
    tasks: Mapping[str, Task],
    rows: Records,
    folder: Path,
    *,
    sample: Sample | None = None,
    encoded: EncodedExamples | None = None,
    calibration: Calibration | None = None,
) -> Evaluation:
    """Predict and score some rows with a loaded model, and write both into a folder.

    Parameters
    ----------
    model, tokenizer, config, tasks
        As in `predict_records`; the configuration also has the number of bootstrap samples.
    plan : Plan or Schedule
        What was drawn, for the number of training rows of each label.
    rows : Records
        The rows to evaluate on, of tasks that the run knows.
    folder : pathlib.Path
        The folder for ``predictions.parquet`` and ``evaluation.json``.
    sample : Sample, optional
        The rows of these to score, if not all.
    encoded : EncodedExamples, optional
        The rows to score, already tokenised.
    calibration : Calibration, optional
        The correction of the predictions.

    Returns
    -------
    Evaluation
        Of the corrected predictions, and if any were corrected also of those before.
    """
    needed = () if calibration is None else calibration.tasks
    scored_rows = rows if sample is None else rows.take(sample.rows)
    predictions = predict_records(model, tokenizer, tasks, scored_rows, config, encoded, calibrated=needed)
    if sample is not None:
        predictions = {name: _of_sample(part, sample) for name, part in predictions.items()}
    settings = config.evaluation
    scored = partial(
        score,
        train_counts=train_counts(plan),
        bootstrap=settings.bootstrap,
        seed=config.seed,
        alarm_rate=settings.alarm_rate,
    )
    scores, before, corrected = scored(predictions), None, ()
    methods = {name: settings.method_of(name) for name in rows.tasks}
    about: dict[str, Any] = {"split": settings.split, "rows": len(rows), "methods": methods}
    if sample is not None:
        about |= {"rows": len(sample.rows), "sampled_from": len(rows)}
    if calibration is not None:
        predictions, corrected = calibration.apply(predictions)
    if calibration is not None and corrected:
        before, scores = scores, scored(predictions)
        about["calibration"] = {
            "fingerprint": calibration.fingerprint,
            "prior": calibration.prior,
            "tasks": list(corrected),
            "scores_before": before.to_dict(),
        }
    with write_atomically(folder / "predictions.parquet") as temporary:
        write_predictions(predictions.values(), temporary)
        # Wherever this is cut off, an evaluation that is there is that of the predictions beside it.
        (folder / "evaluation.json").unlink(missing_ok=True)
    write_json(folder / "evaluation.json", {**about, "scores": scores.to_dict()})
    return Evaluation(scores, folder, corrected, before)


def _of_sample(part: TaskPredictions, sample: Sample) -> TaskPredictions:
    assert part.rows is not None
    return replace(part, rows=sample.rows[part.rows], weights=sample.weights[part.rows])


def train_counts(plan: Drawable) -> dict[str, dict[str, int]]:
    """Return the number of training rows of each label of each task."""
    counts: dict[str, dict[str, int]] = {}
    for (task, label), count in zip(plan.strata, plan.counts.tolist(), strict=True):
        if label is not None:
            counts.setdefault(task, {})[label] = count
    return counts


def _known_tasks(rows: Records, tasks: Mapping[str, Task]) -> Records:
    if not len(rows):
        raise DataError("no-rows", "There are no rows to evaluate. Check the split, or use other data.")
    unknown = ", ".join(name for name in rows.tasks if name not in tasks)
    if not unknown:
        return rows
    known = rows.where(task=tasks)
    if not len(known):
        message = f"The run was not trained on any task of this data ({unknown}). It knows {', '.join(tasks)}."
        raise DataError("unknown-task", message)
    message = f"{len(rows) - len(known)} rows are left out: the run was not trained on {unknown}."
    warnings.warn(DataWarning("unknown-task", message), stacklevel=3)
    return known


def _default_folder(
    directory: RunDirectory,
    data: DataConfig | None,
    own: EvaluationConfig,
    settings: EvaluationConfig,
    calibration: Calibration | None,
) -> Path:
    """Return the run directory for its own first evaluation, else a folder named by what is evaluated and applied."""
    applied: list[str] = []
    if settings.method != own.method:
        applied.append(settings.method if isinstance(settings.method, str) else "by-task")
    if settings.rows != own.rows:
        applied.append(f"{settings.rows}-rows")
    if calibration is not None and any(settings.method_of(task) in ("auto", "score") for task in calibration.tasks):
        applied.append(f"calibrated-{calibration.fingerprint[:8]}")
    if data is None and settings.split == own.split and not applied and not directory.evaluation.exists():
        return directory.path
    name: list[str] = []
    if data is not None:
        first = data.source if isinstance(data.source, str) else data.source[0]
        name.append(Path(first.removeprefix("suite:")).name.split(".")[0])
    return directory.path / "evaluations" / "-".join([*name, settings.split, *applied])

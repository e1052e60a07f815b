"""Predict with the model of a run, task by task, each task by its own method: records, or the rows of a file."""

import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.base.files import refuse_unwritable, refusing_unwritable
from equipoise.base.progress import progress
from equipoise.collate import EncodedExamples
from equipoise.config import DataConfig, RunConfig, checked_choices, one_of
from equipoise.data import Records, Task
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions
from equipoise.metrics.predictions import joined
from equipoise.models import LabelScorer, load_model
from equipoise.runs.answer_files import SUFFIXES, answers_file, answers_table
from equipoise.runs.answers import TaskAnswers
from equipoise.runs.directory import RunDirectory
from equipoise.runs.prepare import encode
from equipoise.runs.unlabelled import UnlabelledRows

ROWS_AT_ONCE = 16_384  # which are read, predicted and written before the next


def predict(
    run: Path,
    file: Path,
    out: Path,
    *,
    data: DataConfig | None = None,
    method: str | Mapping[str, str] | None = None,
    calibrated: bool = True,
    escape_formulas: bool = True,
) -> tuple[int, tuple[str, ...]]:
    """Predict every row of a file and write the answers in the order of the rows.

    If the run has a calibration, it is applied to all tasks with the method "score" or "auto".

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    file : pathlib.Path
        The rows, in any format that training reads; they need no targets.
    out : pathlib.Path
        The file to write: ``.parquet``, ``.jsonl`` or ``.csv``. It is written as rows are predicted, and put in its
        place at the end; memory does not grow with the number of rows.
    data : DataConfig, optional
        How the file is read, apart from its source; by default as the training data.
    method : str or mapping of str to str, optional
        The method of prediction, instead of that of the run's configuration.
    calibrated : bool
        Whether to apply the run's calibration, if it has one.
    escape_formulas : bool
        Whether strings in a CSV file that a spreadsheet would compute, such as ``=1+1``, begin with an apostrophe.

    Returns
    -------
    int
        The number of rows.
    tuple of str
        The tasks whose predictions the calibration corrected.

    Raises
    ------
    EquipoiseError
        If the run is not finished, the file cannot be read, a row's task was not trained, or the calibration
        belongs to another run. All rows are read once before the first is predicted, so that a bad one is found then.
    """
    methods = checked_choices(None, method)
    if out.suffix not in SUFFIXES:
        raise ConfigError("unknown-format", f"`--out` must end in {', '.join(SUFFIXES)}, found {out.name!r}.")
    with refusing_unwritable(out):
        same = out.exists() and file.exists() and out.samefile(file)
    if same:
        raise ConfigError("same-file", f"`--out` is the input itself, `{file}`. Choose another name.")
    refuse_unwritable(out)
    directory = RunDirectory.open(run)
    config = directory.read_config()
    model_path = directory.trained_model()
    tasks = directory.read_tasks()
    config = with_methods(config, tasks, methods)
    calibration = directory.read_calibration(directory.read_plan()) if calibrated else None
    rows = UnlabelledRows(file, config, tasks, data)
    counts = rows.counts
    model, tokenizer = load_model(model_path)
    needed = () if calibration is None else calibration.tasks
    predictor = Predictor(model, tokenizer, tasks, config, calibrated=needed, counts=counts)
    corrected: dict[str, None] = {}
    done = 0
    with (
        progress(sum(counts.values()), "predicting", "row") as bar,
        answers_file(out, with_ids=rows.have_ids, escape_formulas=escape_formulas) as answers,
    ):
        for records in rows.batches(ROWS_AT_ONCE):
            predictions = predictor.of(records, bar)
            if calibration is not None:
                predictions, tasks_here = calibration.apply(predictions)
                corrected |= dict.fromkeys(tasks_here)
            answers.write_table(answers_table(predictions.values(), done))
            done += len(records)
    return done, tuple(name for name in tasks if name in corrected)


def with_methods(config: RunConfig, tasks: Mapping[str, Task], methods: Mapping[str, str]) -> RunConfig:
    """Return a configuration that evaluates by other methods, or refuse those of tasks that the run does not know."""
    for task in methods:
        one_of("method", task, [*tasks, "*"])
    method = methods["*"] if set(methods) == {"*"} else methods
    return replace(config, evaluation=replace(config.evaluation, method=method)) if methods else config


def predict_records(
    model: Any,
    tokenizer: Any,
    tasks: Mapping[str, Task],
    records: Records,
    config: RunConfig,
    encoded: EncodedExamples | None = None,
    *,
    calibrated: Collection[str] = (),
) -> dict[str, TaskPredictions]:
    """Predict every record once.

    Parameters
    ----------
    model, tokenizer
        The trained model and its tokenizer.
    tasks : mapping of str to Task
        At least the tasks of the records.
    records : Records
        The rows; targets may be missing.
    config : RunConfig
        Its `evaluation` has the methods, its `training` the limits of length.
    encoded : EncodedExamples, optional
        The records, already tokenised.
    calibrated : collection of str
        Tasks whose predictions a calibration will correct; "auto" scores all their labels.

    Returns
    -------
    dict of str to TaskPredictions
        The predictions of each task of the records.

    Notes
    -----
    Without `encoded`, some rows are tokenised at a time.
    """
    names = records.coded("task")
    counts = dict(zip(names.names.to_pylist(), names.counts().tolist(), strict=True))
    predictor = Predictor(model, tokenizer, tasks, config, calibrated=calibrated, counts=counts)
    with progress(len(records), "predicting", "row") as bar:
        if encoded is not None:
            return predictor.of(records, bar, encoded)
        parts: dict[str, list[TaskPredictions]] = {name: [] for name in records.tasks}
        probabilities: dict[str, NDArray[np.float32]] = {}
        for start in range(0, len(records), ROWS_AT_ONCE):
            rows = np.arange(start, min(start + ROWS_AT_ONCE, len(records)))
            for name, part in predictor.of(records.take(rows), bar).items():
                if part.probabilities is not None:  # held once: they are most of what is predicted
                    done = sum(len(each.targets) for each in parts[name])
                    whole = probabilities.setdefault(name, np.empty((counts[name], len(part.labels)), np.float32))
                    whole[done : done + len(part.targets)] = part.probabilities
                assert part.rows is not None
                parts[name].append(replace(part, probabilities=None, rows=part.rows + start))
    return {name: replace(joined(parts[name]), probabilities=probabilities.get(name)) for name in parts}


class Predictor:
    """Asks a trained model about records, as often as there are more of them.

    Parameters
    ----------
    model, tokenizer, tasks, config, calibrated
        As in `predict_records`.
    counts : mapping of str to int, optional
        The rows of each task in all, if not all are in the first records: "auto" takes one method for all of them.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        tasks: Mapping[str, Task],
        config: RunConfig,
        *,
        calibrated: Collection[str] = (),
        counts: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        self._scorer = LabelScorer(model, tokenizer, tasks)
        self._tokenizer, self._tasks, self._config = tokenizer, tasks, config
        self._calibrated, self._counts = calibrated, counts
        self._asked: dict[str, TaskAnswers] = {}
        self._said: set[str] = set()

    def of(self, records: Records, bar: Any, encoded: EncodedExamples | None = None) -> dict[str, TaskPredictions]:
        """Predict every record once; `bar` counts them, and `encoded` are the records, if tokenised already."""
        if encoded is None:
            encoded = self._encode(records)
        found: dict[str, TaskPredictions] = {}
        for name in records.tasks:
            rows = encoded.rows_of(name)
            part = records.take(rows)
            if name not in self._asked:
                count = self._counts.get(name, len(rows))
                task, corrected = self._tasks[name], name in self._calibrated
                self._asked[name] = TaskAnswers(self._scorer, self._config, task, count, corrected=corrected)
            predicted, probabilities = self._asked[name].of(encoded, rows, bar)
            found[name] = TaskPredictions(
                task=name,
                targets=[target or "" for target in part.column("target").to_pylist()],
                predicted=predicted,
                labels=self._tasks[name].labels,
                probabilities=probabilities,
                groups=part.column("group").to_pylist() if part.has("group") else None,
                rows=rows,
                ids=part.column("id").to_pylist() if part.has("id") else None,
            )
        return found

    def _encode(self, records: Records) -> EncodedExamples:
        """Tokenise records; what is found in their texts is said once, and not again of later records."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            encoded = encode(self._config, records, self._tasks, self._tokenizer)
        for each in caught:
            code = getattr(each.message, "code", str(each.message))
            if code not in self._said:
                self._said.add(code)
                warnings.warn(each.message, stacklevel=4)
        return encoded

"""Calibrate a run: fit on its validation rows the correction of its probabilities and answers."""

import warnings
from collections.abc import Container
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from equipoise.base.files import to_disk, write_atomically
from equipoise.base.plain_json import to_json
from equipoise.calibration import (
    DECISIONS,
    Calibration,
    Choice,
    LabelledRows,
    Priors,
    TaskFit,
    check_tau_metric,
    fit_task,
    group_folds,
    log_scores_of,
    shares_within,
)
from equipoise.config import DataConfig, one_of
from equipoise.errors import ConfigError, DataWarning, RunError
from equipoise.metrics.resampling import group_codes
from equipoise.models import load_model
from equipoise.runs.calibration.inputs import read_costs, read_priors, unlabelled_records, validation_records
from equipoise.runs.calibration.page import build_page
from equipoise.runs.calibration.report import FOLDS, Calibrated, TaskReport, report_of
from equipoise.runs.directory import RunDirectory
from equipoise.runs.losses import trained_prior
from equipoise.runs.predict import predict_records
from equipoise.runs.published import trained_plan


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """The options of a calibration.

    Attributes
    ----------
    metric : str, optional
        The metric that chooses tau or the thresholds; "none" answers with the most probable label. By default the
        expected cost where a task has costs, else macro-F1.
    prior : str
        The label shares that predictions are for: "natural", "em" (estimated), or a JSON file.
    unlabelled : pathlib.Path, optional
        The rows from which "em" estimates them.
    data : DataConfig, optional
        How these rows are read; by default as the training data.
    costs : pathlib.Path, optional
        A YAML file of costs.
    decision : {"tau", "thresholds"}
        What the metric chooses: one tau for each task, or a threshold for each label.
    """

    metric: str | None = None
    prior: str = "natural"
    unlabelled: Path | None = None
    data: DataConfig | None = None
    costs: Path | None = None
    decision: str = "tau"

    def __post_init__(self) -> None:
        if self.metric is not None:
            check_tau_metric(self.metric, "none", name="--metric")
        one_of("--decision", self.decision, DECISIONS)
        if self.prior not in {"natural", "em"} and not self.prior.endswith(".json"):
            message = f"`--prior` must be natural, em, or a .json file of shares, found {self.prior!r}."
            raise ConfigError("unknown-prior", message)
        if (self.prior == "em") != (self.unlabelled is not None):
            message = "`--prior em` and `--unlabelled FILE` need each other: the shares of its rows are estimated."
            raise ConfigError("missing-option", message)

    def metric_of(self, task: str, costs: Container[str]) -> str | None:
        """Return the metric that chooses the answers of a task; None for the most probable label."""
        if self.metric is None:
            return "expected_cost" if task in costs else "macro_f1"
        if self.metric == "expected_cost" and task not in costs:
            raise ConfigError(
                "missing-costs",
                f"`--metric expected_cost` needs costs of task {task!r}. Add them to --costs, or leave --metric out:"
                " answers of tasks with costs are then chosen by them, those of the others by macro-F1.",
            )
        return None if self.metric == "none" else self.metric


def calibrate(
    run: Path, options: CalibrationOptions | None = None, *, overwrite: bool = False, cache: Path | None = None
) -> Calibrated:
    """Fit the calibration of a run on its validation rows, and write it where `evaluate` and `predict` look.

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    options : CalibrationOptions, optional
        What the calibration is for.
    overwrite : bool
        Replace an existing calibration.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`; without it they are in memory.

    Returns
    -------
    Calibrated
        Also written to ``calibration.json``, ``calibration/report.json`` and ``calibration/index.html``.

    Raises
    ------
    EquipoiseError
        If the run is not finished or has a calibration already, if its data has changed or has no validation rows, or
        if a file cannot be used.

    Warns
    -----
    DataWarning
        If a task was never drawn, or its fit is uncertain.
    """
    options = options or CalibrationOptions()
    directory = RunDirectory.open(run)
    if directory.calibration.exists() and not overwrite:
        raise RunError("calibration-exists", f"`{run}` has a calibration already. Replace it with --overwrite.")
    config, tasks = directory.read_config(), directory.read_tasks()
    identity, plan = directory.provenance(directory.read_plan()), trained_plan(directory)
    kind = "given" if options.prior.endswith(".json") else options.prior
    given = read_priors(Path(options.prior), tasks) if kind == "given" else {}
    costs = {} if options.costs is None else read_costs(options.costs, tasks)
    metrics = {name: options.metric_of(name, costs) for name, task in tasks.items() if task.kind == "classification"}
    rows = validation_records(directory, config, tasks, cache)
    unlabelled = options.unlabelled and unlabelled_records(options.unlabelled, config, tasks, options.data, cache)
    # Whatever method the run is evaluated with: only the scores of all labels are probabilities.
    config = replace(config, evaluation=replace(config.evaluation, method="score"))
    model, tokenizer = load_model(directory.trained_model())
    scored = predict_records(model, tokenizer, tasks, rows, config)
    others = predict_records(model, tokenizer, tasks, unlabelled, config) if unlabelled else {}
    fits: dict[str, TaskFit] = {}
    reports: dict[str, TaskReport] = {}
    codes, groups = group_codes(list(scored.values()))
    folds = group_folds(groups, FOLDS, config.seed)
    for (name, part), code in zip(scored.items(), codes, strict=True):
        trained, note = trained_prior(config.training.loss, plan, name, part.labels)
        if not trained.any():
            message = f"Task {name!r} is left out: the run never drew it."
            warnings.warn(DataWarning("never-drawn", message), stacklevel=2)
            continue
        priors = Priors(
            trained,
            shares_within(plan, plan.counts, name, part.labels),
            wanted=given.get(name),
            unlabelled=log_scores_of(others[name], "correct") if name in others else None,
        )
        choice = Choice(metrics[name], costs.get(name), config.seed, options.decision)
        held = LabelledRows.of(part, code)
        fits[name] = fit_task(held, priors, choice)
        notes = [note] if note else []
        if len(held) < len(part.targets):
            notes.append(f"{len(part.targets) - len(held)} rows of labels without a training row are left out")
        if kind == "em" and name not in others:
            notes.append("no unlabelled row, so the natural shares are kept")
        reports[name] = report_of(held, priors, choice, fits[name], folds, notes)
        if reports[name].notes:
            message = f"Task {name!r}: {'; '.join(reports[name].notes)}."
            warnings.warn(DataWarning("uncertain-calibration", message), stacklevel=2)
    calibration = Calibration(identity, kind, len(rows), {name: fit.calibration for name, fit in fits.items()})
    calibrated = Calibrated(directory, calibration, reports)
    publish(calibrated, f"equipoise calibrate {run}")
    return calibrated


def publish(found: Calibrated, command: str) -> None:
    """Write the calibration, its report and its page, which names the command: all of them, or none.

    All are on the disk before the first gets its name. The report is first and the calibration, which `evaluate` and
    `predict` apply, last: where they differ, as after a kill in between, `RunDirectory.read_calibration` refuses them.
    """
    directory, text = found.directory, found.calibration.to_json()
    page = build_page(found, command, [(directory.calibration.name, text)]).to_html()
    report = to_json(found.to_dict())
    written = {directory.calibration: text, directory.calibration_page: page, directory.calibration_report: report}
    with ExitStack() as files:  # they are named in the opposite order
        for path, content in written.items():
            temporary = files.enter_context(write_atomically(path))
            temporary.write_text(content, encoding="utf-8")
            to_disk(temporary)

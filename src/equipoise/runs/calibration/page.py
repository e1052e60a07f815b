"""The page of a calibration: probabilities and answers before and after it."""

from collections.abc import Mapping

from equipoise.metrics.known import calibration_metrics
from equipoise.pages.figure import inline_svg
from equipoise.pages.format import capital, number, signed
from equipoise.pages.page import Card, Cell, Head, HtmlFigure, HtmlTable, Page, Section
from equipoise.pages.plots import reliability_plot
from equipoise.runs.calibration.report import FOLDS, Calibrated, TaskReport

WHEN = ("before", "after", "actual")
PRIORS = {
    "natural": "the label shares of the training data",
    "given": "the label shares that were given",
    "em": "the label shares estimated from rows without labels",
}


def build_page(found: Calibrated, command: str, files: list[tuple[str, str]]) -> Page:
    """Put the page together from a calibration."""
    mean = found.mean
    before, after = mean["before"].get("log_loss"), mean["after"].get("log_loss")
    gain = _gain(before, after)
    tone = "" if not gain else "good" if gain < 0 else "bad"
    return Page(
        title="Are the probabilities right?",
        question=(
            "The probabilities of a model follow the label shares that it was trained on, and it may be overconfident."
            f" Here the probabilities of {len(found.tasks)} tasks are corrected for {PRIORS[found.calibration.prior]},"
            " and their confidence by a temperature, on validation rows; test rows were not used."
        ),
        answer=[
            Card("log-loss before", number(before), "of the uncorrected model", "first"),
            Card("log-loss after", number(after), "cross-fitted", "second"),
            Card("difference", signed(gain), "less is better", tone),
        ],
        verdict={
            "good": "Better. The corrected probabilities have a lower log-loss, as the mean over the tasks.",
            "bad": "No better. The corrected probabilities have a higher log-loss, as the mean over the tasks.",
            "": "No difference was measured.",
        }[tone],
        meaning=(
            "Log-loss, averaged over the tasks, is the mean of -ln p(true label). After: each row is corrected by a"
            f" fit on the other {FOLDS - 1} of {FOLDS} folds, so no row measures a fit that used it. These"
            " are point estimates; `equipoise evaluate` reports intervals on test rows."
        ),
        sections=[_reliability(found.tasks), _measures(found), _fits(found)],
        command=command,
        details="The calibration",
        files=files,
    )


def _reliability(tasks: Mapping[str, TaskReport]) -> Section:
    figures: list[HtmlFigure] = []
    for place, (name, task) in enumerate(tasks.items()):
        plot = reliability_plot({when: table.dots for when, table in task.reliability.items()})
        caption = f"{name}: {task.rows:,} rows"
        figures.append(HtmlFigure(inline_svg(plot, f"reliability-{place}", f"Reliability of {caption}"), caption))
    text = (
        "Rows are put into 15 bins by the probability of their most probable label. On the diagonal that label"
        " is right as often as the model predicts; below it the model is overconfident, above it underconfident."
        " The larger a dot, the more rows; small dots vary by chance."
    )
    return Section("Reliability", texts=[text], figures=figures)


def _measures(found: Calibrated) -> Section:
    tables: list[HtmlTable] = []
    heads = [Head("task"), Head("before", "first"), Head("after", "second"), Head("difference")]
    mean = found.mean
    for metric in calibration_metrics():
        measured = {name: task for name, task in found.tasks.items() if metric.name in task.before}
        if measured:
            rows = [_row(metric.name, name, task.before, task.after or {}) for name, task in measured.items()]
            total = _row(metric.name, "mean", mean["before"], mean["after"])
            caption = f"{capital(metric.title)} ({'less' if metric.less_is_better else 'more'} is better)"
            tables.append(HtmlTable(caption, heads, rows, total, stacked=True))
    text = (
        "Log-loss, Brier score and calibration error measure the probabilities, the other metrics the answers."
        " Tau and thresholds change answers alone: they may reduce accuracy in favour of rare labels, which count in"
        " macro-F1 as much as frequent ones."
    )
    return Section("Before and after", texts=[text], tables=tables)


def _row(metric: str, name: str, before: Mapping[str, float | None], after: Mapping[str, float | None]) -> list[Cell]:
    old, new = before.get(metric), after.get(metric)
    return [Cell(name), Cell(number(old)), Cell(number(new)), Cell(signed(_gain(old, new)))]


def answers_by(task: TaskReport) -> str:
    """Say by what the answers of a task are chosen: its tau, or the range of its thresholds."""
    if task.thresholds is None:
        return f"tau {task.tau:.2f}"
    return f"thresholds {min(task.thresholds.values()):.2f} to {max(task.thresholds.values()):.2f}"


def _gain(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _fits(found: Calibrated) -> Section:
    fits = [
        [Cell(name), Cell(f"{task.rows:,}"), Cell(f"{task.groups:,}"), Cell(f"{task.temperature:.3f}"),
         Cell(answers_by(task)), Cell(task.metric or "none"), Cell("; ".join(task.notes))]
        for name, task in found.tasks.items()
    ]  # fmt: skip
    heads = [Head(text) for text in ("task", "rows", "groups", "temperature", "answers by", "chosen by", "notes")]
    thresholds = any(task.thresholds for task in found.tasks.values())
    shares = [
        [Cell(name), Cell(label), Cell(number(trained)), *(Cell(number(held.get(when))) for when in WHEN)]
        + ([Cell(number((task.thresholds or {}).get(label)))] if thresholds else [])
        for name, task in found.tasks.items()
        for (label, held), trained in zip(
            task.shares.items(), found.calibration.tasks[name].trained_prior.tolist(), strict=True
        )
    ]
    share_heads = [
        Head("task"), Head("label"), Head("share in training"), Head("mean probability before", "first"),
        Head("after", "second"), Head("actual share"),
        *([Head("threshold")] if thresholds else []),
    ]  # fmt: skip
    return Section(
        "What was fitted",
        tables=[
            HtmlTable("What was fitted for each task, on all its validation rows", heads, fits),
            HtmlTable(
                f"Mean probability{', share and threshold' if thresholds else ' and actual share'} of each label",
                share_heads,
                shares,
            ),
        ],
    )

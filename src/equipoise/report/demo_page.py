"""The page of the demonstration: what was asked, the answer, and what bears it out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.experiment.comparison import Arm, Comparison
from equipoise.files import write_atomically
from equipoise.metrics import Estimate
from equipoise.report._figure import inline_svg
from equipoise.report.page import Card, Cell, Head, HtmlFigure, HtmlTable, Page, Section
from equipoise.report.plots import curves_plot, interval_plot, recall_plot, shares_plot

NAMES = {"macro_f1": "Macro-F1", "balanced_accuracy": "Balanced accuracy"}


def demo_page(comparison: Comparison, out: Path, command: str) -> Path:
    """Write ``index.html`` beside the two runs.

    Parameters
    ----------
    comparison : Comparison
        What to show.
    out : pathlib.Path
        The demonstration's directory.
    command : str
        What was typed, to do it again.

    Returns
    -------
    pathlib.Path
        The page.
    """
    files = [
        (f"{name}/{file}", (out / name / file).read_text(encoding="utf-8"))
        for name, file in (
            ("natural", "config.yaml"),
            ("planned", "config.yaml"),
            ("planned", "versions.json"),
        )
    ]
    page = out / "index.html"
    with write_atomically(page) as temporary:
        temporary.write_text(build_page(comparison, command, files).to_html(), encoding="utf-8")
    return page


def build_page(comparison: Comparison, command: str, files: list[tuple[str, str]]) -> Page:
    """Put the page together from a comparison."""
    natural, planned = comparison.natural, comparison.planned
    gain = comparison.mean["macro_f1"]
    draws = int(planned.drawn.sum())
    tested = sum(task.rows for task in planned.scores.tasks.values())
    return Page(
        title="Does it help to plan what an imbalanced training draws?",
        question=(
            f"The same small T5, the same {draws:,} draws from {len(planned.scores.tasks)} diagnosis tasks, twice:"
            " once naturally, as often as the rows occur; once by a plan that draws small tasks and rare labels more"
            f" often (rates {planned.plan.rates_text}, weights {planned.plan.weights_text}). Both are judged on the"
            f" same {tested:,} test rows, in their natural proportions."
        ),
        answer=[
            _card("natural", natural.scores.mean["macro_f1"], "first"),
            _card("planned", planned.scores.mean["macro_f1"], "second"),
            Card("difference", _signed(gain.value), _range(gain), _tone(gain)),
        ],
        verdict=_verdict(gain),
        meaning=(
            "Numbers are macro-F1, averaged over the tasks: every label of a task counts the same, however rare."
            f" Ranges are {planned.scores.confidence:.0%} intervals from {planned.scores.bootstrap} resamples of"
            " patients, shared by both arms. They do not cover the luck of a training: this is one seed."
        ),
        sections=[
            _tasks(comparison),
            _correction(comparison),
            _shares(comparison),
            _curves(comparison),
            _recalls(comparison),
        ],
        command=command,
        details="Configuration of both runs, and versions",
        files=files,
    )


def _card(name: str, estimate: Estimate, tone: str) -> Card:
    return Card(name, _number(estimate.value), _range(estimate), tone)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}".replace("-", "\N{MINUS SIGN}")


def _tone(gain: Estimate) -> str:
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        return ""
    return "good" if gain.low > 0 else "bad"


def _verdict(gain: Estimate) -> str:
    return {
        "good": "Yes. On the mean over the tasks the plan is better, and the interval of the difference is above 0.",
        "bad": "No. On the mean over the tasks the plan is worse, and the interval of the difference is below 0.",
        "": "Not shown. The interval of the difference includes 0.",
    }[_tone(gain)]


def _interval(estimate: Estimate) -> tuple[float, float, float]:
    value, low, high = (np.nan if x is None else x for x in (estimate.value, estimate.low, estimate.high))
    return value, low, high


def _tasks(comparison: Comparison) -> Section:
    natural, planned = comparison.natural.scores, comparison.planned.scores
    names = list(comparison.by_task)
    figures: list[HtmlFigure] = []
    tables: list[HtmlTable] = []
    for metric, name in NAMES.items():
        arms = {
            arm: [_interval(scores.tasks[task].metrics[metric]) for task in names]
            for arm, scores in (("natural", natural), ("planned", planned))
        }
        plot = interval_plot(names, arms, f"{name} on the test rows")
        caption = f"{name} of each task, with its interval."
        figures.append(HtmlFigure(inline_svg(plot, f"tasks-{metric}", caption), caption))
        heads = [Head("task"), Head("natural", "first"), Head("planned", "second"), Head("difference")]
        rows = [
            [
                Cell(task),
                _cell(natural.tasks[task].metrics[metric]),
                _cell(planned.tasks[task].metrics[metric]),
                _difference_cell(comparison.by_task[task][metric]),
            ]
            for task in names
        ]
        total = [
            Cell("mean"),
            _cell(natural.mean[metric]),
            _cell(planned.mean[metric]),
            _difference_cell(comparison.mean[metric]),
        ]
        tables.append(HtmlTable(f"{name}, planned minus natural", heads, rows, total, stacked=True))
    return Section("Task by task", figures=figures, tables=tables)


def _cell(estimate: Estimate) -> Cell:
    return Cell(_number(estimate.value), _range(estimate))


def _difference_cell(estimate: Estimate) -> Cell:
    return Cell(_signed(estimate.value), _range(estimate))


def _correction(comparison: Comparison) -> Section:
    corrected, over = comparison.corrected.mean["macro_f1"], comparison.mean_over_corrected["macro_f1"]
    return Section(
        "Would correcting the predictions have done as well?",
        texts=[
            (
                "A cheaper remedy leaves the sampling natural and afterwards multiplies each label's probability by the"
                " ratio of the plan's share to the natural share. Mean macro-F1 is then"
                f" {_number(corrected.value)} ({_range(corrected)}); planned minus corrected is {_signed(over.value)}"
                f" ({_range(over)})."
            )
        ],
    )


def _by_task(arm: Arm, values: NDArray[np.float64]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for (task, _), value in zip(arm.plan.strata, values.tolist(), strict=True):
        sums[task] = sums.get(task, 0.0) + value
    return sums


def _shares(comparison: Comparison) -> Section:
    planned = comparison.planned
    draws = int(planned.drawn.sum())
    wanted = planned.plan.probabilities
    off = np.abs(planned.drawn - draws * wanted).max()
    shares = {
        "in the data": _by_task(planned, planned.plan.counts / planned.plan.counts.sum()),
        "planned": _by_task(planned, wanted),
        "drawn": _by_task(planned, planned.drawn / draws),
    }
    names = list(planned.plan.tasks)
    plot = shares_plot(names, {kind: [of[name] for name in names] for kind, of in shares.items()}, "share")
    caption = "Shares of the tasks: of the training rows, of the plan, and of what training drew."
    rows = [
        [
            Cell(task),
            Cell(label or "(open-ended)"),
            Cell(f"{count:,}"),
            Cell(f"{draws * share:,.1f}"),
            Cell(f"{drawn:,}"),
            Cell(f"{drawn / count:.2f}" if count else "n/a"),
        ]
        for (task, label), count, share, drawn in zip(
            planned.plan.strata, planned.plan.counts.tolist(), wanted.tolist(), planned.drawn.tolist(), strict=True
        )
    ]
    heads = [Head(text) for text in ("task", "label", "training rows", "planned draws", "drawn", "passes")]
    return Section(
        "Planned and drawn",
        texts=[
            (
                "Draws are not left to chance: the plan holds at the end of every block of"
                f" {planned.plan.block:,} draws."
                f" After these {draws:,} draws the label furthest from its planned number was {off:.1f} draws away."
            )
        ],
        figures=[HtmlFigure(inline_svg(plot, "shares", caption), caption)],
        tables=[HtmlTable("Every label: rows, draws and passes", heads, rows, folded=True)],
    )


def _curves(comparison: Comparison) -> Section:
    arms = (comparison.natural, comparison.planned)
    plot = curves_plot({arm.name: arm.curve for arm in arms}, "validation loss")
    caption = "Loss on up to 20 validation rows of each label, so that rare labels show."
    seconds = ", ".join(f"{arm.name} {arm.seconds:.0f} s" for arm in arms)
    return Section(
        "Learning curves",
        texts=[f"Training time, encoding and saving included: {seconds}."],
        figures=[HtmlFigure(inline_svg(plot, "curves", caption), caption)],
    )


def _recalls(comparison: Comparison) -> Section:
    arms = (comparison.natural, comparison.planned)
    points = {
        arm.name: (
            [each.train_count or 0 for task in arm.scores.tasks.values() for each in task.labels],
            [
                np.nan if each.recall.value is None else each.recall.value
                for task in arm.scores.tasks.values()
                for each in task.labels
            ],
        )
        for arm in arms
    }
    caption = "Each dot is a label; a line joins its two arms. Labels without test rows are left out."
    rows = [
        [
            Cell(task),
            Cell(first.label),
            Cell(f"{first.train_count or 0:,}"),
            Cell(f"{first.support:,}"),
            _cell(first.recall),
            _cell(second.recall),
        ]
        for task, scores in comparison.natural.scores.tasks.items()
        for first, second in zip(scores.labels, comparison.planned.scores.tasks[task].labels, strict=True)
    ]
    heads = [
        Head("task"), Head("label"), Head("training rows"), Head("test rows"), Head("natural recall", "first"),
        Head("planned recall", "second"),
    ]  # fmt: skip
    return Section(
        "Recall by how rare a label is",
        figures=[HtmlFigure(inline_svg(recall_plot(points), "recall", caption), caption)],
        tables=[HtmlTable("Every label: recall with its interval", heads, rows, folded=True)],
    )

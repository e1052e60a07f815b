"""The page of a calibration: whether the probabilities are right, before and after."""

from collections.abc import Mapping
from pathlib import Path

from equipoise.base.files import write_atomically
from equipoise.pages.figure import inline_svg
from equipoise.pages.page import Card, Cell, Head, HtmlFigure, HtmlTable, Page, Section
from equipoise.pages.plots import reliability_plot
from equipoise.runs.calibration.report import FOLDS, Calibrated, TaskReport

NAMES = {
    "log_loss": "log-loss", "brier": "Brier score", "ece": "calibration error", "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy", "expected_cost": "expected cost",
}  # fmt: skip
SMALL_IS_GOOD = {"log_loss", "brier", "ece", "expected_cost"}
WHEN = ("before", "after", "actual")
PRIORS = {
    "natural": "the shares of the labels in the training data",
    "given": "the shares of the labels that were given",
    "em": "the shares of the labels that were estimated from rows without labels",
}


def calibration_page(found: Calibrated, command: str) -> Path:
    """Write ``index.html`` into the folder of the calibration.

    Parameters
    ----------
    found : Calibrated
        What to show.
    command : str
        What was typed, to do it again.

    Returns
    -------
    pathlib.Path
        The page.
    """
    files = [(path.name, path.read_text(encoding="utf-8")) for path in (found.directory.calibration,)]
    page = found.directory.calibration_folder / "index.html"
    with write_atomically(page) as temporary:
        temporary.write_text(build_page(found, command, files).to_html(), encoding="utf-8")
    return page


def build_page(found: Calibrated, command: str, files: list[tuple[str, str]]) -> Page:
    """Put the page together from a calibration."""
    mean = found.mean
    before, after = mean["before"].get("log_loss"), mean["after"].get("log_loss")
    gain = None if before is None or after is None else after - before
    tone = "" if not gain else "good" if gain < 0 else "bad"
    return Page(
        title="Are the probabilities right?",
        question=(
            "A model believes in the label shares that it was trained on, and may be surer than it should. Here its"
            f" probabilities of {len(found.tasks)} tasks are corrected for {PRIORS[found.calibration.prior]} and for"
            " its certainty, on validation rows; test rows were not used."
        ),
        answer=[
            Card("log-loss before", _number(before), "of the model as it is", "first"),
            Card("log-loss after", _number(after), "cross-fitted", "second"),
            Card("difference", _signed(gain), "less is better", tone),
        ],
        verdict={
            "good": "Better. On the mean over the tasks the corrected probabilities predict the labels better.",
            "bad": "No better. On the mean over the tasks the corrected probabilities predict the labels worse.",
            "": "No difference was measured.",
        }[tone],
        meaning=(
            "Log-loss, averaged over the tasks, is the mean of -ln p(right label). After: each row is corrected by a"
            f" fit on the groups of the other {FOLDS - 1} of {FOLDS} parts, so no row judges a fit that saw it. These"
            " are point estimates; `equipoise evaluate` gives intervals on test rows."
        ),
        sections=[_reliability(found.tasks), _measures(found), _fits(found)],
        command=command,
        details="The calibration",
        files=files,
    )


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _reliability(tasks: Mapping[str, TaskReport]) -> Section:
    figures: list[HtmlFigure] = []
    for place, (name, task) in enumerate(tasks.items()):
        plot = reliability_plot({when: table.dots for when, table in task.reliability.items()})
        caption = f"{name}: {task.rows:,} rows"
        figures.append(HtmlFigure(inline_svg(plot, f"reliability-{place}", f"Reliability of {caption}"), caption))
    return Section(
        "Reliability",
        texts=[
            (
                "Rows are put into 15 bins by the probability of their most probable label. On the diagonal that label"
                " is right as often as the model says; below it the model is too sure, above it not sure enough. The"
                " larger a dot, the more rows: small dots jump by chance."
            )
        ],
        figures=figures,
    )


def _measures(found: Calibrated) -> Section:
    tables: list[HtmlTable] = []
    heads = [Head("task"), Head("before", "first"), Head("after", "second"), Head("difference")]
    mean = found.mean
    for metric, name in NAMES.items():
        rows = [
            _row(task_name, task.before.get(metric), (task.after or {}).get(metric))
            for task_name, task in found.tasks.items()
            if metric in task.before
        ]
        if rows:
            total = _row("mean", mean["before"].get(metric), mean["after"].get(metric))
            caption = f"{name[0].upper()}{name[1:]} ({'less' if metric in SMALL_IS_GOOD else 'more'} is better)"
            tables.append(HtmlTable(caption, heads, rows, total, stacked=True))
    return Section(
        "Before and after",
        texts=[
            (
                "Log-loss, Brier score and calibration error judge the probabilities, the others the answers. Tau"
                " changes answers alone: it may give up accuracy for the rare labels that macro-F1 counts in full."
            )
        ],
        tables=tables,
    )


def _row(name: str, before: float | None, after: float | None) -> list[Cell]:
    change = None if before is None or after is None else after - before
    return [Cell(name), Cell(_number(before)), Cell(_number(after)), Cell(_signed(change))]


def _fits(found: Calibrated) -> Section:
    fits = [
        [Cell(name), Cell(f"{task.rows:,}"), Cell(f"{task.groups:,}"), Cell(f"{task.temperature:.3f}"),
         Cell(f"{task.tau:.2f}"), Cell(task.metric or "none"), Cell("; ".join(task.notes))]
        for name, task in found.tasks.items()
    ]  # fmt: skip
    heads = [Head(text) for text in ("task", "rows", "groups", "temperature", "tau", "tau chosen by", "notes")]
    shares = [
        [Cell(name), Cell(label), Cell(_number(trained)), *(Cell(_number(held.get(when))) for when in WHEN)]
        for name, task in found.tasks.items()
        for (label, held), trained in zip(
            task.shares.items(), found.calibration.tasks[name].trained_prior.tolist(), strict=True
        )
    ]
    share_heads = [
        Head("task"), Head("label"), Head("share in training"), Head("mean probability before", "first"),
        Head("after", "second"), Head("actual share"),
    ]  # fmt: skip
    return Section(
        "What was fitted",
        tables=[
            HtmlTable("Temperature and tau of each task, fitted on all its validation rows", heads, fits),
            HtmlTable("How often each label is believed in, and how often it comes", share_heads, shares),
        ],
    )

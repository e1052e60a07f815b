"""The page: self-contained, escaped, and true to its numbers."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from equipoise.census import Census
from equipoise.experiment.comparison import Arm, Comparison
from equipoise.metrics import Estimate, LabelScores, Scores, TaskScores
from equipoise.plan import Plan
from equipoise.report._figure import PRINTED
from equipoise.report.demo_page import build_page
from equipoise.report.plots import census_plot
from equipoise.weights import Power

BAD = "<script>alert('$x$')</script>"


def scores(value: float) -> Scores:
    estimate = Estimate(value, value - 0.1, value + 0.1)
    labels = tuple(
        LabelScores(label, count, "few", support, 3, estimate, Estimate(value if support else None), estimate)
        for label, count, support in (("common", 900, 90), (BAD, 5, 0))
    )
    metrics = {"macro_f1": estimate, "balanced_accuracy": estimate}
    return Scores({BAD: TaskScores("classification", 90, 90, metrics, labels)}, metrics, 1000, 0, 0.95)


def comparison(gain: Estimate) -> Comparison:
    census = Census.from_counts({BAD: {"common": 900, BAD: 5}})
    plan = Plan.build(census, weights=Power(0.5), draws=2048)
    drawn = np.round(plan.probabilities * 2048).astype(np.int64)
    natural, planned = (
        Arm(name, scores(value), plan, drawn, ([100.0, 200.0], [2.0, 1.0]), 12.0)
        for name, value in (("natural", 0.3), ("planned", 0.6))
    )
    both = {"macro_f1": gain, "balanced_accuracy": gain}
    return Comparison(natural, planned, scores(0.4), {BAD: both}, both, both)


def page(gain: Estimate = Estimate(0.3, 0.2, 0.4)) -> str:  # noqa: B008 - frozen
    return build_page(comparison(gain), "equipoise demo", [("config.yaml", f"label: {BAD}")]).to_html()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "src", "xlink:href") if name in found]


def parsed() -> Tags:
    tags = Tags()
    tags.feed(page())
    return tags


def test_labels_are_escaped_in_text_tables_and_plots() -> None:
    text = page()
    assert "<script" not in text
    assert "&lt;script&gt;alert" in text
    assert "script" not in parsed().names


def test_nothing_is_loaded_from_elsewhere() -> None:
    tags = parsed()
    assert all(link.startswith("#") for link in tags.links)
    assert not {"link", "img", "iframe"} & set(tags.names)
    text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page())
    assert "http" not in text
    assert "@import" not in text


def test_ids_are_unique() -> None:
    ids = parsed().ids
    assert ids
    assert len(ids) == len(set(ids))


def test_plots_take_the_colours_of_the_page() -> None:
    text = page()
    assert text.count("<svg") == 5
    assert "var(--first)" in text
    assert not re.search(r"#0[1-6]0\d0\d", text)


def test_the_answer_comes_first() -> None:
    text = page()
    assert text.index("+0.300") < text.index("<h2>")
    for number in ("0.300", "0.600", "+0.300", "0.200 to 0.400"):
        assert number in text


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (Estimate(0.3, 0.2, 0.4), "Yes."),
        (Estimate(-0.3, -0.4, -0.2), "No."),
        (Estimate(0.1, -0.1, 0.3), "Not shown."),
        (Estimate(0.1), "Not shown."),
        (Estimate(None), "Not shown."),
    ],
)
def test_the_verdict_follows_the_interval(gain: Estimate, verdict: str) -> None:
    assert f"<strong>{verdict}" in page(gain)


def test_labels_without_test_rows_are_no_zeros() -> None:
    assert "n/a" in page()


def test_ticks_of_the_census_are_whole_numbers() -> None:
    figure = census_plot(["a", "b"], [20_000, 3], PRINTED)
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert {"1", "100", "10,000"} <= set(ticks)
    assert not [text for text in ticks if "$" in text]

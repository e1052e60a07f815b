"""What the picture of a schedule shows, and that it is a whole SVG in which strings from data are only text."""

from xml.etree import ElementTree

import numpy as np
import pytest

from equipoise import Census, Plan, Schedule
from equipoise.schedule.picture import MOST, Drawn, bands

SVG = "{http://www.w3.org/2000/svg}"
THREE = Census.from_counts({"large": 9000, "medium": 900, "small": 100})
MANY = Census.from_counts({f"task {i:02}": {"no": 100 * (i + 1), "yes": 5 * (i + 1)} for i in range(28)})


def texts(svg):
    """Return the lines of text of a picture."""
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def bands_of(schedule):
    """Return the title of a picture and its bands."""
    return bands(schedule.strata, np.array([stage.plan.probabilities for stage in schedule.stages]))


def corners(svg):
    """Return the corners of each band, in the order in which they are drawn."""
    paths = ElementTree.fromstring(svg).iter(f"{SVG}path")
    return [
        np.array([point.split() for point in path.get("d")[1:-1].split("L")], dtype=float)
        for path in paths
        if path.get("fill")
    ]


def test_a_band_is_as_high_as_its_share_in_each_stage():
    schedule = Schedule.build(THREE, "cooldown", draws=4000)
    large, medium, small = reversed(corners(schedule.to_svg()))
    height = small[:, 1].max() - large[:, 1].min()
    planned = np.array([stage.plan.probabilities for stage in schedule.stages]).T
    for band, shares in zip((large, medium, small), planned, strict=True):
        low, high = band[:4, 1], band[:3:-1, 1]
        np.testing.assert_allclose((low - high) / height, np.repeat(shares, 2), atol=0.002)
        left, right = band[0, 0], band[3, 0]
        np.testing.assert_allclose(band[1:3, 0], (left + right) / 2, atol=0.1)  # the change, in the middle
    legend = [f"{task} {first:.1%} → {last:.1%}" for task, (first, last) in zip(schedule.tasks, planned, strict=True)]
    assert texts(schedule.to_svg())[-3:] == legend


def test_few_strata_are_all_shown():
    two = Census.from_counts({"mood": {"glad": 90, "sad": 10}, "tone": 50})
    title, found = bands_of(Schedule.build(two, "cooldown", draws=100))
    assert (title, [band.name for band in found]) == (
        "Shares of the draws by label",
        ["mood: glad", "mood: sad", "tone"],
    )
    title, found = bands_of(Schedule.build(THREE, "cooldown", draws=100))
    assert (title, [band.name for band in found]) == ("Shares of the draws by task", ["large", "medium", "small"])


def test_of_many_tasks_those_that_change_most_are_shown_and_the_picture_says_so():
    schedule = Schedule.build(MANY, "cooldown", draws=4000)
    title, found = bands_of(schedule)
    changes = {}
    for task in MANY.tasks:
        first, last = (stage.plan.probabilities[stage.plan.span(task)].sum() for stage in schedule.stages)
        changes[task] = abs(first - last)
    assert title == f"Shares of the draws by task: the {MOST} of 28 that change most"
    assert {band.name for band in found} == set(sorted(changes, key=changes.get)[-MOST:])
    rest = [1 - sum(band.shares[stage] for band in found) for stage in (0, 1)]
    assert texts(schedule.to_svg())[-1] == f"All others, not shown: {rest[0]:.1%} → {rest[1]:.1%}."


def test_labels_are_shown_where_only_they_change():
    title, found = bands_of(Schedule.build(MANY, "progressive", draws=4000))
    assert title == f"Shares of the draws by label: the {MOST} of 56 that change most"
    assert all(": " in band.name for band in found)


def test_stages_that_are_not_reached_are_left_out():
    schedule = Schedule.build(THREE, "cooldown", draws=4000)
    assert texts(schedule.to_svg(1000))[-1] == texts(Schedule(schedule.stages[:1]).to_svg(1000))[-1]
    assert len(corners(schedule.to_svg(2000))[0]) == 4


def test_dots_are_at_the_edges_of_what_was_drawn():
    plan = Plan.build(Census.from_counts({"a": 100, "b": 100}))
    counts = np.array([[50, 50], [25, 75]])  # not what was planned
    svg = Schedule([(0, plan)]).to_svg(200, Drawn([100, 200], counts))
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in ElementTree.fromstring(svg).iter(f"{SVG}circle")]
    upper, lower = reversed(corners(svg))
    bottom, top = lower[:, 1].max(), upper[:, 1].min()
    assert [(bottom - y) / (bottom - top) for _, y in dots] == pytest.approx([0.5, 0.75], abs=0.002)
    assert [x for x, _ in dots] == pytest.approx(np.interp([0.25, 0.75], [0, 1], lower[:2, 0]), abs=0.1)


@pytest.mark.parametrize("name", ["</svg><script>", '"quoted" & more', "a\nb", "ü" * 80])
def test_names_from_data_are_text(name):
    plan = Plan.build(Census.from_counts({name: {"x": 3, name: 4}, "other": 5}))
    svg = Schedule([(0, plan)]).to_svg(100)
    assert {element.tag for element in ElementTree.fromstring(svg).iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "path", "title", "rect", "text", "tspan")
    }
    assert max(map(len, texts(svg))) < 60


@pytest.mark.parametrize("draws", [1, 2, 7, 999, 10_240, 10**12])
def test_the_axis_of_draws_has_a_few_ticks(draws):
    svg = Schedule([(0, Plan.build(THREE))]).to_svg(draws)
    ticks = [int(text.replace(",", "")) for text in texts(svg) if text.replace(",", "").isdigit()]
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert max(ticks) <= draws

"""What `plot` of a census, a plan, a forecast and a schedule draws, and that it can be read."""

import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from equipoise import Census, Plan, Schedule
from equipoise.errors import ConfigError
from equipoise.rates import Fixed

mpl.use("Agg")

MOOD = Census.from_counts({"mood": {"glad": 900, "neither": 400, "sad": 100}})
RARE = Census.from_counts({"mood": {"glad": 90_000, "sad": 10}, "topic": 400})
NAME = "cost: $5 to $10, and a long name of {:02d}"
SIXTY = Census.from_counts({"one task": {NAME.format(n): 10 ** (n % 6) + n for n in range(60)}})


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot.close("all")


def names_of(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def pictures(census):
    """Return the four pictures."""
    weights = "natural" if census.strata[0].label is None else "sqrt"
    plan = Plan.build(census, weights=weights)
    schedule = Schedule([(0, plan), (2000, Plan.build(census, "proportional", "natural"))])
    return [census.plot(), plan.plot(), plan.forecast(4000).plot(), schedule.plot(draws=4000)]


def test_bars_of_a_census_are_its_counts():
    axes = MOOD.plot()
    assert [bar.get_width() for bar in axes.patches] == [900, 400, 100]
    assert names_of(axes) == ["glad", "neither", "sad"]
    assert [text.get_text().strip() for text in axes.texts] == ["900", "400", "100"]
    heights = [bar.get_y() for bar in axes.patches]
    assert heights == sorted(heights, reverse=True)  # from the top
    assert (axes.get_xscale(), axes.get_xlabel()) == ("linear", "rows")


def test_counts_that_span_decades_have_a_logarithmic_axis():
    axes = RARE.plot()
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "rows (logarithmic)")
    assert names_of(axes) == ["mood: glad", "mood: sad", "topic"]
    assert Plan.build(RARE).plot().get_xscale() == "log"
    assert Plan.build(MOOD).plot().get_xscale() == "linear"


def test_dots_of_a_plan_are_shares_of_data_and_draws():
    plan = Plan.build(RARE)
    data, draws = Plan.build(RARE).plot().lines
    np.testing.assert_allclose(data.get_xdata(), RARE.counts / RARE.total)
    np.testing.assert_allclose(draws.get_xdata(), plan.probabilities)
    assert data.get_ydata().tolist() == draws.get_ydata().tolist() == [2, 1, 0]


@pytest.mark.parametrize("rates", ["equal", Fixed({"mood": 1.0, "topic": 0.0})], ids=str)
def test_what_is_never_drawn_is_named(rates):
    plan = Plan.build(RARE, rates)
    said = [text.get_text().strip() for axes in (plan.plot(), plan.forecast(100).plot()) for text in axes.texts]
    assert said.count("not drawn") == (0 if rates == "equal" else 2)


def test_bars_of_a_forecast_go_from_one_pass_to_its_passes():
    forecast = Plan.build(RARE, weights="inverse").forecast(8000)
    axes = forecast.plot()
    passes = [row.passes for row in forecast.rows]
    np.testing.assert_allclose([bar.get_x() + bar.get_width() for bar in axes.patches], passes)
    assert {bar.get_x() for bar in axes.patches} == {1.0}
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert [each > 20 for each in passes] == [False, True, False]
    assert [colour == colours[1] for colour in colours] == [False, True, False]
    assert colours[0] != colours[2]  # less than one pass, and more
    assert axes.get_xlabel().splitlines()[1:] == ["grey: rows remain unseen", "orange: more than 20"]
    low, high = axes.get_xlim()
    assert low < min(passes)
    assert max(passes) < high
    few = Plan.build(MOOD).forecast(700).plot()
    assert few.get_xlabel().splitlines()[1:] == ["grey: rows remain unseen"]


def test_bands_of_a_schedule_are_its_shares():
    schedule = Schedule.build(MOOD, "deferred", draws=4000)
    first, second = (stage.plan.probabilities for stage in schedule.stages)
    axes = schedule.plot()
    corners = [band.get_paths()[0].vertices for band in axes.collections]
    assert {0.0, float(schedule.stages[1].at), 4000.0} == {*np.concatenate(corners)[:, 0].tolist()}
    heights = [[np.ptp(each[each[:, 0] == end, 1]) for end in (0, 4000)] for each in corners]
    np.testing.assert_allclose(heights, np.array([first, second]).T)
    np.testing.assert_allclose(corners[0][:, 1].max(), 1)  # the first one is at the top
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == [
        f"{name}: {one:.1%} \N{RIGHTWARDS ARROW} {two:.1%}"
        for name, one, two in zip(MOOD.labels("mood"), first, second, strict=True)
    ]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 4000), (0, 1))
    assert schedule.plot(draws=1000).get_xlim() == (0, 1000)


@pytest.mark.parametrize("census", [Census.from_counts({"topic": 100}), SIXTY], ids=["one task", "60 labels"])
def test_names_are_whole_and_apart_and_inside_the_figure(census):
    for axes in pictures(census):
        figure = axes.figure
        figure.canvas.draw()
        renderer, frame = figure.canvas.get_renderer(), figure.bbox
        low, high = axes.get_ylim()
        labels = [label for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high]
        texts = [*labels, *axes.texts, axes.xaxis.label]
        boxes = [text.get_window_extent(renderer) for text in texts]
        assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
        assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
        rows = sorted((box.y0, box.y1) for box in boxes[: len(labels)])
        assert all(high <= low for (_, high), (low, _) in pairwise(rows))
        if "%" not in labels[-1].get_text():
            assert names_of(axes) == [label or task for task, label in census.strata]


def test_of_many_labels_the_extremes_are_shown_and_this_is_said():
    many = Census.from_counts({"one": {f"label {n:03}": 100 + n for n in range(200)}})
    plan = Plan.build(many)
    for axes in (many.plot(), plan.plot(), plan.forecast(9000).plot()):
        assert names_of(axes) == [f"label {n:03}" for n in (*range(30), *range(170, 200))]
        assert "The 30 smallest and the 30 largest of 200 labels" in axes.get_title(loc="left") + axes.get_xlabel()


def test_axes_that_are_given_are_drawn_on_and_returned():
    plan = Plan.build(RARE)
    schedule = Schedule.build(RARE, "cooldown", draws=4000)
    figure, places = pyplot.subplots(2, 2)
    for value, axes in zip((RARE, plan, plan.forecast(10), schedule), places.flat, strict=True):
        assert value.plot(axes) is axes
    assert pyplot.get_fignums() == [figure.number]


def test_labels_from_data_are_no_formulas_and_stay_on_their_line():
    odd = Census.from_counts({"one": {"$x$": 5, "two\nlines": 1}})
    figure, axes = pyplot.subplots()  # in the style of matplotlib, which has formulas
    odd.plot(axes)
    figure.canvas.draw()
    assert names_of(axes) == ["$x$", "two\\nlines"]
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())


def test_the_style_of_other_figures_is_not_changed():
    with mpl.rc_context({"axes.grid": False}):
        pictures(MOOD)
        assert not mpl.rcParams["axes.grid"]


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for value in (MOOD, Plan.build(MOOD), Plan.build(MOOD).forecast(10)):
        with pytest.raises(ConfigError, match="pip install") as raised:
            value.plot()
        assert raised.value.code == "missing-package"

"""The planner's numbers are those of `Plan.forecast`, whatever the sliders say.

Python rounds shares to whole numbers of 2**-60, JavaScript keeps floats: they agree to 1e-9 of a number's size and
2**-60 of the draws. The unseen fraction is 1 - passes, which cancels: it agrees to 1e-12 as well.
"""

import itertools
import math
import re

import numpy as np
import pytest
from tests.support.planner import SMALL, built

from equipoise import Census, Plan
from equipoise.data.suite import load_suite
from equipoise.errors import PlanError

pytestmark = pytest.mark.slow

CENSUSES = {
    "one task": Census.from_counts({"mood": {"glad": 900, "sad": 100}}),
    "tasks far below a cap": SMALL,
    "labels without examples": Census.from_counts({"empty": {"x": 0}, "mood": {"a": 1, "b": 1, "gone": 0}, "open": 0}),
    "the suite": Census.from_arrow(load_suite("multi-diagnosis").where(split="train").table),
}
TEMPERATURES = (1, 1.3, 2, 7, 100, None)
GAMMAS = (0, 0.3, 0.5, 1)
CAPS = (None, 1, 4, 50)
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?")


def by_script(page, settings):
    """What the page's own function forecasts for settings, one after the other."""
    names = ("temperature", "gamma", "maxPasses", "draws")
    script = """(all) => {
      const { data } = JSON.parse(document.getElementById("planner-data").textContent);
      return all.map((settings) => equipoiseForecast(data, settings));
    }"""
    return page.evaluate(script, [dict(zip(names, each, strict=True)) for each in settings])


def close(found, expected, draws=1.0, least=0.0):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=max(draws * 2**-60, least))


@pytest.mark.parametrize("name", CENSUSES)
def test_the_script_forecasts_what_python_does(planner, name):
    census = CENSUSES[name]
    draws = sorted({max(1, census.total // 10), census.total, 3 * census.total + 1, 20 * census.total})
    grid = list(itertools.product(TEMPERATURES, GAMMAS, CAPS, draws))
    found = by_script(planner(Plan.build(census, rates="proportional", weights="natural")), grid)
    refused = 0
    for settings, script in zip(grid, found, strict=True):
        try:
            forecast = built(census, *settings).forecast()
        except PlanError as error:
            _same_message(script["refused"][0], str(error))
            refused += 1
            continue
        assert script["refused"] == [], settings
        _same_rows(script["rows"], forecast.rows, settings[3])
        _same_tasks(script["tasks"], forecast)
        _same_overall(script["overall"], forecast)
        _same_problems(script["problems"], forecast)
    assert 0 < refused < len(grid)  # both happen


def _same_message(script, python):
    """The same words, and numbers that agree to about the last digit that the message has.

    One halfway between two goes to the even one in Python and up in JavaScript, and the last bit may move it there.
    """
    assert NUMBER.sub("#", script) == NUMBER.sub("#", python)
    numbers = ([float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in (script, python))
    np.testing.assert_allclose(*numbers, rtol=0.01, atol=0.01)


def _same_rows(script, rows, draws):
    assert [row["label"] for row in script] == [row.label for row in rows]
    assert [row["count"] for row in script] == [row.count for row in rows]
    close([row["dataShare"] for row in script], [row.data_share for row in rows])
    close([row["drawShare"] for row in script], [row.draw_share for row in rows])
    close([row["expectedDraws"] for row in script], [row.expected_draws for row in rows], draws)
    close([row["passes"] for row in script], [row.passes for row in rows], draws)
    close([row["unseenFraction"] for row in script], [row.unseen_fraction for row in rows], least=1e-12)


def _same_tasks(script, forecast):
    unseen = dict.fromkeys((group.task for group in forecast.tasks), 0.0)
    for row in forecast.rows:
        unseen[row.task] += row.unseen_fraction * row.count
    close([task["dataShare"] for task in script], [group.data_share for group in forecast.tasks])
    close([task["drawShare"] for task in script], [group.draw_share for group in forecast.tasks])
    close([task["expectedDraws"] for task in script], [g.expected_draws for g in forecast.tasks], forecast.draws)
    close([task["passes"] for task in script], [g.expected_draws / max(g.count, 1) for g in forecast.tasks], 1e3)
    left = [unseen[group.task] / max(group.count, 1) for group in forecast.tasks]
    close([task["unseenFraction"] for task in script], left, least=1e-12)


def _same_overall(script, forecast):
    close(script["effectiveSampleSize"], forecast.overall.effective_sample_size)
    close(script["imbalanceBefore"], forecast.overall.imbalance_before)
    close(script["imbalanceAfter"], forecast.overall.imbalance_after)
    rows = forecast.rows
    unseen = sum(row.unseen_fraction * row.count for row in rows) / sum(row.count for row in rows)
    close(script["unseenFraction"], unseen, least=1e-12)


def _same_problems(script, forecast):
    """The same but for those of a stratum of whom just one draw is expected, where the last bit decides."""
    edge = {
        f"{row.task}/{row.label}"
        for row in forecast.rows
        if any(math.isclose(number, limit) for number, limit in _limits(row))
    }
    expected = [(problem.level, problem.code, problem.message) for problem in forecast.problems]
    found = [(problem["level"], problem["code"], problem["message"]) for problem in script]
    ours, theirs = ([each for each in all_ if _subject(each[2]) not in edge] for all_ in (found, expected))
    assert [each[:2] for each in ours] == [each[:2] for each in theirs]
    for our, their in zip(ours, theirs, strict=True):
        _same_message(our[2], their[2])


def _limits(row):
    return ((row.expected_draws, 1),)


def _subject(message):
    task, label = re.match(r"'([^']*)'(?:, label '([^']*)')?", message).groups()
    return f"{task}/{label}"

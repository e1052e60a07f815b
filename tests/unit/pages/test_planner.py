"""What the planner starts at, and how it carries texts of the data."""

import json
import re

import numpy as np
import pytest
from markupsafe import escape

from equipoise import Census, Plan, Schedule
from equipoise.pages.planner import own_settings, planner_section
from equipoise.rates import Equal, Fixed, Proportional, Temperature
from equipoise.weights import Balanced, EffectiveNumber, InverseFrequency, Natural, Power

CENSUS = Census.from_counts({"mood": {"glad": 900, "odd": 9, "sad": 100}, "topic": 500})


@pytest.mark.parametrize(
    ("rates", "weights", "more", "settings"),
    [
        (Proportional(), Natural(), {}, (1, 0, None, 1509)),
        (Equal(), Power(0.5), {"draws": 70}, (None, 0.5, None, 70)),
        (Temperature(1.25), Power(0), {"draws": 70}, (1.25, 0, None, 70)),
        (Temperature(3), Balanced(), {"draws": 900, "max_passes": 2.5}, (3, 1, 2.5, 900)),
        (Equal(), InverseFrequency(), {"draws": 900, "max_passes": 30}, (None, 1, 30, 900)),
        (Proportional(maximum=10_000), Natural(), {}, (1, 0, None, 1509)),  # a maximum that limits nothing
    ],
)
def test_a_plan_that_the_sliders_can_show_is_known(rates, weights, more, settings):
    assert own_settings(Plan.build(CENSUS, rates, weights, **more)) == settings


@pytest.mark.parametrize(
    ("rates", "weights", "more"),
    [
        (Proportional(maximum=100), Natural(), {}),
        (Temperature(2, maximum=100), Natural(), {}),
        (Temperature(0.5), Natural(), {}),
        (Fixed({"mood": 0.25, "topic": 0.75}), Natural(), {}),
        (Equal(), Power(1.5), {}),
        (Equal(), EffectiveNumber(0.999), {}),
        (Equal(), Balanced().clipped(max_ratio=3), {}),
        (Equal(), {"mood": Power(0.5), "*": Natural()}, {}),
        (Equal(), Power(0.5), {"target_weights": Natural()}),
        (Equal(), Power(0.5), {"tokens": np.array([9.0, 2.0, 2.0, 30.0])}),
        (Equal(), Power(0.5), {"max_passes": {"mood": {"odd": 0.4}, "*": 4}}),
    ],
)
def test_another_plan_is_not_taken_for_one(rates, weights, more):
    plan = Plan.build(CENSUS, rates, weights, draws=64, **more)
    assert own_settings(plan) is None
    assert str(escape(plan.weights_text)) in planner_section(plan)


def test_sliders_do_not_show_a_schedule():
    html = planner_section(Schedule.build(CENSUS, "cooldown:5,2", draws=640))
    assert "cannot show the plan of this report (rates Temperature(temperature=5, scale=1.0) -&gt; Temp" in html
    one = Schedule([(0, Plan.build(CENSUS, Equal(), Power(0.5), draws=640))])
    assert "start at the plan of this report" in planner_section(one)


def test_texts_of_the_data_stand_in_json_alone_and_cannot_end_it():
    label = "</script><!--\u2028]]><script>alert(1)</script>\"'&amp;"
    plan = Plan.build(Census.from_counts({"{{ x }}": {label: 3, "b": 1}}), rates="proportional", weights="natural")
    html = planner_section(plan)
    inside = re.search(r'<script type="application/json" id="planner-data">(.*?)</script>', html)[1]
    assert not set("<>&\u2028") & set(inside)
    values = json.loads(inside)
    assert values["data"] == {"tasks": ["{{ x }}"], "task": [0, 0], "label": [label, "b"], "count": [3, 1]}
    assert html.count("<script") == html.count("</script>") == 2
    assert "alert" not in str(html).replace(inside, "")


def test_the_start_is_a_stop_and_stops_rise():
    plan = Plan.build(CENSUS, Temperature(2.34), Power(0.371), max_passes=7.7, draws=1234)
    values = json.loads(re.search(r'id="planner-data">(.*?)</script>', planner_section(plan))[1])
    stops, start = values["stops"], values["start"]
    at = {name: stops[name][place] for name, place in start.items()}
    assert at == {"temperature": 2.34, "gamma": 0.371, "maxPasses": 7.7, "draws": 1234}
    for name in stops:
        numbers = [stop for stop in stops[name] if stop is not None]
        assert numbers == sorted(set(numbers))
        assert (None in stops[name]) == (stops[name][-1] is None) == (name in ("temperature", "maxPasses"))
    assert CENSUS.total in stops["draws"]

"""The planner in a browser: moved by keyboard, copied from, on a phone, on paper, with hostile texts."""

import json
import re
import shlex

import numpy as np
import pytest
import yaml
from tests.support.planner import SMALL, at, built, cells

from equipoise import Census, Plan
from equipoise.config import make_config
from equipoise.data.suite import load_suite
from equipoise.errors import PlanError
from equipoise.pages.planner import MOST_ROWS
from equipoise.rates import Equal, Proportional, Temperature, UniMax
from equipoise.weights import Balanced, Natural, Power

pytestmark = pytest.mark.slow

QUOTED = re.compile("`([^`]*)`")
ONE = Census.from_counts({"mood": {"glad": 900, "sad": 100}})
SUITE = Census.from_arrow(load_suite("multi-diagnosis").where(split="train").table)


def shown(text, value):
    """Whether a text is the number to the digits that it has."""
    if text.endswith("%"):
        text, value = text[:-1], 100 * value
    plain = text.replace(",", "")
    return abs(float(plain) - value) <= 0.5001 * 10.0 ** -len(plain.partition(".")[2])


def assert_shown(page, census):
    """The tables say what the plan of the sliders' settings would do."""
    forecast = built(census, *at(page)).forecast()
    rows = cells(page, "labels")
    assert len(rows) == len(forecast.rows)
    for (name, *texts), row in zip(rows, forecast.rows, strict=True):
        assert name == f"{row.label or 'open-ended'} {row.task}"
        values = (row.data_share, row.draw_share, row.expected_draws, row.passes, row.unseen_fraction)
        assert all(map(shown, texts, values)), (texts, values)
    tasks = cells(page, "tasks")
    assert [name for name, *_ in tasks] == [group.task for group in forecast.tasks]
    for (_, *texts), group in zip(tasks, forecast.tasks, strict=True):
        values = (group.data_share, group.draw_share, group.expected_draws, group.expected_draws / group.count)
        assert all(map(shown, texts, values)), (texts, values)


SLIDERS = ("Task temperature T", "Class weights, gamma", "Cap on passes", "Draws")


def test_sliders_move_by_the_keyboard_and_the_tables_follow(planner):
    census = SUITE
    page = planner(Plan.build(census, Equal(), Power(0.5), draws=40_000))
    assert at(page) == (None, 0.5, None, 40_000)
    assert_shown(page, census)
    temperature, gamma, cap, draws = (page.get_by_role("slider", name=name, exact=True) for name in SLIDERS)
    moves = [
        (temperature, "ArrowLeft", 20, "T = 2"),
        (gamma, "End", 1, "1, balanced"),
        (gamma, "ArrowLeft", 14, "0.3"),
        (draws, "ArrowLeft", 9, None),
        (cap, "ArrowLeft", 9, "at most 15"),
        (temperature, "Home", 1, "T = 1, proportional"),
        (draws, "PageUp", 1, None),
        (cap, "PageDown", 1, None),
        (gamma, "Home", 1, "0, natural"),
    ]
    for slider, key, times, text in moves:
        before = at(page)
        slider.focus()
        for _ in range(times):
            page.keyboard.press(key)
        assert_shown(page, census)
        assert at(page) != before
        said = slider.get_attribute("aria-valuetext")
        output = page.locator(f"output[for='{slider.get_attribute('id')}']")
        assert output.inner_text() == said
        assert text in (None, said)
    page.get_by_role("button", name="Back to the start").click()
    assert at(page) == (None, 0.5, None, 40_000)
    assert_shown(page, census)


def test_a_plan_that_cannot_be_is_refused_in_words_and_has_nothing_to_copy(planner):
    census = SMALL
    page = planner(Plan.build(census, rates="proportional", weights="natural", draws=2000))
    for name, key in (("Task temperature T", "End"), ("Cap on passes", "Home")):
        page.get_by_role("slider", name=name).press(key)
    cells(page, "labels")
    with pytest.raises(PlanError) as refusal:
        built(census, *at(page))
    messages = page.locator("#planner-errors li").all_inner_texts()
    assert messages[0] == f"Error. {refusal.value}".replace("`", "")  # what is between them is set as code
    code = page.locator("#planner-errors li").first.locator("code").all_inner_texts()
    assert code == QUOTED.findall(str(refusal.value))
    assert len(messages) == 3  # "open", "single" and "tiny"
    assert not page.locator("#planner-result").is_visible()
    page.locator("#planner-summary").get_by_text("This plan is refused").wait_for()
    page.get_by_role("slider", name="Cap on passes").press("End")
    page.locator("#planner-summary").get_by_text("training rows").wait_for()
    assert page.locator("#planner-errors li").count() == 3  # seen more than 100 times over
    assert page.locator("#planner-result").is_visible()


def test_the_configuration_and_the_command_give_the_plan_that_is_shown(planner, tmp_path):
    from typer.testing import CliRunner

    from equipoise.cli import app

    counts = {"mood": {"glad": 90, "sad": 30}, "topic": {"a": 40, "b": 8}}
    census, source = Census.from_counts(counts), tmp_path / "rows.jsonl"
    lines = [
        json.dumps({"task": task, "input": f"{label} {i}", "target": label, "split": "train"})
        for task, labels in counts.items()
        for label, n in labels.items()
        for i in range(n)
    ]
    source.write_text("\n".join(lines), encoding="utf-8")
    page = planner(Plan.build(census, Temperature(2), Power(0.5), draws=168, max_passes=4))
    for name, keys in (
        ("Task", ["Home", "ArrowRight", "End"]),
        ("Class", ["Home", "End", "ArrowLeft"]),
        ("Cap", ["End"]),
    ):
        for key in ["", *keys]:
            if key:
                page.get_by_role("slider", name=name).press(key)
                cells(page, "labels")
            expected = built(census, *at(page))
            given = yaml.safe_load(page.locator("#planner-config").text_content())
            plan = make_config({"data": {"source": str(source)}, **given}).plan
            again = Plan.build(census, plan.rates, plan.weights, max_passes=plan.max_passes, draws=plan.draws)
            np.testing.assert_allclose(again.probabilities, expected.probabilities, rtol=1e-12)
            assert again.draws == expected.draws
            program, command, config, *options = shlex.split(page.locator("#planner-command").text_content())
            assert (program, command, config) == ("equipoise", "plan", "CONFIG.yaml")
            result = CliRunner().invoke(app, ["plan", str(source), *options, "--json"])
            assert json.loads(result.stdout)["fingerprint"] == again.fingerprint


@pytest.mark.parametrize(
    ("rates", "weights", "max_passes", "draws"),
    [
        (Equal(), Power(0.5), None, None),
        (Proportional(), Natural(), None, 777),
        (Temperature(3), Power(0.37), 4, 4100),
        (Equal(), Balanced(), 17, 90),
    ],
)
def test_it_starts_at_the_plan_and_says_so(planner, rates, weights, max_passes, draws):
    census = Census.from_counts({"mood": {"glad": 900, "sad": 100, "odd": 9}, "topic": 500})
    plan = Plan.build(census, rates, weights, max_passes=max_passes, draws=draws)
    page = planner(plan)
    assert page.get_by_text("The sliders start at the plan of this report: rates").is_visible()
    again = built(census, *at(page))
    np.testing.assert_allclose(again.probabilities, plan.probabilities, rtol=1e-12)
    assert again.draws == (draws or census.total)
    assert_shown(page, census)


def test_a_plan_that_no_slider_shows_is_named(planner):
    census = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 500})
    page = planner(Plan.build(census, UniMax(2), Power(0.5), draws=640))
    assert page.get_by_text(
        "These sliders cannot show the plan of this report (rates UniMax(max_passes=2)"
    ).is_visible()
    assert at(page) == (None, 0.5, None, 640)


def test_copying(planner):
    page = planner(Plan.build(ONE, rates="proportional", weights="natural", draws=100))
    page.get_by_role("button", name="Copy: For the configuration").press("Enter")
    page.get_by_text("Copied.").wait_for()
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == "plan:\n  rates: proportional\n  weights: natural\n  draws: 100\n"
    )
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy: On the command line").click()
    page.get_by_text("Selected: copy it with Ctrl+C").wait_for()
    assert page.evaluate("String(getSelection())").strip() == page.locator("#planner-command").inner_text()


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!-- ]]>",
    "\"'&amp;<b>x</b>",
    "a\u2028b",
]


def test_texts_of_the_data_stay_texts(planner):
    image = "<img src=x onerror=alert(3)>"
    census = Census.from_counts({image: dict.fromkeys(HOSTILE, 1000), "{{ 7 * 7 }}": 3})
    page = planner(
        Plan.build(census, rates="proportional", weights="natural", draws=120_000)
    )  # 24 passes: every name stands in a warning too
    cells(page, "labels")
    page.locator("#planner-warned summary").click()
    assert page.locator("#planner-warned-said").inner_text() == "Labels to look at: 6 seen more than 20 times over"
    found = page.locator("#planner-labels tbody th").evaluate_all("(all) => all.map((each) => each.firstChild.data)")
    assert sorted(found) == sorted([*HOSTILE, "open-ended"])
    assert page.locator("#planner-tasks tbody th").first.text_content() == image
    assert page.locator("#planner-task option").all_text_contents() == ["all tasks", image, "{{ 7 * 7 }}"]
    assert image in page.locator("#planner-warnings").inner_text()
    assert page.locator(".planner script").count() == 2
    assert page.locator(".planner b:not(#planner-errors b), .planner img").count() == 0


def test_many_labels_are_cut_in_the_order_that_is_chosen(planner):
    long_tail = {f"label {i:05}": max(1, 100_000 // (i + 1)) for i in range(10_000)}
    census = Census.from_counts({"tail": long_tail, "topic": {"a": 3, "b": 5}})
    page = planner(Plan.build(census, Equal(), Power(0.5), draws=50_000))
    rows = cells(page, "labels")
    assert len(rows) == MOST_ROWS
    assert page.get_by_text("Shown: 200 of 10,002 labels. The 9,802 left out have").is_visible()
    page.get_by_label("Order").select_option("most passes first")
    assert [name for name, *_ in cells(page, "labels")[:2]] == ["a topic", "b topic"]
    page.get_by_label("Order").select_option("fewest rows first")
    names = [name for name, *_ in cells(page, "labels")[:3]]
    assert names == ["a topic", "b topic", "label 09090 tail"]  # the first of those with 10 rows
    page.get_by_label("Labels of").select_option("topic")
    assert [name for name, *_ in cells(page, "labels")] == ["a", "b"]
    assert page.locator("#planner-labels-left").text_content() == ""
    page.get_by_label("Labels of").select_option("all tasks")
    slider = page.get_by_role("slider", name="Class")
    slider.press("Home")
    took = page.evaluate(
        """async () => {
          const slider = document.getElementById("planner-gamma"), took = [];
          for (let at = 1; at <= 10; at++) {
            const begun = performance.now();
            slider.value = at;
            slider.dispatchEvent(new Event("input"));
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            took.push(performance.now() - begun);
          }
          return Math.min(...took); // others may keep the machine busy meanwhile
        }"""
    )
    assert took < 1000  # milliseconds a move; it takes about 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_every_control_has_a_name(planner, width, scheme):
    page = planner(Plan.build(SUITE, rates="proportional", weights="natural", draws=40_000), width=width, scheme=scheme)
    cells(page, "labels")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    scrolled = page.locator(".planner .scroll").evaluate_all("(all) => all.map((e) => e.scrollWidth - e.clientWidth)")
    assert scrolled == [0, 0]
    name = page.get_by_role("rowheader", name="psoriasis dermatology").bounding_box()
    assert name["width"] > 340 if width == 390 else name["height"] < 50  # on a phone it has a line of its own
    roles = [("slider", name) for name in SLIDERS]
    roles += [("combobox", "Labels of"), ("combobox", "Order"), ("button", "Copy: On the command line")]
    roles += [("table", "Labels, as this plan would draw them"), ("rowheader", "psoriasis dermatology")]
    for role, name in roles:
        assert page.get_by_role(role, name=name).count() == 1, (role, name)
    ink, ground = page.evaluate(
        "[getComputedStyle(document.querySelector('.planner output')).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    light, dark = max(_sum_of(ink), _sum_of(ground)), min(_sum_of(ink), _sum_of(ground))
    assert light - dark > 450
    assert (light == _sum_of(ground)) == (scheme == "light")


def _sum_of(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def test_on_paper_the_tables_stand_without_controls(planner):
    page = planner(Plan.build(ONE, Equal(), Power(0.5), draws=900))
    page.emulate_media(media="print")
    assert page.locator(".planner").get_by_role("slider").count() == 0
    assert page.locator(".planner").get_by_role("button").count() == 0
    assert page.get_by_text("0.5, square root").is_visible()
    assert page.locator("#planner-labels").is_visible()
    assert page.locator("#planner-config").is_visible()


def test_without_a_script_it_says_where_else_to_look(planner):
    page = planner(Plan.build(ONE, rates="proportional", weights="natural", draws=900), java_script=False)
    assert page.get_by_text("The sliders need JavaScript.").is_visible()
    assert page.get_by_role("slider").count() == 0

"""The report of a comparison in a real browser: on a desk, on a phone, on paper, with and without scripts."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.support import comparisons as made

from equipoise.compare.report import write_report

pytestmark = pytest.mark.slow

TABLE = "table[data-views]"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(made.write_comparison(tmp_path_factory.mktemp("clinic") / "comparison", seeds=(0, 1, 2)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return write_report(made.write_comparison(tmp_path_factory.mktemp("hostile") / "c", made.HOSTILE, seeds=(0,)))


def column(page, place):
    """The cells of a column of the candidates' table that can be seen, without their small letters."""
    cells = page.locator(f"{TABLE} tbody:not([hidden]) tr:not(.view) > :nth-child({place})")
    return [text.split("\n")[0] for text in cells.all_inner_texts()]


def numbers(texts):
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts if text != "n/a"]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_holds_question_and_answer(browser_page, report, width, height, scheme):
    page = browser_page(report, width=width, height=height, scheme=scheme)
    for selector in ("h1", ".choice", ".answer", "#verdict"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    if width > 390:  # on a phone, the reasons for the verdict come first
        commands = page.locator("header pre").bounding_box()
        assert commands["y"] + commands["height"] <= height


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_barrier(browser_page, report, width, scheme):
    page = browser_page(report, width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", ["report", "hostile"])
def test_nothing_makes_a_phone_scroll_sideways(browser_page, request, name):
    page = browser_page(request.getfixturevalue(name), width=390, height=844)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1280, 390])
def test_every_picture_has_a_size_and_says_what_it_shows(browser_page, report, width):
    page = browser_page(report, width=width)
    pictures = page.locator("figure svg")
    assert pictures.count() == 13
    for picture in pictures.all():
        box = picture.bounding_box()
        assert box["width"] > 250
        assert box["height"] > 60
        assert len(picture.get_attribute("aria-label")) > 10
        assert picture.get_attribute("role") == "img"


def test_pictures_take_the_colours_of_the_scheme(browser_page, report):
    inks = []
    for scheme in ("light", "dark"):
        page = browser_page(report, scheme=scheme)
        inks.append(page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill"))
        assert page.evaluate("getComputedStyle(document.body).color") in inks
    assert inks[0] != inks[1]


def test_a_head_sorts_by_mouse_up_and_down_and_what_was_not_measured_stays_last(browser_page, report):
    page = browser_page(report)
    head = page.locator(f"{TABLE} th", has_text="test: macro-F1")
    assert head.get_attribute("aria-sort") == "none"
    for direction, factor in (("ascending", 1), ("descending", -1)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        found = column(page, 5)
        assert numbers(found) == sorted(numbers(found), key=lambda value, factor=factor: factor * value)
        assert found[-6:] == ["n/a"] * 6
        assert len(set(numbers(found))) > 2
    page.locator(f"{TABLE} th", has_text="candidate").get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "none"
    names = column(page, 1)
    assert names[0] == "balanced"
    assert names == sorted(names, key=str.casefold)


def test_a_head_sorts_by_keyboard_and_says_so(browser_page, report):
    page = browser_page(report)
    button = page.get_by_role("button", name="changes")
    button.focus()
    page.keyboard.press("Enter")
    assert numbers(column(page, 2)) == sorted(numbers(column(page, 2)))
    page.keyboard.press("Space")
    assert numbers(column(page, 2)) == sorted(numbers(column(page, 2)), reverse=True)
    assert page.get_by_role("status").filter(has_text="Sorted by changes, falling").count() == 1
    page.keyboard.press("Tab")
    assert "stage 1" in page.evaluate("document.activeElement.textContent")


def test_the_select_shows_the_scores_of_a_task(browser_page, report):
    page = browser_page(report)
    mean = column(page, 5)
    choice = page.get_by_role("combobox", name="Test scores of")
    choice.select_option("thyroid")
    assert page.locator(f"{TABLE} tbody:not([hidden])").count() == 1
    assert column(page, 5) != mean
    stages = column(page, 4)
    choice.focus()
    page.keyboard.press("Home")
    assert column(page, 5) == mean
    assert column(page, 4) == stages
    # What is sorted under one choice is sorted under the others.
    page.locator(f"{TABLE} th", has_text="candidate").get_by_role("button").click()
    choice.select_option("skin")
    assert column(page, 1)[0] == "balanced"


def test_without_scripts_all_is_there_in_plain_tables(browser_page, report):
    page = browser_page(report, java_script=False)
    assert page.locator(f"{TABLE} tbody").count() == 4
    for body in page.locator(f"{TABLE} tbody").all():
        assert body.is_visible()
    assert page.locator(f"{TABLE} .view").all_inner_texts() == ["the mean over the tasks", "thyroid", "skin", "heart"]
    assert page.locator("th button").count() == 0
    assert not page.locator(".choose").is_visible()


def test_hostile_labels_are_seen_as_text(browser_page, hostile):
    page = browser_page(hostile)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    shown = page.inner_text("main")
    for text in (made.SCRIPT, made.FORMULA, made.PIPE, made.MARKS):
        assert text in shown
    assert made.SCRIPT in page.locator("figure svg").nth(1).inner_html().replace("&lt;", "<").replace("&gt;", ">")


def test_contents_lead_to_every_part(browser_page, report):
    page = browser_page(report)
    links = page.locator("nav a")
    assert links.count() == 15
    for link in links.all():
        target = page.locator(link.get_attribute("href"))
        assert target.locator("h2").first.inner_text() == link.inner_text()


def test_it_prints_everything_dark_on_white(browser_page, report):
    page = browser_page(report, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.locator("nav").is_visible()
    opened = page.evaluate(
        """() => {
            dispatchEvent(new Event("beforeprint"));
            const folds = [...document.querySelectorAll("details")];
            const open = folds.every((fold) => fold.open);
            dispatchEvent(new Event("afterprint"));
            return [folds.length > 5, open, folds.some((fold) => !fold.open)];
        }"""
    )
    assert opened == [True, True, True]
    printed = page.pdf()
    assert printed.startswith(b"%PDF")
    assert len(printed) > 50_000


def test_every_control_and_table_has_a_name(browser_page, report):
    page = browser_page(report)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("main select, main input, main button")].filter((control) =>
            !(control.labels && control.labels.length) && !control.textContent.trim()
            && !control.getAttribute("aria-label") && !control.getAttribute("aria-labelledby"))
            .map((control) => control.outerHTML)"""
    )
    assert unnamed == []
    bare = page.evaluate(
        "[...document.querySelectorAll('table')].filter((t) => !t.caption && !t.closest('[aria-label]')).length"
    )
    assert bare == 0
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1

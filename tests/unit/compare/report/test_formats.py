"""The three formats of a report: the same numbers, every text from data as text, nothing from elsewhere."""

import json
import re

import pytest
from tests.support.comparisons import FORMULA, MARKS, PIPE, SCRIPT, TWENTY, write_comparison
from tests.support.pages import Html, markdown_rows, markdown_tokens

from equipoise.compare.report import gather, write_report

KINDS = ("clinic", "one-seed", "hostile", "open", "mixed", "many", "one-task")


@pytest.fixture(scope="module")
def written(comparison_of):
    """The three texts of a kind of comparison."""
    found = {}

    def give(kind):
        if kind not in found:
            page = write_report(comparison_of(kind))
            assert page.name == "report.html"
            texts = [page.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".html", ".md", ".json")]
            found[kind] = (texts[0], texts[1], json.loads(texts[2]))
        return found[kind]

    return give


def rows_of(html):
    """The rows of the report's own tables; those of the planner are another's."""
    text = html[: html.index('<section id="part-15">')]
    return [row for row in Html(text).rows if len(row) > 1]


def bare(cell):
    """A cell without the brackets that Markdown puts around the small letters of the page."""
    return re.sub(r" \(((?:\N{MINUS SIGN}?\d|less is|baseline|recommended)[^()]*)\)$", r" \1", cell)


def shown(estimate, sign=""):
    """A number of the JSON as the page writes it."""
    if estimate["value"] is None:
        return "n/a"
    notes = [] if estimate["low"] is None else [f"{estimate['low']:.3f} to {estimate['high']:.3f}"]
    notes += [] if estimate["rows"] is None else [f"{estimate['rows']} rows"]
    number = " ".join([format(estimate["value"], f"{sign}.3f"), *([", ".join(notes)] if notes else [])])
    return number.replace("-", "\N{MINUS SIGN}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_page_and_markdown_have_the_same_tables(written, kind):
    html, markdown, _ = written(kind)
    on_page, in_text = ({tuple(map(bare, row)) for row in rows} for rows in (rows_of(html), markdown_rows(markdown)))
    assert len(on_page) > 20
    assert on_page == in_text


@pytest.mark.parametrize("kind", KINDS)
def test_page_and_json_have_the_same_numbers(written, kind):
    html, _, plain = written(kind)
    rows = {tuple(map(bare, row)) for row in rows_of(html)}
    candidates, scores = plain["candidates"], plain["scores"]
    notes = {candidates["baseline"]: " baseline", candidates["recommended"]: " recommended"}
    if candidates["baseline"] == candidates["recommended"]:
        notes[candidates["baseline"]] = " baseline, recommended"
    none = {"value": None, "low": None, "high": None, "rows": None}
    for row in candidates["rows"]:
        name = row["candidate"] + notes.get(row["candidate"], "").replace(
            "baseline recommended", "baseline, recommended"
        )
        for held in (row["mean"], *row["tasks"].values()):
            estimates = [*row["stages"], *(held.get(key, none) for key in candidates["metrics"])]
            assert (name, str(row["steps"]), *map(shown, estimates)) in rows
    for pair in scores["tasks"]:
        change = shown(pair["over_groups"], "+")
        assert (pair["task"], shown(pair["before"]), shown(pair["after"]), change) in rows
    for each in plain["census"]["labels"]:
        name = each["label"] or "(open-ended)"
        wanted = (each["task"], name, f"{each['train']:,}", f"{each['share']:.2%}", f"{each['test']:,}")
        assert tuple(" ".join(cell.split()) for cell in wanted) in rows
    for part in plain["confusion"]:
        for label, counts in zip(part["labels"], part["counts"], strict=True):
            if len(part["labels"]) <= 25:
                total = sum(counts)
                wanted = [f"{count / total:.0%}" if total else "n/a" for count in counts]
                assert (label, *wanted, f"{total:,}") in rows
    assert plain["answer"]["verdict"] in "".join(Html(html).texts)


def test_a_report_is_what_was_gathered(written, comparison_of):
    _, _, plain = written("clinic")
    assert plain == json.loads(json.dumps(gather(comparison_of("clinic")).to_dict(), allow_nan=False))


def test_texts_from_data_are_texts_on_the_page(written):
    html, _, _ = written("hostile")
    page = Html(html)
    shown = "".join(page.texts)
    for text in (SCRIPT, FORMULA, PIPE, MARKS):
        assert text in shown
    scripts = [given for tag, given in page.tags if tag == "script"]
    of_others = Html(written("clinic")[0])
    assert len(scripts) == len([tag for tag, _ in of_others.tags if tag == "script"])
    assert not [given for _, given in page.tags for name in given if name.startswith("on")]


def test_texts_from_data_are_texts_in_markdown(written):
    _, markdown, _ = written("hostile")
    inline = [token for token in markdown_tokens(markdown) if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children}
    # Backticks in a sentence mark code there, as on the page; in a cell they do not.
    assert not kinds & {"html_inline", "link_open", "s_open", "image"}
    assert not [token for token in markdown_tokens(markdown) if token.type == "html_block"]
    assert "$" not in "".join(line for line in markdown.splitlines() if "x^2" in line and line.startswith("|"))
    cells = {cell for row in markdown_rows(markdown) for cell in row}
    assert {SCRIPT, FORMULA, PIPE, MARKS} <= cells


def test_texts_from_data_are_themselves_in_json(written):
    _, _, plain = written("hostile")
    assert {each["label"] for each in plain["census"]["labels"]} == {SCRIPT, FORMULA, PIPE, MARKS, "no"}


@pytest.mark.parametrize("kind", ["clinic", "open"])
def test_nothing_is_loaded_from_elsewhere_and_ids_are_unique(written, kind):
    html, _, _ = written(kind)
    page = Html(html)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not {"link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert "@import" not in html
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_a_size_and_a_description_in_the_pages_colours(written, kind):
    html, _, _ = written(kind)
    pictures = [given for tag, given in Html(html).tags if tag == "svg" and "role" in given]
    assert len(pictures) >= 3
    for given in pictures:
        assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", given["viewbox"])
        assert len(given["aria-label"]) > 10
    assert not re.search(r"#0[1-6]0\d0\d", html)


def test_a_second_report_is_the_same_and_replaces_the_first(copy_of):
    directory = copy_of("open")
    first = {path.name: path.read_bytes() for path in (write_report(directory).parent).glob("report.*")}
    assert set(first) == {"report.html", "report.md", "report.json"}
    write_report(directory)
    assert first == {path.name: path.read_bytes() for path in directory.glob("report.*")}


@pytest.mark.slow
def test_the_page_of_twenty_tasks_leaves_room_below_two_megabytes_for_more_candidates(tmp_path):
    page = write_report(write_comparison(tmp_path / "comparison", TWENTY, seeds=(0, 1)))
    assert page.stat().st_size < 1.2e6  # of four candidates; benchmarks/report_size.py has all default ones

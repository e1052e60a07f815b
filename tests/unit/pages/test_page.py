"""The page: self-contained, escaped, and with a script only where a table asks for one."""

import re
from dataclasses import replace

import pytest
from tests.support.pages import Html, markdown_rows, markdown_tokens

from equipoise.base.problems import Problem
from equipoise.pages.figure import inline_svg
from equipoise.pages.markdown import text_of, to_markdown
from equipoise.pages.page import Card, Cell, Fold, Head, HtmlFigure, HtmlTable, Page, Section, View, breakable
from equipoise.pages.plots import census_plot, curves_plot, interval_plot, recall_plot

BAD = "<script>alert('$x$')</script>"


def page(*sections: Section) -> Page:
    cards = [Card(BAD, BAD, BAD, "first")]
    return Page(
        BAD,
        BAD,
        cards,
        BAD,
        BAD,
        sections,
        BAD,
        BAD,
        [(BAD, BAD)],
        choice=BAD,
        use=BAD,
        commands=BAD,
        facts=[(BAD, BAD)],
    )


def table(**options: object) -> HtmlTable:
    rows = [[Cell(BAD, BAD), Cell("0.5", number=0.5), Cell("n/a", shade=0.25)]]
    return HtmlTable(BAD, [Head(BAD), Head(BAD, "second"), Head(BAD, left=True)], rows, **options)


def full() -> Page:
    plot = interval_plot([BAD], {BAD: [(0.5, 0.25, 0.75)]}, BAD)
    views = [View(BAD, table().rows), View("other", table().rows)]
    return page(
        Section(BAD, [BAD], [HtmlFigure(inline_svg(plot, "one", BAD), BAD)], [table(total=table().rows[0])]),
        Section(BAD, problems=[Problem("warning", "bad", BAD)], tables=[table(folded=True, stacked=True)]),
        Section(BAD, folds=[Fold(BAD, [table(matrix=True), table(sortable=True, views=views, choice=BAD)])]),
    )


def test_every_text_is_escaped() -> None:
    html = full().to_html()
    of_data = html.split("<body>")[1].split("<script>\n")[0]  # the page's own script stands last
    assert "<script" not in of_data
    assert of_data.count("&lt;script&gt;alert") > 30
    assert not [name for _, given in Html(html).tags for name in given if name.startswith("on")]


@pytest.mark.parametrize("options", [{"sortable": True}, {"views": [View("a", table().rows)]}], ids=str)
@pytest.mark.parametrize("folded", [False, True])
def test_a_script_is_there_only_for_tables_that_need_it(options: dict[str, object], folded: bool) -> None:
    def with_table(held: HtmlTable) -> str:
        return page(Section("", folds=[Fold("", [held])]) if folded else Section("", tables=[held])).to_html()

    assert "<script" not in with_table(table())
    assert with_table(table(**options)).count("<script") == 1


def test_long_pages_have_contents() -> None:
    sections = [Section(f"part {place}") for place in range(5)]
    assert "<nav" not in page(*sections[:4]).to_html()
    assert 'href="#part-5">part 5' not in page(*sections).to_html()
    assert 'href="#part-5">part 4' in page(*sections).to_html()


def test_figures_take_the_colours_of_the_page() -> None:
    html = full().to_html()
    assert "var(--first)" in html
    assert not re.search(r"#0[1-6]0\d0\d", html)
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)


def test_markdown_shows_the_rows_of_every_table() -> None:
    rows = markdown_rows(to_markdown(full()))
    assert len(rows) == 2 + 1 + 2 + 2 + 2 * 2
    assert rows[1] == [f"{BAD} ({BAD})", "0.5", "n/a"]


@pytest.mark.parametrize(
    "text", ["a|b", "<b>", "&amp;", "*a*", "`a`", "_a_ b_c", "$x$", "~~a~~", "[a](b)", "\\|", "# a"]
)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    assert markdown_rows(f"| a |\n| --- |\n| {text_of(text)} |\n")[1] == [text]


@pytest.mark.parametrize("where", ["use", "facts", "texts", "problems"])
def test_code_in_a_text_is_code_in_markdown(where: str) -> None:
    text = "consider `--set a_b=<1>|2`, not <b> or *c*: ``data` "
    sections = [Section("", [text], problems=[Problem("note", "code", text)])]
    given = Page("", "", [], "", "", sections, "", "", use=text, commands="x", facts=[("", text)])
    children = [token.children for token in markdown_tokens(to_markdown(given)) if token.children]
    shown = [inline for inline in children if any(child.type == "code_inline" for child in inline)]
    place = ["use", "facts", "texts", "problems"].index(where)
    assert [child.content for child in shown[place] if child.type == "code_inline"] == ["--set a_b=<1>|2", "data"]
    assert "".join(child.content for child in shown[place]).endswith(", not <b> or *c*: `data")


def test_code_in_markdown_ends_where_it_should() -> None:
    given = Page("", "", [], "", "", [], "echo ```` |", "", [("x", "```\nno: end")])
    lines = to_markdown(given).splitlines()
    assert lines[lines.index("echo ```` |") + 1] == "`````"
    assert lines[-1] == "````"


def test_names_may_be_broken_after_underscores() -> None:
    assert breakable("a_<b>") == "a_<wbr>&lt;b&gt;"


def test_ticks_of_the_census_are_whole_numbers() -> None:
    figure = census_plot(["a", "b"], [20_000, 3])
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert {"1", "100", "10,000"} <= set(ticks)
    assert not [text for text in ticks if "$" in text]


def test_few_powers_of_ten_have_ticks_between_them() -> None:
    figure = recall_plot({"one": ([30, 40, 200], [0.1, 0.2, 0.3])})
    figure.canvas.draw()
    axes = figure.axes[0]
    ticks = [tick.get_text() for tick in (*axes.get_xticklabels(), *axes.get_xticklabels(minor=True))]
    assert {"50", "100", "200"} <= set(ticks)
    assert not [text for text in ticks if "$" in text]


def test_single_curves_stand_beside_their_mean() -> None:
    single = {"one": [[3.0, 1.0], [1.0, 1.0]]}
    axes = curves_plot({"one": ([1, 2], [2.0, 1.0])}, "loss", single).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3.0, 1.0], [1.0, 1.0], [2.0, 1.0]]


def test_letters_that_matplotlib_cannot_draw_are_left_to_the_browser() -> None:
    plot = interval_plot(["心臓"], {"arm": [(0.5, 0.25, 0.75)]}, "score")
    assert "心臓" in inline_svg(plot, "one", "picture")


def test_controls_and_direction_marks_of_data_are_escaped_in_both_forms() -> None:
    text = "a\x1b[31m\x07\u202eb"
    cells = HtmlTable(text, [Head(text)], [[Cell(text, note=text)]], choice=text)
    given = replace(
        page(), title=text, question=text, verdict=f"`{text}` {text}", files=[(text, text)], facts=[(text, text)],
        sections=[Section(text, texts=[f"`{text}` {text}"], tables=[cells])], commands=text, choice=text, reason=text,
    )  # fmt: skip
    for shown in (given.to_html(), to_markdown(given)):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert r"\x1b" in shown

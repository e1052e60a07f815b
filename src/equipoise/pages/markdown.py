"""A page as Markdown: the same texts and tables; strings from data are escaped for every renderer."""

import re
from collections.abc import Sequence

from equipoise.pages.page import Cell, HtmlTable, Page, Section

# Entities where renderers disagree about the backslash: in HTML, in tables and in formulas.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;"}
_MARKS = re.compile(r"[\\`*\[\]~]|(?<![^\W_])_|_(?![^\W_])")


def to_markdown(page: Page) -> str:
    """Return a page as Markdown (CommonMark with tables)."""
    lines = [f"# {text_of(page.title)}", "", text_of(page.question), ""]
    lines += [f"**{text_of(page.choice)}**", ""] if page.choice else []
    lines += [f"- {text_of(card.name)}: **{text_of(card.value)}**{_note(card.note)}" for card in page.answer]
    lines += ["", f"**{text_of(page.verdict)}**", "", text_of(page.meaning), ""]
    lines += [text_of(page.use), "", *_code(page.commands, "sh")] if page.commands else []
    lines += [f"- {text_of(name)}: {text_of(value)}" for name, value in page.facts]
    for section in page.sections:
        lines += ["", *_section(section)]
    lines += ["", "## Run it again", "", *_code(page.command, "sh")]
    for name, text in page.files:
        lines += ["", f"{text_of(name)}:", "", *_code(text)]
    return "\n".join(lines) + "\n"


def text_of(text: str) -> str:
    r"""Escape a string so that every renderer shows it unchanged, in one line.

    Examples
    --------
    >>> print(text_of("<b> a|b $x^2$ *c* heart_attack _d_"))
    &lt;b&gt; a&#124;b &#36;x^2&#36; \*c\* heart_attack \_d\_
    """
    marked = _MARKS.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    return "".join(_ENTITIES.get(letter, letter) for letter in marked)


def _note(note: str) -> str:
    return f" ({text_of(note)})" if note else ""


def _code(text: str, language: str = "") -> list[str]:
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text.rstrip("\n"), fence]


def _section(section: Section) -> list[str]:
    lines = [f"## {text_of(section.title)}", ""]
    for text in section.texts:
        lines += [text_of(text), ""]
    lines += [f"- **{problem.level.capitalize()}.** {text_of(problem.message)}" for problem in section.problems]
    lines += [""] if section.problems else []
    for figure in section.figures:
        lines += [f"*Figure in report.html: {text_of(figure.caption)}*", ""]
    tables = [*section.tables, *(table for fold in section.folds for table in fold.tables)]
    for table in tables:
        lines += _table(table)
    return lines


def _table(table: HtmlTable) -> list[str]:
    lines: list[str] = []
    for view in table.views:
        caption = f"{table.caption} ({table.choice} {view.name})"
        lines += [text_of(caption), "", *_rows(table, view.rows)]
    return lines or [text_of(table.caption), "", *_rows(table, [*table.rows, *([table.total] if table.total else [])])]


def _rows(table: HtmlTable, rows: Sequence[Sequence[Cell]]) -> list[str]:
    heads = "| " + " | ".join(text_of(head.text) for head in table.heads) + " |"
    rule = "| --- |" + " ---: |" * (len(table.heads) - 1)
    body = ["| " + " | ".join(text_of(cell.text) + _note(cell.note) for cell in row) + " |" for row in rows]
    return [heads, rule, *body, ""]

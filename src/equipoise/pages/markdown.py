"""A page as Markdown: the same texts and tables; strings from data are escaped for every renderer."""

import re

from markupsafe import Markup

from equipoise.errors import printable, printable_line
from equipoise.pages.page import CODE, Page, render

# Entities where renderers disagree about the backslash: in HTML, in tables and in formulas.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;"}
_MARKS = re.compile(r"[\\`*\[\]~]|(?<![^\W_])_|_(?![^\W_])")


def to_markdown(page: Page) -> str:
    """Return a page as Markdown (CommonMark with tables)."""
    return render("page.md.j2", _markdown, marked_text, page=page, code=_code)


def _markdown(value: str) -> Markup:
    return value if isinstance(value, Markup) else Markup(text_of(value))  # noqa: S704 (just escaped)


def text_of(text: str) -> str:
    r"""Escape a string so that every renderer shows it unchanged, in one line.

    Examples
    --------
    >>> print(text_of("<b> a|b $x^2$ *c* heart_attack _d_"))
    &lt;b&gt; a&#124;b &#36;x^2&#36; \*c\* heart_attack \_d\_
    """
    return _escape(" ".join(text.split()))


def _escape(text: str) -> str:
    escaped = _MARKS.sub(lambda found: f"\\{found[0]}", printable_line(text))
    return "".join(_ENTITIES.get(letter, letter) for letter in escaped)


def marked_text(text: str) -> Markup:
    r"""Escape a string outside of tables, and leave what is between backticks as code.

    Examples
    --------
    >>> print(marked_text("consider `--max-passes 4`, not <b> or *c*"))
    consider `--max-passes 4`, not &lt;b&gt; or \*c\*
    """
    parts = CODE.split(" ".join(text.split()))  # every other one is code
    return Markup("".join(f"`{printable_line(part)}`" if i % 2 else _escape(part) for i, part in enumerate(parts)))  # noqa: S704


def _code(text: str, language: str = "") -> Markup:
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup("\n".join([f"{fence}{language}", printable(text.rstrip("\n")), fence]))  # noqa: S704 (code is shown as it is)

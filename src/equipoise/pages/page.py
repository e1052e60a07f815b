"""A page: one self-contained HTML file, every string escaped, no network, scripts only where a table needs them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from equipoise.base.problems import Problem
from equipoise.errors import printable

CODE = re.compile("`([^`\n]+)`")


@dataclass(frozen=True)
class Card:
    """One number of the answer, with its name and a note; `tone` is the CSS class of its colour."""

    name: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell of a table, with a note in small letters, for example an interval.

    `number` is the sort key, by default the text; `shade`, from 0 to 1, the darkness of the background.
    """

    text: str
    note: str = ""
    number: float | None = None
    shade: float | None = None


@dataclass(frozen=True)
class Head:
    """The head of a column; `tone` is the CSS class of its colour; a `left` column has names, not numbers."""

    text: str
    tone: str = ""
    left: bool = False


@dataclass(frozen=True)
class View:
    """The rows of a table for one choice, for example of a task."""

    name: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class HtmlTable:
    """A table; a `folded` one opens on a click, a `stacked` one puts a row's name above its values on a phone.

    The heads of a `matrix` are longer than its numbers: they are broken into lines.

    A table with `views` has one group of rows for each, and a select element that shows one of them; a `sortable` one
    is sorted by its heads. Without scripts all views are shown, one below the other.
    """

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]] = ()
    total: Sequence[Cell] = ()
    folded: bool = False
    stacked: bool = False
    matrix: bool = False
    sortable: bool = False
    views: Sequence[View] = ()
    choice: str = ""
    """The label of the select element, for example "Scores of"."""


@dataclass(frozen=True)
class HtmlFigure:
    """An SVG element that `inline_svg` returned, and its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Fold:
    """Tables that open together on a click, side by side if they fit."""

    summary: str
    tables: Sequence[HtmlTable]
    open: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading: texts, problems, figures side by side, tables, folds, and ready HTML."""

    title: str
    texts: Sequence[str] = ()
    figures: Sequence[HtmlFigure] = ()
    tables: Sequence[HtmlTable] = ()
    problems: Sequence[Problem] = ()
    folds: Sequence[Fold] = ()
    fragment: Markup | None = None

    @property
    def all_tables(self) -> list[HtmlTable]:
        """Its tables and those of its folds."""
        return [*self.tables, *(table for fold in self.folds for table in fold.tables)]


@dataclass(frozen=True)
class Page:
    """A whole page: the question, the answer, then the sections with the evidence; `details` is the title of `files`.

    `choice` is the recommendation, in bold above the numbers; `reason` follows the verdict; `use` introduces the
    `commands` that follow it; `facts` are names and values of the question.
    """

    title: str
    question: str
    answer: Sequence[Card]
    verdict: str
    meaning: str
    sections: Sequence[Section]
    command: str
    details: str
    files: Sequence[tuple[str, str]] = ()
    choice: str = ""
    reason: str = ""
    use: str = ""
    commands: str = ""
    facts: Sequence[tuple[str, str]] = ()

    @property
    def scripted(self) -> bool:
        """Whether a table is sortable or has views."""
        return any(table.sortable or table.views for section in self.sections for table in section.all_tables)

    def to_html(self) -> str:
        """Return the page as HTML."""
        return render("page.html.j2", page=self)


def _shown(value: Any) -> Any:
    """Escape what would control a terminal or reorder text; a page may be read in either."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def marked(text: str) -> Markup:
    """Escape a string, and set what is between backticks as code.

    Examples
    --------
    >>> print(marked("consider `--max-passes 4`, not <b>"))
    consider <code>--max-passes 4</code>, not &lt;b&gt;
    """
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704 (escaped before)


def render(
    template: str,
    finalize: Callable[[Any], Any] = _shown,
    mark: Callable[[str], Markup] = marked,
    **values: Any,
) -> str:
    """Render a template of this package; every string is escaped, for HTML or else by `finalize` and `mark`."""
    environment = Environment(
        loader=PackageLoader("equipoise.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters["breakable"] = breakable
    environment.filters["marked"] = mark
    return environment.get_template(template).render(**values)


def breakable(text: str) -> Markup:
    """Escape a string, and allow line breaks after underscores.

    Examples
    --------
    >>> print(breakable("<b> heart_attack"))
    &lt;b&gt; heart_<wbr>attack
    """
    return Markup("_<wbr>").join(printable(text).split("_"))

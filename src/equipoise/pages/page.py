"""Render a page: one self-contained HTML file, every text escaped, no network; scripts only where a table asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@dataclass(frozen=True)
class Card:
    """One number of the answer, its name above and a note below; `tone` is its colour's class."""

    name: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Cell:
    """What one cell of a table says, and in small letters its note, e.g. an interval.

    `number` is what the cell is sorted by, if not its text; `shade`, from 0 to 1, how dark its ground is.
    """

    text: str
    note: str = ""
    number: float | None = None
    shade: float | None = None


@dataclass(frozen=True)
class Head:
    """The head of a column; `tone` is its colour's class; a `left` column holds names, not numbers."""

    text: str
    tone: str = ""
    left: bool = False


@dataclass(frozen=True)
class View:
    """The rows of a table as they are under one choice, for instance of a task."""

    name: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class HtmlTable:
    """A table; `folded` ones open on a click, `stacked` ones put a row's name above its values on a phone.

    The heads of a `matrix` are long beside its numbers: they are broken into lines.

    A table of `views` has one group of rows for each, and a select that shows one of them; a `sortable` one is
    sorted by its heads. Without a script all views are there, one below the other, as they are.
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
    """What the select chooses, e.g. "Scores of"."""


@dataclass(frozen=True)
class HtmlFigure:
    """An SVG element as `inline_svg` gives it, and its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Notice:
    """Something to know of; `level` is "warning" or "note"."""

    level: str
    text: str


@dataclass(frozen=True)
class Fold:
    """Tables that open together on a click, side by side where there is room."""

    summary: str
    tables: Sequence[HtmlTable]
    open: bool = False


@dataclass(frozen=True)
class Section:
    """A headed part of the page: texts, notices, figures side by side, tables, folds, and a ready fragment."""

    title: str
    texts: Sequence[str] = ()
    figures: Sequence[HtmlFigure] = ()
    tables: Sequence[HtmlTable] = ()
    notices: Sequence[Notice] = ()
    folds: Sequence[Fold] = ()
    fragment: Markup | None = None


@dataclass(frozen=True)
class Page:
    """A whole page: what was asked, the answer, then the sections that bear it out; `details` names the files.

    `choice` is what was chosen, in bold above the numbers; `use` says how to use it, `commands` with what; `facts`
    are names and values of what was asked.
    """

    title: str
    question: str
    answer: Sequence[Card]
    verdict: str
    meaning: str
    sections: Sequence[Section]
    command: str
    details: str
    files: Sequence[tuple[str, str]] = field(default_factory=tuple)
    choice: str = ""
    use: str = ""
    commands: str = ""
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)

    @property
    def scripted(self) -> bool:
        """Whether a table is to be sorted or has views."""
        tables = [
            table
            for section in self.sections
            for table in (*section.tables, *(each for fold in section.folds for each in fold.tables))
        ]
        return any(table.sortable or table.views for table in tables)

    def to_html(self) -> str:
        """Give the page as HTML."""
        loader = PackageLoader("equipoise.report")
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["breakable"] = breakable
        return environment.get_template("page.html.j2").render(page=self)


def breakable(text: str) -> Markup:
    """Escape a text, and let it be broken after an underscore.

    Examples
    --------
    >>> print(breakable("<b> heart_attack"))
    &lt;b&gt; heart_<wbr>attack
    """
    return Markup("_<wbr>").join(text.split("_"))

"""Render a page: one self-contained HTML file, every text escaped, no script and no network."""

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
    """What one cell of a table says, and in small letters its note, e.g. an interval."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a column; `tone` is its colour's class."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class HtmlTable:
    """A table; `folded` ones open on a click, `stacked` ones put a row's name above its values on a phone."""

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    folded: bool = False
    stacked: bool = False


@dataclass(frozen=True)
class HtmlFigure:
    """An SVG element as `inline_svg` gives it, and its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """A headed part of the page: texts, then figures side by side, then tables."""

    title: str
    texts: Sequence[str] = ()
    figures: Sequence[HtmlFigure] = ()
    tables: Sequence[HtmlTable] = ()


@dataclass(frozen=True)
class Page:
    """A whole page: what was asked, the answer, then the sections that bear it out; `details` names the files."""

    title: str
    question: str
    answer: Sequence[Card]
    verdict: str
    meaning: str
    sections: Sequence[Section]
    command: str
    details: str
    files: Sequence[tuple[str, str]] = field(default_factory=tuple)

    def to_html(self) -> str:
        """Give the page as HTML."""
        loader = PackageLoader("equipoise.report")
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return environment.get_template("page.html.j2").render(**fields)

"""Make matplotlib figures that follow the page (its fonts, its colours in light and in dark) or stand alone."""

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from equipoise.base.files import write_atomically


@dataclass(frozen=True)
class Palette:
    """The colours of a figure."""

    ink: str
    faint: str
    line: str
    first: str
    second: str
    third: str


PRINTED = Palette("#1b1f24", "#57606a", "#d8dee4", "#b35900", "#0a63c9", "#6e7781")
# Sentinels, each replaced in the SVG by a CSS variable of the page: one figure, legible on white and on black.
THEMED = Palette("#010101", "#020202", "#030303", "#040404", "#050505", "#060606")
_VARIABLES = ("--ink", "--faint", "--line", "--first", "--second", "--third")


def _style(palette: Palette) -> dict[Any, Any]:
    return {
        "svg.fonttype": "none" if palette is THEMED else "path",  # on a page, text stays text in its font
        "font.family": "sans-serif",
        "font.size": 10.0,
        "text.color": palette.ink,
        "text.parse_math": False,  # a label may hold a dollar sign
        "axes.labelcolor": palette.faint,
        "axes.edgecolor": palette.line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": palette.line,
        "grid.linewidth": 0.6,
        "xtick.color": palette.line,
        "ytick.color": palette.line,
        "xtick.minor.size": 0.0,
        "xtick.labelcolor": palette.ink,
        "ytick.labelcolor": palette.ink,
        "legend.frameon": False,
        "legend.fontsize": 10.0,
    }


@contextmanager
def drawing(width: float, height: float, palette: Palette = THEMED) -> Generator[tuple[Figure, Any]]:
    """Give an empty figure of a size in inches and its axes, to draw on in the style of a palette."""
    with mpl.rc_context(_style(palette)):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """Give a figure drawn in the `THEMED` palette as an SVG element for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        Made part of every id, so that ids of several figures on one page differ.
    description : str
        What the figure shows, for those who cannot see it.

    Returns
    -------
    Markup
        The element, in the page's colours and as wide as its place allows.
    """
    stream = io.StringIO()
    with mpl.rc_context({**_style(THEMED), "svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: the reader's browser has the glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    # SVG text would otherwise ask for matplotlib's font by name; the page's own is meant.
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, variable in zip(astuple(THEMED), _VARIABLES, strict=True):
        text = text.replace(colour, f"var({variable})")
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' {box[0]} role="img" aria-label="{escape(description)}"'
    )
    return Markup(re.sub(r"<svg\b[^>]*", lambda _: head, text, count=1))  # noqa: S704 (matplotlib escapes texts)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure drawn in the `PRINTED` palette; the suffix says in which format."""
    with mpl.rc_context(_style(PRINTED)), write_atomically(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), facecolor="white", dpi=160)

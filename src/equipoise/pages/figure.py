"""Matplotlib figures for a page, in its fonts and its colours in light and dark mode, or as files."""

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from equipoise.base.files import write_atomically
from equipoise.base.plots import PRINTED, Palette, style

# Sentinels, each replaced in the SVG by a CSS variable of the page: one figure, legible on white and on black.
THEMED = Palette("#010101", "#020202", "#030303", "#040404", "#050505", "#060606")
_TAG = re.compile(r"<[a-zA-Z][^>]*>")  # what is from data is text between tags, and stays
_COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"')
_LONG = re.compile(r"-?\d+\.\d{3,}")
_VARIABLES = ("--ink", "--faint", "--line", "--first", "--second", "--third")


@contextmanager
def drawing(width: float, height: float, palette: Palette = THEMED) -> Generator[tuple[Figure, Any]]:
    """Yield an empty figure of a size in inches and its axes, in the style of a palette."""
    with mpl.rc_context(style(palette)):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """Return a figure drawn in the `THEMED` palette as an SVG element for a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        Part of every id, so that the ids of all figures on a page differ.
    description : str
        Text alternative of the figure.

    Returns
    -------
    Markup
        The element, in the page's colours and as wide as its container.
    """
    stream = io.StringIO()
    with mpl.rc_context({**style(THEMED), "svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        # The browser renders the text and has the glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = _TAG.sub(lambda tag: _of_page(tag[0], name), re.sub(r"\n +", "\n", text))
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' {box[0]} role="img" aria-label="{escape(description)}"'
    )
    return Markup(re.sub(r"<svg\b[^>]*", lambda _: head, text, count=1))  # noqa: S704 (matplotlib escapes texts)


def _of_page(tag: str, name: str) -> str:
    """Return a tag of matplotlib's SVG with ids that begin with `name`, in the fonts and the colours of the page.

    Left out is what only takes room: ids of groups, to which nothing refers, and most of the six decimals.
    """
    tag = re.sub(r' id="[^"]*"', "" if tag.startswith("<g ") else lambda found: f' id="{name}-{found[0][5:]}', tag)
    tag = re.sub(r'(url\(|href=")#', rf"\1#{name}-", tag)
    # Matplotlib asks for its own font by name: earlier versions in one declaration, later ones in one of their own.
    tag = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", tag)
    tag = re.sub(r"font-family: [^;\"]*; ?", "", tag)
    for colour, variable in zip(astuple(THEMED), _VARIABLES, strict=True):
        tag = tag.replace(colour, f"var({variable})")
    return _COORDINATES.sub(lambda found: _LONG.sub(lambda number: f"{float(number[0]):.2f}", found[0]), tag)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure drawn in the `PRINTED` palette; the suffix is the format."""
    with mpl.rc_context(style(PRINTED)), write_atomically(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), facecolor="white", dpi=160)

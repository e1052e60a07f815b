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
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    # Otherwise SVG text would ask for matplotlib's font by name instead of the page's font.
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
    """Write a figure drawn in the `PRINTED` palette; the suffix is the format."""
    with mpl.rc_context(style(PRINTED)), write_atomically(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), facecolor="white", dpi=160)

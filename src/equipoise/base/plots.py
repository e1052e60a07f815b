"""Pictures on matplotlib axes, in the colours of the reports; matplotlib is imported when one is asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from equipoise.errors import ConfigError, printable_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH: Final = 7.0  # inches, of a figure of its own
SHORT: Final = 28  # characters of a name beside the axes of a phone
LONG: Final = 44  # beside axes of WIDTH
MOST: Final = 60  # rows of a picture that can be read


@dataclass(frozen=True)
class Palette:
    """The colours of a figure."""

    ink: str
    faint: str
    line: str
    first: str
    second: str
    third: str


PRINTED: Final = Palette("#1b1f24", "#57606a", "#d8dee4", "#b35900", "#0a63c9", "#6e7781")


def style(palette: Palette) -> dict[Any, Any]:
    """Return matplotlib's parameters for figures in the colours of a palette."""
    return {
        "font.family": "sans-serif",
        "font.size": 10.0,
        "text.color": palette.ink,
        "text.parse_math": False,  # a label may contain a dollar sign
        "axes.labelcolor": palette.faint,
        "axes.edgecolor": palette.line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlelocation": "left",
        "axes.titlesize": 10.0,
        "grid.color": palette.line,
        "grid.linewidth": 0.6,
        "xtick.color": palette.line,
        "ytick.color": palette.line,
        "xtick.minor.size": 0.0,
        "xtick.minor.pad": 7.0,  # as far as those of the long ticks
        "xtick.labelcolor": palette.ink,
        "ytick.labelcolor": palette.ink,
        "legend.frameon": False,
        "legend.fontsize": 10.0,
    }


@contextmanager
def axes_for(ax: Axes | None, height: float) -> Generator[Axes]:
    """Yield axes to draw on, in the style of printed figures: those given, or of a new figure of pyplot.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    height : float
        Of a new figure, in inches.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
        from matplotlib import pyplot  # noqa: PLC0415
    except ImportError as error:
        message = '`plot` needs `matplotlib`, which is not installed. Install it: pip install "matplotlib>=3.9".'
        raise ConfigError("missing-package", message) from error
    with mpl.rc_context(style(PRINTED)):
        yield pyplot.subplots(figsize=(WIDTH, height), layout="constrained")[1] if ax is None else ax


def row_height(rows: int) -> float:
    """Return the height of a figure with so many rows, in inches."""
    return 0.9 + 0.22 * rows


def extremes(amounts: npt.NDArray[Any], what: str) -> tuple[npt.NDArray[np.int64], str]:
    r"""Choose the rows of a picture: all, or of more than `MOST` the largest and the smallest; and say so.

    Examples
    --------
    >>> places, note = extremes(np.arange(100), "labels")
    >>> places[[0, 29, 30, 59]].tolist(), note
    ([0, 29, 70, 99], '\nThe 30 smallest and the 30 largest of 100 labels')
    """
    if len(amounts) <= MOST:
        return np.arange(len(amounts)), ""
    order, half = np.argsort(amounts, kind="stable"), MOST // 2
    places = np.sort(np.concatenate([order[:half], order[-half:]]))
    return places, f"\nThe {half} smallest and the {half} largest of {len(amounts):,} {what}"


def count_bars(
    axes: Any, names: Sequence[str], counts: Sequence[int | None], palette: Palette, *, decades: bool, longest: int
) -> None:
    """Draw horizontal bars of counts, each with its number; on a logarithmic axis if they span `decades`.

    A row whose count is None heads those below it.
    """
    rows = named_rows(axes, names, longest)
    for row, count, name in zip(rows, counts, axes.get_yticklabels(), strict=True):
        if count is None:
            name.set_fontweight("bold")
            continue
        axes.barh(row, count, height=0.75, color=palette.second)
        axes.annotate(f" {count:,}", (max(count, 0.5 if decades else 0), row), va="center", fontsize=8)
    numbers = [1, *(count for count in counts if count is not None)]
    most = max(numbers)
    if decades:
        logarithmic(axes, np.array(numbers, float), whole)
        axes.set_xlim(0.5, 3 * most**1.1)  # with room for the number
    else:
        axes.xaxis.set_major_formatter(whole)
        axes.set_xlim(0, 1.2 * most)
    axes.set_ylim(-0.6, len(names) - 0.4)


def share_pairs(
    axes: Any, names: Sequence[str], data: npt.NDArray[np.float64], draws: npt.NDArray[np.float64], *, decades: bool
) -> None:
    """Draw two dots for each row, joined by a line: its share of the data and of the draws."""
    rows = named_rows(axes, names, LONG)
    both = np.array([data, draws])
    present = both[both > 0]
    lowest = present.min(initial=1.0) / 2 if decades else 0.0
    low, high = np.maximum(both, lowest)
    axes.hlines(rows, low, high, color=PRINTED.line, linewidth=2.5, zorder=1)
    for values, name, colour, marker in zip(
        both, ("share of the data", "share of the draws"), (PRINTED.third, PRINTED.second), "oD", strict=True
    ):
        shown = values > 0
        axes.plot(values[shown], rows[shown], marker, color=colour, markersize=5, label=name)
    for row, value in zip(rows[both[1] == 0], low[both[1] == 0], strict=True):
        axes.annotate("  not drawn", (value, row), va="center", fontsize=8, color=PRINTED.first)
    if decades:
        logarithmic(axes, present, percent)
        axes.set_xlim(lowest, min(1.0, present.max()) * 1.6)
    else:
        axes.set_xlim(0, present.max(initial=0.01) * 1.08)
        axes.xaxis.set_major_formatter(percent)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handletextpad=0.1, columnspacing=1.2, borderpad=0)


def pass_bars(axes: Any, names: Sequence[str], passes: npt.NDArray[np.float64], many: float) -> None:
    """Draw bars from one pass to the passes of each row, on a logarithmic axis; those of more than `many` stand out."""
    rows = named_rows(axes, names, LONG)
    colours = [PRINTED.first if each > many else PRINTED.second if each >= 1 else PRINTED.third for each in passes]
    drawn = np.where(passes > 0, passes, 1.0)
    axes.barh(rows, drawn - 1, left=1.0, height=0.75, color=colours)
    low, high = min(1.0, drawn.min(initial=1.0)), max(1.0, drawn.max(initial=1.0))
    for row, each in zip(rows, passes.tolist(), strict=True):
        text, right = (f" {each:,.3g}", each >= 1) if each < 1000 else (f" {each:,.0f}", True)
        text, right = (text, right) if each else (" not drawn", True)
        at = (each or 1.0, row)
        axes.annotate(text if right else f"{text} ", at, va="center", ha="left" if right else "right", fontsize=8)
    axes.axvline(1, color=PRINTED.faint, linewidth=1)
    if high > many:
        axes.axvline(many, color=PRINTED.first, linewidth=1, linestyle=(0, (4, 3)))
    logarithmic(axes, np.array([low, high]), times)
    room = (high / low) ** 0.15  # of the numbers
    axes.set_xlim(low / 4 / room if low < 1 else 0.7, high * 4 * room)
    axes.set_ylim(-0.6, len(names) - 0.4)
    unseen = ["grey: rows remain unseen"] if low < 1 else []
    repeated = [f"orange: more than {many:.0f}"] if high > many else []
    axes.set_xlabel("\n".join(["passes (logarithmic)", *unseen, *repeated]))


def named_rows(axes: Any, names: Sequence[str], longest: int) -> npt.NDArray[np.int64]:
    """Name the rows of a plot, from the top, beside the axes; return their heights."""
    rows = np.arange(len(names))[::-1]
    axes.set_yticks(rows, [short(name, longest) for name in names])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # also on axes that were made elsewhere
        if "\n" in label.get_text():
            label.set(fontsize=7.5, linespacing=0.95)  # two lines in the height of a row
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    return rows


def short(name: str, longest: int) -> str:
    r"""Break a name for the axes into two lines if it is long, and shorten one of more; tables show it in full.

    Examples
    --------
    >>> short("pityriasis rubra pilaris, of the adult form", 28)
    'pityriasis rubra pilaris, of\nthe adult form'
    """
    lines = textwrap.wrap(printable_line(name), longest, max_lines=2, placeholder="\N{HORIZONTAL ELLIPSIS}")
    return "\n".join(lines)


def spans_decades(amounts: npt.NDArray[Any]) -> bool:
    """Whether the largest of positive amounts is at least thirty times the smallest."""
    present = amounts[amounts > 0]
    return bool(present.size) and bool(present.max() >= 30 * present.min())


def logarithmic(axes: Any, values: npt.NDArray[np.float64], text: Callable[[float, float], str]) -> None:
    """Make the horizontal axis logarithmic, with ticks as `text` has them."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - an extra

    # The default formatter writes powers of ten as formulas, which `style` turns off for labels from data.
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(text)
    narrow = values.max(initial=1.0) < 30 * values.min(initial=1e9)  # there would be few powers of ten
    axes.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axes.xaxis.set_minor_formatter(text if narrow else NullFormatter())


def percent(share: float, _: float) -> str:
    """Format a tick that is a share."""
    return f"{100 * share:.3g}%"


def whole(value: float, _: float) -> str:
    """Format a tick that is a count."""
    return f"{value:,.0f}" if value >= 1 or value == 0 else ""


def times(value: float, _: float) -> str:
    """Format a tick that is a number of passes."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.3g}"

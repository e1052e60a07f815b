"""A picture of a schedule as SVG: the shares of tasks or labels over the draws of a training, as stacked bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from equipoise.census import Stratum
from equipoise.census.strata import names_of
from equipoise.errors import printable_line
from equipoise.plan import Stage

COLOURS: Final = ("#0a63c9", "#d9730d", "#1a7f37", "#8250df", "#b42318", "#0e8a8a", "#bf3989", "#a16207")
MOST: Final = len(COLOURS)  # bands
_WIDTH, _LEFT, _RIGHT, _TOP, _HEIGHT, _LINE = 420, 44, 408, 34, 190, 18  # pixels; the band area is _LEFT to _RIGHT
_LONGEST: Final = 36  # characters of a name
SAME: Final = 1e-9  # shares that differ by less do so from rounding
_GREY: Final = "#8b949e"
_FONT: Final = "system-ui, -apple-system, &quot;Segoe UI&quot;, &quot;DejaVu Sans&quot;, sans-serif"
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """One band, a task or a label, and its shares in each stage."""

    name: str
    strata: npt.NDArray[np.int64]
    shares: Shares


@dataclass(frozen=True)
class Drawn:
    """What was drawn: draws of each stratum, shape (windows, S), in windows that end after so many draws."""

    ends: Sequence[int]
    counts: npt.NDArray[np.int64]


def windows(stages: Sequence[Stage], draws: int, about: int = 32) -> list[int]:
    """Return the ends of about so many windows of draws, in each stage after whole blocks, where shares are exact.

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> a, b = (Plan.build(Census.from_counts({"x": 5, "y": 1}), rates=rates) for rates in ("equal", "proportional"))
    >>> windows([Stage(0, a), Stage(5000, b)], draws=12_000, about=3)
    [4096, 5000, 9096, 12000]
    """
    ends: list[int] = []
    begins = [stage.at for stage in stages if stage.at < draws]
    for stage, end in zip(stages, [*begins[1:], draws], strict=False):
        block = stage.plan.block
        step = max(1, round(draws / about / block)) * block
        ends += [*range(stage.at + step, end, step), end]
    return ends


def reached(stages: Sequence[Stage], draws: int) -> tuple[list[int], Shares]:
    """Return the first draw of each stage that begins before a number of draws, and the shares of these stages."""
    found = [stage for stage in stages if stage.at < draws]
    return [stage.at for stage in found], np.array([stage.plan.probabilities for stage in found])


def bands(strata: Sequence[Stratum], shares: Shares) -> tuple[str, list[Band]]:
    """Choose what a picture shows, and return it with a title that says so.

    Up to `MOST` strata are all shown. Of more, the tasks are, unless only the shares of labels inside the tasks change;
    where there are too many, those whose share changes most.

    Parameters
    ----------
    strata : sequence of Stratum
    shares : ndarray of float64, shape (stages, S)
    """
    tasks = list(dict.fromkeys(stratum.task for stratum in strata))
    of_task = np.array([tasks.index(stratum.task) for stratum in strata])
    spans = [np.flatnonzero(of_task == number) for number in range(len(tasks))]
    by_task = np.array([shares[:, span].sum(axis=1) for span in spans])
    labels_only = np.ptp(by_task, axis=1).max() < SAME < np.ptp(shares, axis=0).max()
    if len(strata) <= MOST or labels_only:
        names = names_of(strata)
        members, heights = list(np.arange(len(names))[:, None]), shares.T
    else:
        names, members, heights = tasks, spans, by_task
    title = f"Shares of the draws by {'task' if len(names) == len(tasks) else 'label'}"
    order = np.lexsort((-heights.max(axis=1), -np.ptp(heights, axis=1)))
    if len(names) > MOST:
        title = f"{title}: the {MOST} of {len(names):,} that change most"
    return title, [Band(names[place], members[place], heights[place]) for place in np.sort(order[:MOST])]


def picture(
    strata: Sequence[Stratum], begins: Sequence[int], shares: Shares, draws: int, drawn: Drawn | None = None
) -> str:
    """Draw shares over a number of draws as SVG; what was drawn as dots on the edges of the bands.

    Text has the colour of the page that the picture is in.

    Parameters
    ----------
    strata : sequence of Stratum
    begins : sequence of int
        The first draw of each stage.
    shares : ndarray of float64, shape (stages, S)
    draws : int
        All stages begin before it.
    drawn : Drawn, optional

    Examples
    --------
    >>> text = picture([Stratum("large", None), Stratum("small<", None)], [0], np.array([[0.9, 0.1]]), draws=1000)
    >>> text.count("<path fill="), "small&lt; <tspan" in text
    (2, True)
    """
    title, chosen = bands(strata, shares)
    shown = [*zip(COLOURS, chosen, strict=False)]
    area = _Area(draws, float(np.sum([band.shares for band in chosen], axis=0).max()))
    edges = [*begins, draws]
    lines = [_text(0, 12, title, weight="600")]
    low = np.zeros(len(begins))
    for colour, band in reversed(shown):  # the first one is at the top, as in the legend
        high = low + band.shares
        shape = area.between(edges, low, high)
        name = escape(short_name(band.name))
        lines.append(f'<path fill="{colour}" fill-opacity="0.85" d="{shape}"><title>{name}</title></path>')
        low = high
    lines += [] if drawn is None else area.dots(chosen, drawn)
    lines += area.axes()
    y = _TOP + _HEIGHT + 58
    for colour, band in shown:
        lines.append(f'<rect x="0" y="{y - 10}" width="11" height="11" rx="2" fill="{colour}"/>')
        lines.append(_text(18, y, short_name(band.name), after=change_of(band.shares)))
        y += _LINE
    others = 1 - np.sum([band.shares for band in chosen], axis=0)
    notes = [f"All others, not shown: {change_of(others)}."] if others.max() > SAME else []
    if drawn is not None:
        notes.append("Dots: what was drawn.")
    for note in notes:
        lines.append(_text(0, y, note))
        y += _LINE
    size = f'width="{_WIDTH}" height="{y - 6}" viewBox="0 0 {_WIDTH} {y - 6}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}"'
    return "\n".join([f'{head} fill="currentColor" font-size="12" font-family="{_FONT}">', *lines, "</svg>"])


@dataclass(frozen=True)
class _Area:
    """The area of the bands: `draws` wide, and as high as a share."""

    draws: int
    share: float

    @property
    def top(self) -> float:
        """The share at the upper end of the axis."""
        return next(
            top for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 2.0) if self.share < top + SAME
        )

    def x(self, at: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * at / self.draws

    def y(self, share: float) -> float:
        return _TOP + _HEIGHT * (1 - share / self.top)

    def between(self, edges: Sequence[int], low: Shares, high: Shares) -> str:
        """Return the path around what is between two shares of every stage."""
        corners = [
            [
                f"{self.x(at):.1f} {self.y(share):.1f}"
                for (begin, end), share in zip(pairwise(edges), shares.tolist(), strict=True)
                for at in (begin, end)
            ]
            for shares in (low, high)
        ]
        return f"M{'L'.join([*corners[0], *reversed(corners[1])])}Z"

    def dots(self, chosen: Sequence[Band], drawn: Drawn) -> list[str]:
        """Return dots at the upper edges of what was drawn of each band, but where that is the end of the axis."""
        shares = drawn.counts / drawn.counts.sum(axis=1, keepdims=True)
        heights = np.cumsum([shares[:, band.strata].sum(axis=1) for band in reversed(chosen)], axis=0)
        middles = [self.x((begin + end) / 2) for begin, end in pairwise([0, *drawn.ends])]
        return [
            f'<circle cx="{x:.1f}" cy="{self.y(height):.1f}" r="1.7"/>'
            for x, column in zip(middles, heights.T.tolist(), strict=True)
            for height in column
            if height < self.top - SAME
        ]

    def axes(self) -> list[str]:
        """Return a frame, and ticks."""
        size = f'width="{_RIGHT - _LEFT}" height="{_HEIGHT}"'
        lines = [f'<rect x="{_LEFT}" y="{_TOP}" {size} fill="none" stroke="{_GREY}"/>']
        for part in (0, 0.5, 1):
            share = part * self.top
            lines.append(_text(_LEFT - 6, self.y(share) + 4, f"{100 * share:.3g}%", anchor="end"))
        power = 10 ** (len(str(self.draws)) - 2)
        step = next((power * times for times in (1, 2, 5, 10, 20) if self.draws <= 5 * power * times), 1)
        for at in range(0, self.draws + 1, max(int(step), 1)):
            x = self.x(at)
            lines.append(f'<path stroke="{_GREY}" d="M{x:.1f} {_TOP + _HEIGHT}v5"/>')
            lines.append(_text(x, _TOP + _HEIGHT + 19, f"{at:,}", anchor="end" if x > _RIGHT - 20 else "middle"))
        lines.append(_text((_LEFT + _RIGHT) / 2, _TOP + _HEIGHT + 36, "draws", anchor="middle"))
        return lines


def short_name(name: str) -> str:
    """Shorten a name of a legend, on one line."""
    name = printable_line(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def change_of(shares: Shares) -> str:
    """Say from which share to which."""
    first, last = f"{shares[0]:.1%}", f"{shares[-1]:.1%}"
    return first if first == last else f"{first} \N{RIGHTWARDS ARROW} {last}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400", after: str = "") -> str:
    more = f' <tspan opacity="0.7">{escape(after)}</tspan>' if after else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{escape(words)}{more}</text>"

"""Draw docs/pictures/shares.svg: how far a rare stratum is from its planned share, by number of draws.

Run from the root of the repository: `python docs/pictures/shares.py`. The picture is the same on every platform.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise import Census, Plan
from equipoise.base.files import write_atomically
from equipoise.drawing.independent import IndependentStream
from equipoise.drawing.stream import Stream

PICTURE = Path(__file__).with_name("shares.svg")
COMMON, RARE = 99_000, 1_000  # rows of the two strata: the rare one is planned to be 1 % of the draws
SHARE = RARE / (COMMON + RARE)
BLOCKS, ZOOMED = 40, 3
EVERY = 128  # draws between the points of the upper panel: about one pixel
BATCH = 32
SEEDS = range(5)
LEFT, RIGHT = 70.0, 560.0  # of both panels, in pixels; labels are to the right
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1b1f24 }
.title { font-weight: 600 } .faint { fill: #57606a }
path { fill: none; stroke-linejoin: round }
.paper { fill: #ffffff } .grid { stroke: #d8dee4; stroke-width: 1 } .zero { stroke: #57606a; stroke-width: 1 }
.independent { stroke: #b35900; stroke-width: 1; opacity: 0.75 } .deviation { stroke: #57606a; stroke-dasharray: 5 4 }
.mixed { stroke: #0a63c9; stroke-width: 1.5 } .quota { stroke: #1a7f37; stroke-width: 1.5 }
circle { fill: #0a63c9; stroke: #ffffff; stroke-width: 1.5 }
text.independent { fill: #b35900; stroke: none; opacity: 1 } text.mixed { fill: #0a63c9; stroke: none }
text.quota { fill: #1a7f37; stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .faint { fill: #9da7b1 } .paper { fill: #0d1117 } .grid { stroke: #30363d }
  .zero, .deviation { stroke: #9da7b1 } .independent { stroke: #f0883e } .mixed { stroke: #58a6ff }
  .quota { stroke: #3fb950 } circle { fill: #58a6ff; stroke: #0d1117 }
  text.independent { fill: #f0883e } text.mixed { fill: #58a6ff } text.quota { fill: #3fb950 }
}
"""

DEVIATION = "\N{SQUARE ROOT}(draws \N{MULTIPLICATION SIGN} 1 % \N{MULTIPLICATION SIGN} 99 %)"

Points = tuple[NDArray[np.int64], NDArray[np.float64]]


def drift(strata: NDArray[np.int64]) -> Points:
    """Return numbers of draws right before and after each of the rare stratum, and its actual minus expected draws."""
    at = np.flatnonzero(strata == 1)
    made = np.concatenate([[0], np.repeat(at, 2), [len(strata)]])
    drawn = np.repeat(np.arange(len(at) + 1), 2)
    return made, drawn - made * SHARE


def thinned(strata: NDArray[np.int64]) -> Points:
    """Return the same at evenly spaced draws only, block ends among them."""
    drawn = np.concatenate([[0], np.cumsum(strata == 1)])
    made = np.arange(0, len(strata) + 1, EVERY)
    return made, drawn[made] - made * SHARE


class Panel:
    """One pair of axes, as lines of SVG."""

    def __init__(self, top: float, height: float, draws: int, deviation: int) -> None:
        self._middle, self._bottom = top + height / 2, top + height
        self._across, self._up = (RIGHT - LEFT) / draws, height / 2 / deviation
        self._draws = draws
        self.lines: list[str] = []

    def axes(self, title: str, marks: Sequence[int], every: int) -> None:
        """Add a title, a horizontal line at each mark, and a tick at every so many draws."""
        top = 2 * self._middle - self._bottom
        self.text(LEFT, top - 14, title, "title")
        for mark in marks:
            y = self._y(mark)
            kind = "grid" if mark else "zero"
            self.lines.append(f'<path class="{kind}" d="M{LEFT:.1f} {y:.1f}H{RIGHT:.1f}"/>')
            self.text(LEFT - 8, y + 4.5, f"{mark:+d}".replace("-", "\N{MINUS SIGN}") if mark else "0", anchor="end")
        for draws in range(0, self._draws + 1, every):
            x = self._x(draws)
            self.lines.append(f'<path class="zero" d="M{x:.1f} {self._bottom:.1f}v5"/>')
            self.text(x, self._bottom + 20, f"{draws:,}", anchor="middle")
        self.text((LEFT + RIGHT) / 2, self._bottom + 40, "draws", "faint", "middle")
        label = f'transform="translate(18 {self._middle:.1f}) rotate(-90)" text-anchor="middle"'
        self.lines.append(f'<text class="faint" {label}>actual \N{MINUS SIGN} expected draws</text>')

    def line(self, points: Points, kind: str) -> None:
        """Add a line."""
        path = "L".join(f"{self._x(x):.1f} {self._y(y):.1f}" for x, y in zip(*points, strict=True))
        self.lines.append(f'<path class="{kind}" d="M{path}"/>')

    def dot(self, x: float, y: float) -> None:
        """Add a dot."""
        self.lines.append(f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="4.5"/>')

    def label(self, deviation: float, text: Sequence[str], kind: str) -> None:
        """Add lines of text to the right of the axes, the first at a deviation."""
        for number, words in enumerate(text):
            self.text(RIGHT + 12, self._y(deviation) + 4.5 + 17 * number, words, kind)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """Add text at a place in pixels."""
        shown = f' class="{kind}"' if kind else ""
        self.lines.append(f'<text{shown} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')

    def _x(self, draws: float) -> float:
        return LEFT + draws * self._across

    def _y(self, deviation: float) -> float:
        return self._middle - deviation * self._up


def picture() -> str:
    """Return the picture as the text of an SVG file."""
    plan = Plan.build(
        Census.from_counts({"triage": {"routine": COMMON, "urgent": RARE}}), rates="proportional", weights="natural"
    )
    positions = np.arange(BLOCKS * plan.block)
    far = Panel(top=40, height=230, draws=len(positions), deviation=80)
    far.axes(f"{BLOCKS} blocks of {plan.block:,} draws", (-80, -40, 0, 40, 80), 8 * plan.block)
    made = np.arange(0, len(positions) + 1, 10 * EVERY)
    for sign in (-1, 1):
        far.line((made, sign * np.sqrt(made * SHARE * (1 - SHARE))), "deviation")
    for seed in SEEDS:
        far.line(thinned(IndependentStream(plan.stages, seed).at(positions)[0]), "independent")
    far.line(thinned(Stream(plan, seed=0).strata_at(positions)), "mixed")
    far.label(62, ("independent draws,", f"{len(SEEDS)} seeds"), "independent")
    far.label(-29, ("their standard deviation,", DEVIATION), "faint")
    far.label(0, ("Mixed",), "mixed")

    near = Panel(top=375, height=230, draws=ZOOMED * plan.block, deviation=4)
    near.axes(f"The first {ZOOMED} blocks, enlarged", (-4, -2, 0, 2, 4), plan.block)
    shown = positions[: ZOOMED * plan.block]
    stream = Stream(plan, seed=0)
    near.line(drift(stream.strata_at(shown)), "mixed")
    near.line(drift(Stream(plan, seed=0, block=BATCH).strata_at(shown)), "quota")
    for block in range(ZOOMED + 1):
        near.dot(block * plan.block, stream.used(block * plan.block)[1] - block * plan.block * SHARE)
    near.label(3, ("Mixed; dots mark the", "ends of its blocks"), "mixed")
    near.label(0, (f"Quota({BATCH})",), "quota")
    size = 'width="760" height="660" viewBox="0 0 760 660"'
    described = "Actual minus expected draws of a stratum of 1 %, for independent draws, Mixed and Quota batches"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{described}">'
    paper = '<rect class="paper" width="760" height="660" rx="6"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *far.lines, *near.lines, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    with write_atomically(parser.parse_args().out) as temporary:
        temporary.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()

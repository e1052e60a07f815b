"""Draw docs/pictures/schedules.svg: the shares of four recipes over the draws, planned and drawn.

Run from the root of the repository: `python docs/pictures/schedules.py`. The picture is the same on every platform.
"""

import argparse
from pathlib import Path

import numpy as np

from equipoise import Census, Schedule, draw_strata
from equipoise.base.files import write_atomically
from equipoise.schedule.picture import Drawn, windows

PICTURE = Path(__file__).with_name("schedules.svg")
DRAWS = 40_960
TASKS = Census.from_counts({"large": 90_000, "medium": 9_000, "small": 1_000})
LABELS = Census.from_counts({"triage": {"routine": 90_000, "urgent": 9_000, "critical": 1_000}})
RECIPES = (("cooldown", TASKS), ("annealed", TASKS), ("deferred", LABELS), ("progressive", LABELS))
WIDTH, HEIGHT, MARGIN, HEADING = 450, 385, 16, 26  # of a panel, around all of them, and of a panel's heading, in pixels
STYLE = """
svg { color: #1b1f24 } .paper { fill: #ffffff }
.code { font: 600 14px ui-monospace, "DejaVu Sans Mono", monospace }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3 } .paper { fill: #0d1117 } }
"""


def panel(recipe: str, census: Census, x: int, y: int) -> list[str]:
    """Return the picture of a recipe at a place in pixels, with its draws and its name."""
    schedule = Schedule.build(census, recipe, draws=DRAWS)
    ends = windows(schedule.stages, DRAWS)
    strata = draw_strata(schedule, seed=0, first=0, last=DRAWS)
    counts = np.array([np.bincount(part, minlength=len(schedule.strata)) for part in np.split(strata, ends[:-1])])
    svg = schedule.to_svg(drawn=Drawn(ends, counts)).replace("<svg", f'<svg x="{x}" y="{y + HEADING}"', 1)
    return [f'<text class="code" fill="currentColor" x="{x}" y="{y + 14}">{recipe}</text>', svg]


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    out = parser.parse_args().out
    width, height = 2 * WIDTH + MARGIN, 2 * HEIGHT + MARGIN
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    described = "Shares of the draws over a training, of the recipes Cooldown, Annealed, Deferred and Progressive"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{described}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
    ]
    for place, (recipe, census) in enumerate(RECIPES):
        lines += panel(recipe, census, MARGIN + place % 2 * WIDTH, MARGIN + place // 2 * HEIGHT)
    with write_atomically(out) as temporary:
        temporary.write_text("\n".join([*lines, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()

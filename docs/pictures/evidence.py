"""Draw docs/pictures/evidence.svg: the scores of the study, by the number of draws and by the way to train.

Run from the root of the repository: `python docs/pictures/evidence.py`, after `python benchmarks/study.py`, which
writes the numbers to `benchmarks/study.json`.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equipoise.base.files import write_atomically

PICTURE = Path(__file__).with_name("evidence.svg")
NUMBERS = Path(__file__).parents[2] / "benchmarks" / "study.json"
MODELS = {
    "tiny": "tiny T5 from scratch",
    "minilm": "pretrained MiniLM",
    "minilm-lora": "pretrained MiniLM, adapters",
}
NATURAL, TAU, PLAN = (
    "natural sampling",
    "natural sampling, answers by logit adjustment",
    "default plan: equal tasks, square-root class weights",
)
COLOURS = {NATURAL: "#b35900", TAU: "#cf9a3c", PLAN: "#0a63c9"}
OTHER = "#9da7b1"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evidence",
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Part = dict[str, Any]


def curves(axes: Axes, part: Part) -> None:
    """Draw macro-F1 over the draws: the mean over the seeds, and each seed as a point."""
    for title, by_draws in part["arms"].items():
        kept = {int(draws): scores for draws, scores in by_draws.items() if scores}
        colour = COLOURS.get(title, OTHER)
        means = [float(np.mean(scores)) for scores in kept.values()]
        above = title in COLOURS
        label = title if above else "other shares, losses and weights" if title == _other(part) else None
        axes.plot(list(kept), means, color=colour, lw=2 if above else 1, zorder=2 + above, label=label)
        for draws, scores in kept.items():
            axes.plot([draws] * len(scores), scores, "o", color=colour, ms=3 if above else 2, zorder=2 + above)
    _linear(axes, part)
    axes.set_xscale("log")
    ticks = sorted({int(draws) for by in part["arms"].values() for draws, scores in by.items() if scores})
    axes.set_xticks(ticks, [f"{draws:,}" for draws in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("draws")
    axes.set_ylabel("macro-F1, mean over the tasks")


def arms(axes: Axes, part: Part, draws: str) -> None:
    """Draw a line for each way to train, with each seed as a point."""
    kept = {title: by_draws[draws] for title, by_draws in part["arms"].items() if by_draws[draws]}
    for row, (title, scores) in enumerate(kept.items()):
        colour = COLOURS.get(title, OTHER)
        axes.plot(scores, [row] * len(scores), "o", color=colour, ms=4)
        axes.plot([np.mean(scores)] * 2, [row - 0.3, row + 0.3], color=colour, lw=2)
    _linear(axes, part, upright=True)
    axes.set_yticks(range(len(kept)), [title.replace(": ", ":\n").replace(", ", ",\n") for title in kept])
    axes.set_ylim(len(kept) - 0.5, -0.5)
    axes.set_xlabel(f"macro-F1 after {int(draws):,} draws, mean over the tasks")


def _linear(axes: Axes, part: Part, *, upright: bool = False) -> None:
    """Mark the best linear model."""
    if part["linear"]:
        best = max(part["linear"].values())
        mark = axes.axvline if upright else axes.axhline
        mark(best, color="#57606a", ls=(0, (4, 3)), lw=1.2, label="best linear model of all rows")


def _other(part: Part) -> str | None:
    return next((title for title, by in part["arms"].items() if title not in COLOURS and any(by.values())), None)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=Path, default=NUMBERS)
    parser.add_argument("--out", type=Path, default=PICTURE)
    options = parser.parse_args()
    parts: dict[str, Part] = json.loads(options.numbers.read_text(encoding="utf-8"))
    panels: list[tuple[Part, str | None]] = [(part, None) for name, part in parts.items() if name.startswith("curves")]
    for name, part in parts.items():
        if not name.startswith("curves") and part["model"] in MODELS:
            reached = Counter(draws for by in part["arms"].values() for draws, scores in by.items() if scores)
            panels.append((part, max(reached, key=lambda draws: (reached[draws], int(draws)))))  # of the most arms
    with mpl.rc_context(STYLE):
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(9.6, 3.9 * rows), layout="constrained", facecolor="white")
        for place, (part, draws) in enumerate(panels, 1):
            axes = figure.add_subplot(rows, 2, place)
            axes.set_title(f"{part['source'].split(' (')[0]}: {MODELS[part['model']]}", loc="left", fontweight="bold")
            if draws is None:
                curves(axes, part)
            else:
                arms(axes, part, draws)
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=2, frameon=False)
        with write_atomically(options.out) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()

"""Draw docs/pictures/two_gaussians.svg: the balanced error of linear models by the loss that they were trained with.

The problem of Menon et al. (2021), section 6.1: two Gaussians at (1, 1) and (-1, -1) with unit variance, 5 % of the
examples from the first, 10,000 of them to train on. The best balanced error is Phi(-sqrt 2) = 7.86 %.
Run from the root of the repository: `python docs/pictures/two_gaussians.py`.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise import Census, Plan, StratumIndex, draws
from equipoise.base.files import write_atomically
from equipoise.losses.labels import (
    LDAM,
    BalancedSoftmax,
    ClassBalancedFocal,
    CrossEntropy,
    Focal,
    LabelLoss,
    LabelPriors,
    LogitAdjusted,
    VectorScaling,
    Weighted,
)
from equipoise.weights import Balanced, ClassWeights, Natural

PICTURE = Path(__file__).with_name("two_gaussians.svg")
EXAMPLES, POSITIVE = 10_000, 0.05
BEST = 0.5 * math.erfc(1.0)  # Phi(-sqrt 2)
TRIALS = 20
ROWS: tuple[tuple[str, LabelLoss, ClassWeights], ...] = (
    ("CrossEntropy()", CrossEntropy(), Natural()),
    ("Focal(gamma=2)", Focal(gamma=2), Natural()),
    ("LDAM(reweight_from=1)", LDAM(reweight_from=1), Natural()),
    ("ClassBalancedFocal()", ClassBalancedFocal(), Natural()),
    ("LogitAdjusted(tau=0.5)", LogitAdjusted(tau=0.5), Natural()),
    ("LDAM()", LDAM(), Natural()),
    ("VectorScaling()", VectorScaling(), Natural()),
    ("Weighted(Balanced())", Weighted(Balanced()), Natural()),
    ("BalancedSoftmax()", BalancedSoftmax(), Natural()),
    ("LogitAdjusted()", LogitAdjusted(), Natural()),
    ("CrossEntropy()", CrossEntropy(), Balanced()),
    ("LogitAdjusted()", LogitAdjusted(), Balanced()),
    ("Weighted(Balanced(), on_top=True)", Weighted(Balanced(), on_top=True), Balanced()),
)
LEFT, RIGHT, TOP, STEP = 265.0, 680.0, 66.0, 26.0  # of the axes, and from row to row, in pixels
LOWEST, HIGHEST = 7.0, 23.0  # of the axis, in %
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1b1f24 }
.title { font-weight: 600 } .faint { fill: #57606a } .code { font-family: ui-monospace, "DejaVu Sans Mono", monospace }
.code { font-size: 12px } .paper { fill: #ffffff } .grid { stroke: #d8dee4; stroke-width: 1 }
.best { stroke: #57606a; stroke-width: 1; stroke-dasharray: 5 4 }
circle { fill-opacity: 0.45; stroke: none } .near { fill: #0a63c9 } .far { fill: #b35900 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .faint { fill: #9da7b1 } .paper { fill: #0d1117 } .grid { stroke: #30363d }
  .best { stroke: #9da7b1 } .near { fill: #58a6ff } .far { fill: #f0883e }
}
"""

Points, Labels, Line = NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]


def sample(seed: int, examples: int = EXAMPLES) -> tuple[Points, Labels]:
    """Return points [n, 2] and their labels: 0 is negative, 1 positive."""
    random = np.random.Generator(np.random.PCG64(seed))
    labels = (random.random(examples) < POSITIVE).astype(np.int64)
    return random.normal(size=(examples, 2)) + (2 * labels - 1)[:, None], labels


def trained(loss: LabelLoss, weights: ClassWeights, seed: int) -> Line:
    """Train a linear model on one sample, drawn by class weights; return its two slopes and its intercept."""
    points, labels = sample(seed)
    counts = np.bincount(labels, minlength=2).tolist()
    plan = Plan.build(
        Census.from_counts({"gauss": {"negative": counts[0], "positive": counts[1]}}),
        rates="proportional",
        weights=weights,
    )
    rows = draws(plan, StratumIndex.from_codes(labels, 2), seed, 0, EXAMPLES)
    inputs = torch.from_numpy(np.column_stack([points[rows], np.ones(EXAMPLES)]))
    targets, weight = torch.from_numpy(labels[rows]), torch.ones(EXAMPLES)
    terms = loss.prepare(LabelPriors.of(plan, "gauss"))
    line = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for progress in (0.0, 1.0):  # losses with a late phase go on from where the early one ended
        optimiser = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

        def closure(optimiser: torch.optim.Optimizer = optimiser, progress: float = progress) -> torch.Tensor:
            optimiser.zero_grad()
            score = inputs @ line
            mean = terms.sums(torch.stack([torch.zeros_like(score), score], 1), targets, weight, progress).mean()
            mean.backward()
            return mean

        optimiser.step(closure)
    return line.detach().numpy()


def balanced_error(line: Line) -> float:
    """Return the mean of both labels' error rates, exactly: a line's score of a Gaussian is a Gaussian."""
    centre, spread = line[:2].sum(), math.hypot(line[0], line[1])
    missed = 0.5 * math.erfc((line[2] + centre) / spread / math.sqrt(2))
    alarms = 0.5 * math.erfc((centre - line[2]) / spread / math.sqrt(2))
    return (missed + alarms) / 2


def picture(trials: int) -> str:
    """Return the picture as the text of an SVG file."""
    lines: list[str] = []
    y, drawn = TOP, None
    for name, loss, weights in ROWS:
        if weights != drawn:
            y += STEP * (0.4 if drawn is None else 0.6)
            heading = "Natural sampling" if weights == Natural() else "Class-balanced sampling"
            lines.append(text(16, y, heading, "title"))
            y, drawn = y + STEP, weights
        errors = 100 * np.array([balanced_error(trained(loss, weights, seed)) for seed in range(trials)])
        kind = "near" if errors.mean() < 100 * BEST + 0.5 else "far"
        lines.append(f'<path class="grid" d="M{LEFT:.1f} {y - 4.5:.1f}H{RIGHT:.1f}"/>')
        lines.append(text(16, y, name, "code"))
        lines += [f'<circle class="{kind}" cx="{across(error):.1f}" cy="{y - 4.5:.1f}" r="4"/>' for error in errors]
        lines.append(text(RIGHT + 62, y, f"{errors.mean():.2f} %", kind, "end"))
        y += STEP
    bottom = y - STEP + 12
    best = f'<path class="best" d="M{across(100 * BEST):.1f} {TOP - 12:.1f}V{bottom:.1f}"/>'
    head = [text(across(100 * BEST) - 6, TOP - 18, f"optimum, {100 * BEST:.2f} %", "faint")]
    head.append(text(RIGHT + 62, TOP - 18, "mean", "faint", "end"))
    head.append(text(16, 24, f"Balanced error, {trials} training sets of {EXAMPLES:,} examples", "title"))
    ticks = [text(across(mark), bottom + 18, f"{mark} %", "faint", "middle") for mark in (8, 12, 16, 20)]
    size = f'width="760" height="{bottom + 34:.0f}" viewBox="0 0 760 {bottom + 34:.0f}"'
    described = "Balanced error of linear models on two Gaussians, by training loss and sampling"
    root = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{described}">'
    paper = f'<rect class="paper" width="760" height="{bottom + 34:.0f}" rx="6"/>'
    return "\n".join([root, f"<style>{STYLE}</style>", paper, best, *lines, *head, *ticks, "</svg>", ""])


def across(percent: float) -> float:
    """Return the place of an error on the axis."""
    return LEFT + (percent - LOWEST) / (HIGHEST - LOWEST) * (RIGHT - LEFT)


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """Return text at a place in pixels."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.add_argument("--trials", type=int, default=TRIALS)
    arguments = parser.parse_args()
    with write_atomically(arguments.out) as temporary:
        temporary.write_text(picture(arguments.trials), encoding="utf-8")


if __name__ == "__main__":
    main()

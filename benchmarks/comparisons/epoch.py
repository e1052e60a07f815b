"""A whole epoch as Python ints, beside torch's WeightedRandomSampler."""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler, WeightedRandomSampler

from equipoise import PlanSampler, StratumIndex
from equipoise.drawing.inner import Inner
from equipoise.drawing.stream import Stream
from equipoise.samplers import WeightedSampler

from .arms import Arm, Pool, Result
from .plans import balanced, census_of, power_law_counts, shuffled_codes
from .summary import Section, Spread, met, ratios, table

STRATA = 100
_ARMS = {
    "weighted_random_sampler": "torch WeightedRandomSampler",
    "plan_sampler": "PlanSampler, numba loaded",
    "plan_sampler_alone": "PlanSampler, numpy alone",
    "weighted_sampler": "WeightedSampler",
}

Codes = NDArray[np.integer]


def plan_sampler(rows: int) -> Result:
    """As every epoch runs but the first: numba is loaded after two million draws."""
    few = balanced(census_of(power_law_counts(1000, STRATA)))
    Stream(few, 0, inner=Inner(0)).at(np.arange(1000))
    return _measured(_planned, rows)


def plan_sampler_alone(rows: int) -> Result:
    """Without numba: where it is not installed."""
    sys.modules["numba"] = None  # type: ignore[assignment]
    try:
        return _measured(_planned, rows)
    finally:
        del sys.modules["numba"]


def _planned(codes: Codes) -> PlanSampler:
    plan = balanced(census_of(np.bincount(codes, minlength=STRATA)))
    return PlanSampler(plan, StratumIndex.from_codes(codes, STRATA))


def weighted_sampler(rows: int) -> Result:
    return _measured(lambda codes: WeightedSampler(_weights(codes), rows), rows)


def weighted_random_sampler(rows: int) -> Result:
    return _measured(lambda codes: WeightedRandomSampler(torch.from_numpy(_weights(codes)), rows), rows)


def _weights(codes: Codes) -> NDArray[np.float64]:
    return (1.0 / np.bincount(codes, minlength=STRATA))[codes]


def _measured(build: Callable[[Codes], Sampler[int]], rows: int) -> Result:
    codes = shuffled_codes(power_law_counts(rows, STRATA))
    start = time.perf_counter()
    sampler = build(codes)
    built = time.perf_counter()
    for _ in sampler:
        pass
    end = time.perf_counter()
    # The next epoch stands for the timed one: its numbers and its shares, to six standard deviations.
    drawn = np.bincount(codes[np.fromiter(sampler, dtype=np.int64)], minlength=STRATA)
    assert drawn.sum() == rows
    assert np.abs(drawn - rows / STRATA).max() <= 6 * (rows / STRATA) ** 0.5
    return {"epoch": end - built, "whole": end - start}


def section(*, quick: bool) -> Section:
    lines = []
    for rows, bar in ((1 << 15, 3), (1 << 17, 8)) if quick else ((1_000_000, 3), (10_000_000, 8)):
        with Pool() as pool:
            results = pool.in_turn({name: Arm("epoch", name, {"rows": rows}) for name in _ARMS})
        theirs = results["weighted_random_sampler"]
        for name, title in _ARMS.items():
            cells = [f"{rows:,}", title]
            for what in ("epoch", "whole"):
                seconds = [result[what] for result in results[name]]
                cells.append(f"{Spread.of(seconds):.3g}")
                if name != "weighted_random_sampler":
                    ratio = ratios([result[what] for result in theirs], seconds)
                    cells.append(f"{ratio:.1f}")
                    if what == "epoch":
                        judged = name == "plan_sampler"
                        cells += [f"at least {bar}", met(ratio.median >= bar)] if judged else ["", ""]
                else:
                    cells += ["", "", ""] if what == "epoch" else [""]
            lines.append(cells)
    head = ("rows", "", "the epoch, s", "torch / this", "bar", "met", "set-up and epoch, s", "torch / this")
    text = f"""## A whole epoch of Python ints

`for index in sampler` over {STRATA} labels with power-law counts, each drawn equally often. Set-up is all from the
integer labels to the sampler. numba takes over after two million draws where it is installed, so all epochs of a
training but the first run as "numba loaded". Each bar is for that row.

{table(head, lines)}

What differs: WeightedSampler makes the same independent draws as torch, so that an epoch misses many rows;
PlanSampler's go through all rows of a label before one is repeated."""
    return Section(text, ["equipoise", "numba", "torch", "numpy"])

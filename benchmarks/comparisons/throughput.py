"""Indices as arrays, on one core."""

import sys
import time

import numpy as np

from equipoise import Plan, PlanSampler, StratumIndex, draws

from .arms import REPEATS, Arm, Result, alone
from .plans import balanced, census_of, equal_counts, power_law_counts, shuffled_codes
from .shares import block_end_error
from .summary import Section, Spread, met, table

BAR = 20
_CALL = 1 << 20  # draws of a call
_SHAPES = {
    "equal strata": (equal_counts, Plan.build),
    "power-law strata, natural masses": (power_law_counts, Plan.build),
    "power-law strata, equal masses": (power_law_counts, balanced),
}


def equipoise(rows: int, strata: int, shape: str, calls: int, numba: bool) -> Result:
    """Million draws a second of `PlanSampler.rows` once it runs, and of `draws`."""
    if not numba:
        sys.modules["numba"] = None  # type: ignore[assignment] # not to be found
    counts_of, plan_of = _SHAPES[shape]
    codes = shuffled_codes(counts_of(rows, strata), np.uint16)
    plan = plan_of(census_of(np.bincount(codes, minlength=strata)))
    index = StratumIndex.from_codes(codes, strata)
    sampler = PlanSampler(plan, index)
    warm = 4 * _CALL  # numba takes over after some draws
    begun = np.concatenate([sampler.rows(first, first + _CALL) for first in range(0, warm, _CALL)])
    assert block_end_error(codes[begun], plan.probabilities, plan.block) <= 1.1
    running, afresh = [], []
    for repeat in range(REPEATS):
        first = warm + repeat * calls * _CALL
        start = time.perf_counter()
        for at in range(first, first + calls * _CALL, _CALL):
            of_sampler = sampler.rows(at, at + _CALL)
        running.append(calls * _CALL / 1e6 / (time.perf_counter() - start))
        start = time.perf_counter()
        drawn = draws(plan, index, 0, at, at + _CALL)
        afresh.append(_CALL / 1e6 / (time.perf_counter() - start))
        assert np.array_equal(of_sampler, drawn)
    return {"running": running, "afresh": afresh, "block": plan.block}


def section(*, quick: bool) -> Section:
    lines = []
    for strata in (100, 10_000):
        for rows in (1 << 17,) if quick else (1_000_000, 16_000_000):
            for shape in _SHAPES:
                options = {"rows": rows, "strata": strata, "shape": shape, "calls": 1 if quick else 4}
                fast, plain = (alone(Arm("throughput", "equipoise", {**options, "numba": on})) for on in (True, False))
                rates = [Spread.of(values) for values in (fast["running"], plain["running"], fast["afresh"])]
                labels = (f"{strata:,}", f"{rows:,}", shape, f"{fast['block']:,}")
                lines.append([*labels, *(f"{rate:.1f}" for rate in rates), met(rates[0].median >= BAR)])
    head = ("strata", "rows", "shape", "block", "sampler, numba", "sampler, numpy alone", "`draws`", "met with numba")
    text = f"""## Indices as arrays, one core

Million draws a second, {_CALL:,} draws a call, with the look-up of the row in an index of rows in random
order: `PlanSampler.rows(first, last)` once it runs, with numba and without, and `draws(plan, index, seed, first, last)`
with numba, which sets its stream up in each call. The bar is {BAR} at 100 and at 10,000 strata.

{table(head, lines)}

No other package is compared: none gives indices as arrays at a position. Rows that the processor's cache does not hold
cost more, which is why two sizes are given."""
    return Section(text, ["equipoise", "numba", "numpy"])

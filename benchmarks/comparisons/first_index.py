"""From labels in memory to the first index, set-up included, beside torch's WeightedRandomSampler."""

import time
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch.utils.data import WeightedRandomSampler

from equipoise import Census, PlanSampler, StratumIndex
from equipoise.samplers import WeightedSampler

from .arms import Arm, Result, in_fresh_turn
from .memory import PeakMemory
from .plans import balanced, census_of, names, power_law_counts, shuffled_codes
from .summary import Section, Spread, met, ratios, table

STRATA = 100
_CHECKED = 1 << 16  # draws whose shares are looked at afterwards; a whole number of blocks

Codes = NDArray[np.integer]


def plan_sampler(rows: int, dtype: str) -> Result:
    def sample(codes: Codes) -> Iterator[int]:
        plan = balanced(census_of(np.bincount(codes, minlength=STRATA)))
        return iter(PlanSampler(plan, StratumIndex.from_codes(codes, STRATA)))

    return _measured(sample, shuffled_codes(power_law_counts(rows, STRATA), dtype), error=1.1)


def weighted_sampler(rows: int, dtype: str) -> Result:
    def sample(codes: Codes) -> Iterator[int]:
        return iter(WeightedSampler(_weights(codes), rows))

    return _measured(sample, shuffled_codes(power_law_counts(rows, STRATA), dtype), _SIX_DEVIATIONS)


def weighted_random_sampler(rows: int, dtype: str) -> Result:
    def sample(codes: Codes) -> Iterator[int]:
        return iter(WeightedRandomSampler(torch.from_numpy(_weights(codes)), rows))

    return _measured(sample, shuffled_codes(power_law_counts(rows, STRATA), dtype), _SIX_DEVIATIONS)


def plan_sampler_of_strings(rows: int) -> Result:
    """From pyarrow arrays of strings, as a Parquet file gives them."""
    codes = shuffled_codes(power_law_counts(rows, STRATA), np.int32)
    labels = pa.array(names(STRATA)).take(pa.array(codes))
    tasks = pa.array(["task"]).take(pa.array(np.zeros(rows, dtype=np.int32)))

    def sample(_: Codes) -> Iterator[int]:
        plan = balanced(Census.from_arrow(pa.table({"task": tasks, "target": labels})))
        return iter(PlanSampler(plan, StratumIndex.from_labels(plan, tasks, labels)))

    return _measured(sample, codes, error=1.1)


_SIX_DEVIATIONS = 6 * (_CHECKED / STRATA) ** 0.5


def _weights(codes: Codes) -> NDArray[np.float64]:
    return (1.0 / np.bincount(codes, minlength=STRATA))[codes]


def _measured(sample: Callable[[Codes], Iterator[int]], codes: Codes, error: float) -> Result:
    with PeakMemory() as memory:
        start = time.perf_counter()
        indices = sample(codes)
        first = next(indices)
        seconds = time.perf_counter() - start
    drawn = np.bincount(codes[[first, *islice(indices, _CHECKED - 1)]], minlength=STRATA)
    assert np.abs(drawn - _CHECKED / STRATA).max() <= error, drawn
    return {"seconds": seconds, "bytes": memory.bytes}


def section(*, quick: bool) -> Section:
    rows = 1 << 17 if quick else 16_000_000
    codes = {"rows": rows, "dtype": "int64"}
    arms = {
        "torch": Arm("first_index", "weighted_random_sampler", codes),
        "PlanSampler": Arm("first_index", "plan_sampler", codes),
        "WeightedSampler": Arm("first_index", "weighted_sampler", codes),
        "PlanSampler, uint8 labels": Arm("first_index", "plan_sampler", {**codes, "dtype": "uint8"}),
        "PlanSampler, pyarrow strings": Arm("first_index", "plan_sampler_of_strings", {"rows": rows}),
    }
    results = in_fresh_turn(arms, 2 if quick else 5)
    lines = []
    for what, title, unit, bar in (("seconds", "seconds", 1, 20), ("bytes", "peak MiB", 2**20, 4)):
        values = {name: [result[what] / unit for result in of_arm] for name, of_arm in results.items()}
        lines.append([title, "torch WeightedRandomSampler", f"{Spread.of(values['torch']):.3g}", "", "", ""])
        for name in [*arms][1:]:
            ratio = ratios(values["torch"], values[name])
            verdict = ("", "") if "," in name else (f"at least {bar}", met(ratio.median >= bar))
            lines.append([title, name, f"{Spread.of(values[name]):.3g}", f"{ratio:.1f}", *verdict])
    text = f"""## From labels in memory to the first index, {rows:,} rows

{STRATA} labels with power-law counts, each to be drawn equally often, as int64 codes unless said otherwise. A fresh
process each time; seconds from the labels to the first index with all set-up (counts, weights, sampler); memory is the
greatest resident memory above what was resident before, the labels and torch being there already.

{table(["", "", "median (range)", "torch / this", "bar", "met"], lines)}

What differs: torch draws the whole epoch before it gives the first index. WeightedSampler makes the same independent
draws with replacement from the same weights of rows, as they are asked for. PlanSampler groups the rows by label and
goes through all rows of a label before one is repeated."""
    return Section(text, ["equipoise", "numba", "torch", "numpy"])

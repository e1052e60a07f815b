"""A hundred million rows and a billion."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import WeightedRandomSampler

from equipoise import Plan, StratumIndex
from equipoise.drawing import draw_strata, draws

from .arms import Arm, Result, alone
from .memory import PeakMemory
from .plans import balanced, census_of, equal_counts
from .summary import Section, met, table

STRATA = 100
BAR = 6
_PIECE = 1 << 20  # rows generated at a time
_CHECKED = 1 << 14  # drawn rows whose label is looked at
_LOOKED_AT = 256  # the same where a piece must be generated for each
_TIMED = 1 << 22  # draws
_NOTHING = 64 << 20


def _codes(piece: int, rows: int) -> NDArray[np.uint8]:
    size = min(_PIECE, rows - piece * _PIECE)
    return np.random.default_rng(piece).integers(0, STRATA, size, dtype=np.uint8)


def _pieces(rows: int) -> Iterator[NDArray[np.uint8]]:
    return (_codes(piece, rows) for piece in range(-(-rows // _PIECE)))


def from_chunks(rows: int) -> Result:
    start = time.perf_counter()
    for _ in _pieces(rows):
        pass
    generated = 2 * (time.perf_counter() - start)  # once to count, once to index
    with PeakMemory() as memory:
        start = time.perf_counter()
        plan = balanced(census_of(sum(np.bincount(piece, minlength=STRATA) for piece in _pieces(rows))))
        index = StratumIndex.from_chunks(_pieces(rows), plan.counts)
        draws(plan, index, 0, 0, 1)
        seconds = time.perf_counter() - start
    some = draws(plan, index, 0, 0, _LOOKED_AT).tolist()
    labels = np.array([_codes(row // _PIECE, rows)[row % _PIECE] for row in some])
    assert np.array_equal(labels, draw_strata(plan, 0, 0, _LOOKED_AT))
    return {"seconds": seconds, "generated": generated, "bytes": memory.bytes, "drawing": _drawing(plan, index)}


def from_sizes(rows: int) -> Result:
    with PeakMemory() as memory:
        start = time.perf_counter()
        plan = balanced(census_of(equal_counts(rows, STRATA)))
        index = StratumIndex.from_sizes(plan)
        draws(plan, index, 0, 0, 1)
        seconds = time.perf_counter() - start
    some = draws(plan, index, 0, 0, _CHECKED)
    labels = np.searchsorted(np.cumsum(plan.counts), some, side="right")
    assert np.array_equal(labels, draw_strata(plan, 0, 0, _CHECKED))
    return {"seconds": seconds, "generated": 0.0, "bytes": memory.bytes, "drawing": _drawing(plan, index)}


def weighted_random_sampler(rows: int) -> Result:
    """Whether torch draws at all, or what it says."""
    try:
        first = next(iter(WeightedRandomSampler(torch.ones(rows, dtype=torch.float64), 1)))
    except RuntimeError as error:
        return {"error": str(error)}
    assert 0 <= first < rows
    return {"error": None}


def _drawing(plan: Plan, index: StratumIndex) -> float:
    start = time.perf_counter()
    rows = draws(plan, index, 0, 0, _TIMED)
    seconds = time.perf_counter() - start
    assert 0 <= rows.min() <= rows.max() < len(index)
    return _TIMED / seconds


def section(*, quick: bool) -> Section:
    lines = []
    for rows in (1_000_000, 10_000_000) if quick else (100_000_000, 1_000_000_000):
        for name, bar in (("from_chunks", f"at most {BAR}"), ("from_sizes", "0")):
            result = alone(Arm("scale", name, {"rows": rows}))
            each = result["bytes"] / rows
            reached = each <= BAR if name == "from_chunks" else result["bytes"] <= _NOTHING
            lines.append(
                [
                    f"{rows:,} rows, `{name}`",
                    f"{result['seconds']:.3g} ({result['generated']:.3g})",
                    f"{each:.2f} ({result['bytes'] / 2**20:,.1f} MiB)",
                    bar,
                    met(reached),
                    f"{result['drawing'] / 1e6:.1f}",
                ]
            )
    refused = (1 << 24) + 1
    error = alone(Arm("scale", "weighted_random_sampler", {"rows": refused}))["error"]
    head = ["", "s to the first index (of which labels)", "bytes a row at peak", "bar", "met", "million draws a second"]
    text = f"""## A hundred million rows and a billion, {STRATA} labels

One run each. `from_chunks`: the labels are random and come in pieces of {_PIECE:,} bytes, once to be counted and once
to be indexed; the time to generate them is in brackets and part of the time before it. `from_sizes`: the rows lie
label after label, so that nothing is kept for a row ({_NOTHING / 2**20:.0f} MiB of working memory allowed).

{table(head, lines)}

torch's WeightedRandomSampler with {refused:,} weights: {f"RuntimeError: {error}" if error else "draws."}

What differs: no other package that accepts this many rows is compared."""
    return Section(text, ["equipoise", "numba", "torch", "numpy"])

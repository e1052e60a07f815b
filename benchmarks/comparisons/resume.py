"""Resume at draw one billion."""

import json
import time

import numpy as np
from numpy.typing import NDArray

from equipoise import Plan, PlanSampler, StratumIndex, draws

from . import mosaic
from .arms import Arm, Result, alone, in_fresh_turn
from .plans import balanced, census_of, power_law_counts, shuffled_codes
from .summary import Section, Spread, met, table

STRATA = 100
POSITION = 1_000_000_000
_INDEXES = {"from_codes": "rows in any order", "from_sizes": "rows label after label"}


def _index(kind: str, codes: NDArray[np.integer], counts: NDArray[np.int64]) -> StratumIndex:
    return (
        StratumIndex.from_sizes(census_of(counts)) if kind == "from_sizes" else StratumIndex.from_codes(codes, STRATA)
    )


def from_state(rows: int, index: str) -> Result:
    """Load a state, as a checkpoint keeps it, into a sampler that is there already; to the first index."""
    counts = power_law_counts(rows, STRATA)
    plan = balanced(census_of(counts))
    grouped = _index(index, shuffled_codes(counts), counts)
    saved = json.dumps(PlanSampler(plan, grouped).state_dict(position=POSITION))
    sampler = PlanSampler(plan, StratumIndex(grouped.sizes, grouped.order))  # an index that was asked nothing yet
    start = time.perf_counter()
    sampler.load_state_dict(json.loads(saved))
    first = next(iter(sampler))
    seconds = time.perf_counter() - start
    assert first == draws(plan, grouped, 0, POSITION, POSITION + 1)[0]
    return {"seconds": seconds}


def from_position(rows: int, index: str) -> Result:
    """Build everything from the plan's JSON and the labels in memory, and go to the position; to the first index."""
    counts = power_law_counts(rows, STRATA)
    text = balanced(census_of(counts)).to_json()
    codes = shuffled_codes(counts)
    start = time.perf_counter()
    plan = Plan.from_json(text)
    sampler = PlanSampler(plan, _index(index, codes, plan.counts))
    sampler.start_at(POSITION)
    first = next(iter(sampler))
    seconds = time.perf_counter() - start
    assert first == draws(plan, sampler.index, 0, POSITION, POSITION + 1)[0]
    return {"seconds": seconds}


def mosaicml_streaming(rows: int) -> Result:
    """Plan the epoch again from its middle."""
    plan = mosaic.planner(rows, streams=STRATA)
    start = time.perf_counter()
    work = plan(POSITION // rows, rows // 2)
    seconds = time.perf_counter() - start
    planned = work[work >= 0]
    assert abs(len(planned) - rows / 2) < 1e-3 * rows
    assert planned.max() < rows
    return {"seconds": seconds}


def section(*, quick: bool) -> Section:
    rows = 200_000 if quick else 20_000_000
    lines = []
    for function, title, bar in (
        ("from_state", "state dict into a sampler", 0.05),
        ("from_position", "position alone, sampler built from plan JSON and labels", 2.0),
    ):
        for kind, order in _INDEXES.items():
            arm = Arm("resume", function, {"rows": rows, "index": kind})
            seconds = Spread.of(result["seconds"] for result in in_fresh_turn({"": arm})[""])
            lines.append(
                [f"{title}, {order}", f"{seconds:.3g}", f"under {bar:g}", met(seconds.median < bar), f"{rows:,}"]
            )
    peer = Arm("resume", "mosaicml_streaming", {"rows": rows})
    seconds = alone(peer)["seconds"]
    lines.append(["mosaicml-streaming `generate_work`, one run", f"{seconds:.3g}", "", "", f"{rows:,}"])
    text = f"""## Resume at draw {POSITION:,}

Seconds to the first index; {STRATA} labels (streams for mosaicml-streaming) with power-law counts, each drawn equally
often. A fresh process each time; labels in memory.

{table(["", "seconds", "bar", "met", "rows"], lines)}

What differs: mosaicml-streaming plans the order of a whole epoch on resuming (here 64 ranks on 8 nodes, shards of
{mosaic.SHARD:,} samples, otherwise its defaults, without data files), the middle of an epoch taken as the place;
Equipoise computes draws at the position."""
    return Section(text, ["equipoise", "mosaicml-streaming", "torch", "numpy"])

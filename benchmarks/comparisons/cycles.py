"""Saved and loaded states, each followed by draws that are compared with those of a position alone."""

import json
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise import Plan, PlanSampler, Shard, StratumIndex, draws
from equipoise.base.files import write_atomically

from .arms import Arm, Result, alone
from .kinds import LABELS, TASKS, plan_of
from .plans import shuffled_codes
from .summary import Section, met, table

_FARTHEST = 1 << 40  # position that a cycle may jump to
_MOST = 64  # draws of a rank between two states
_WORLDS = (1, 2, 4, 8)


def cycles(
    number: int, plan: Plan, index: StratumIndex, draws_per_epoch: int, folder: Path
) -> Iterator[tuple[list[int], NDArray[np.int64], int]]:
    """Write a state to a file and read it into a new sampler, again and again.

    From one state to the next the run goes on on another rank of another number of ranks; every other time it jumps to
    a position anywhere in the stream first. Many cycles without a jump would add up an error of any of them.

    Parameters
    ----------
    number : int
        How many.
    plan, index, draws_per_epoch : Plan, StratumIndex, int
        As for `PlanSampler`; an epoch must split over 8 ranks.
    folder : path
        Where the file is written.

    Yields
    ------
    tuple of list of int, ndarray of int64 and int
        Rows that the new sampler gives, those that `draws` gives, and the bytes of the state.
    """
    rng = np.random.default_rng(0)
    path = folder / "state.json"
    sampler = PlanSampler(plan, index, 3, draws_per_epoch)
    for _ in range(number):
        anywhere = int(rng.integers(_FARTHEST // 8)) * 8
        state = sampler.state_dict(position=anywhere if rng.random() < 0.5 else None)
        with write_atomically(path) as temporary:
            temporary.write_text(json.dumps(state), encoding="utf-8")
        world = int(rng.choice(_WORLDS))
        shard = Shard(int(rng.integers(world)), world)
        sampler = PlanSampler(plan, index, 3, draws_per_epoch, shard)
        sampler.load_state_dict(json.loads(path.read_text(encoding="utf-8")))
        start = sampler.position
        # A whole number of times 8 draws of all ranks together, so that any number of ranks can go on there.
        of_rank = 8 * int(rng.integers(1, _MOST // 8 + 1))
        found = list(islice(sampler, of_rank))
        # The epoch may have ended.
        assert sampler.position == start + world * len(found)
        yield found, draws(plan, index, 3, start, sampler.position)[shard.rank :: world], path.stat().st_size


def equipoise(rows: int, number: int) -> Result:
    """Count the cycles after which the draws were those of the position."""
    plan = plan_of(rows)
    index = StratumIndex.from_codes(shuffled_codes(plan.counts, np.uint16), len(plan.strata))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = [
            (found == expected.tolist(), len(found), size)
            for found, expected, size in cycles(number, plan, index, len(index) - len(index) % 8, Path(folder))
        ]
    same, drawn, sizes = zip(*made, strict=True)
    return {
        "same": sum(same), "draws": sum(drawn), "bytes": [min(sizes), max(sizes)],
        "seconds": time.perf_counter() - start,
    }  # fmt: skip


def section(*, quick: bool) -> Section:
    rows, number = (1 << 17, 100) if quick else (1_000_000, 10_000)
    found = alone(Arm("cycles", "equipoise", {"rows": rows, "number": number}))
    low, high = found["bytes"]
    line = [
        f"{number:,}", f"{found['same']:,}", met(found["same"] == number), f"{found['draws']:,}",
        f"{low:,} to {high:,}", f"{found['seconds'] / number * 1e3:.1f}",
    ]  # fmt: skip
    head = ("cycles", "draws right", "all", "draws compared", "bytes of the state", "ms a cycle")
    text = f"""## Saved and loaded states

A cycle writes the state of a `PlanSampler` as JSON to a file, reads it into a new sampler, on another rank of another
number of ranks (1, 2, 4 or 8), and continues for 8 to {_MOST} rows of that rank; they must be those that `draws` gives
for the position. Half of the cycles resume where the last one stopped, half jump anywhere below draw 2^40.
{TASKS * LABELS:,} strata, {rows:,} rows in random order.

{table(head, [line])}"""
    return Section(text, ["equipoise", "numpy"])

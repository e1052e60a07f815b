"""64 ranks without a model: what a step waits for while each rank works out its own rows."""

import sys
import time
from itertools import islice
from typing import Any

import numpy as np

from equipoise import Plan, Shard, StratumIndex

from .arms import Arm, Result, alone
from .kinds import KINDS, LABELS, TASKS, lengths_of, plan_of, sampler_of
from .memory import PeakMemory
from .summary import Section, met, table

RANKS, OF_RANK, ACCUMULATION = 64, 16, 4
BATCH = RANKS * OF_RANK * ACCUMULATION
BAR_MS = 5  # of a step, the slowest rank, on average over steps
_EPOCH = 3
_WITHOUT_NUMBA = {"independent", "WeightedSampler"}  # they have no inner loop that is compiled


def equipoise(kind: str, rows: int, steps: int, numba: bool) -> Result:
    """Processor seconds of each rank, one after the other: to make its sampler, and of each step.

    What a rank computes depends on nobody else, so that ranks need not run at once to take what they take. Seconds of
    the processor leave out what else the machine does.
    """
    if not numba:
        sys.modules["numba"] = None  # type: ignore[assignment] # not to be found
    plan = plan_of(rows)
    index = StratumIndex.from_sizes(plan)
    given: dict[str, Any] = {}
    if kind in {"LengthSorted", "TokenBatches"}:
        given["lengths"] = lengths_of(rows)
    if kind == "WeightedSampler":
        given["weights"] = index.spread(plan.importance_weights + 0.5)
    taking_over = 0.0
    if numba:
        # Loaded and compiled before the steps are timed; how long the step that does it takes is said beside them.
        start = time.process_time()
        from equipoise.drawing import compiled  # noqa: F401

        _run(kind, plan, index, given, 0, 2)
        taking_over = time.process_time() - start
    made, seconds = [], []
    with PeakMemory() as memory:
        made, seconds = [[each] for each in _run(kind, plan, index, given, 0, steps)]
    for rank in range(1, RANKS):
        of_rank = _run(kind, plan, index, given, rank, steps)
        made.append(of_rank[0])
        seconds.append(of_rank[1])
    of_steps = np.array(seconds) * 1e3
    later = of_steps[:, 1:]
    return {
        "made": float(np.max(made) * 1e3), "first": float(of_steps[:, 0].max()), "mean": float(later.mean()),
        "slowest": float(later.max(axis=0).mean()), "p99": float(np.percentile(later, 99)),
        "worst": float(later.max()), "mib": memory.bytes / (1 << 20), "taking_over": taking_over,
    }  # fmt: skip


def _run(
    kind: str, plan: Plan, index: StratumIndex, given: dict[str, Any], rank: int, steps: int
) -> tuple[float, list[float]]:
    """Seconds to make a rank's sampler, and seconds of each of its steps."""
    start = time.process_time()
    draws = len(index) // BATCH * BATCH
    sampler = sampler_of(
        kind, plan, index, given, Shard(rank, RANKS), draws=draws, batch=BATCH, accumulation=ACCUMULATION
    )
    sampler.set_epoch(_EPOCH)
    made = time.process_time() - start
    rows = iter(sampler)
    wanted = ACCUMULATION if kind == "TokenBatches" else BATCH // RANKS
    seconds = []
    for _ in range(steps):
        start = time.process_time()
        taken = list(islice(rows, wanted))
        seconds.append(time.process_time() - start)
        assert len(taken) == wanted
    return made, seconds


def section(*, quick: bool) -> Section:
    rows, steps = (1 << 20, 80) if quick else (100_000_000, 16 + 2 * 64)
    lines, taking_over = [], 0.0
    for kind in KINDS:
        of_kind = rows // 10 if kind == "WeightedSampler" else rows
        for numba in (False,) if kind in _WITHOUT_NUMBA else (False, True):
            arm = Arm("ranks", "equipoise", {"kind": kind, "rows": of_kind, "steps": steps, "numba": numba})
            found = alone(arm)
            taking_over = max(taking_over, found["taking_over"])
            lines.append([
                kind, f"{of_kind:,}", "numba" if numba else "numpy alone",
                *(f"{found[name]:.2f}" for name in ("mean", "slowest")), met(found["slowest"] <= BAR_MS),
                *(f"{found[name]:.1f}" for name in ("p99", "worst", "first", "made")),
                # Memory that loading numba took and gave back would hide what a rank takes.
                "" if numba else f"{found['mib']:.1f}",
            ])  # fmt: skip
    head = (
        "sampler", "rows", "", "ms a step, mean over ranks", "the slowest rank's, mean over steps",
        f"at most {BAR_MS} ms", "99th percentile", "worst step", "first step", "making the sampler", "MiB of a rank",
    )  # fmt: skip
    text = f"""## 64 ranks

Processor milliseconds for the row numbers of one optimiser step, on each of {RANKS} ranks: {OF_RANK} examples a rank x
{ACCUMULATION} accumulated, a global batch of {BATCH:,}; {steps - 1} steps of each rank after its first, in
epoch {_EPOCH}. {TASKS * LABELS:,} strata in {TASKS} tasks; lengths, where they are sorted, in windows of 64 global
batches. No model. A rank is a sampler of its own with
`Shard(rank, {RANKS})`, which nothing but its own numbers comes from: nothing is sent or waited for, which
`tests/distributed/test_no_communication.py` shows with a torch.distributed and sockets that refuse all calls.

{table(head, lines)}

Rows come in stretches: most steps cost almost nothing, and every 64th holds the whole stretch's work, more than
{BAR_MS} ms with most samplers; "worst" is the slowest of those. `LengthSorted` and `TokenBatches` draw and sort
the whole window on every rank, `OneTask` begins a stream for each task in it. Memory is the greatest while a rank
draws, above what plan, index, lengths and weights take. With numba one step more holds the {taking_over:.1f} s of
loading it, when a rank has drawn two million rows. The others need no compiled loop."""
    return Section(text, ["equipoise", "numba", "numpy"])

"""A long training's draws through a DataLoader: memory, state and exactness from its start to its end."""

import json
import time
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from equipoise import StratumIndex, draws

from .arms import Arm, Result, alone
from .kinds import KINDS, LABELS, TASKS, lengths_of, plan_of, sampler_of
from .memory import PeakMemory
from .plans import shuffled_codes
from .summary import Section, met, table

BATCH = 1024
BAR_MIB = 4  # of growth after the first part
_PARTS = 50
_WARM = 4096  # batches before the first part: numba takes over in them
_MIB = 1 << 20


class NoCost(Dataset[int]):
    """A dataset that gives row numbers back, a batch at a time."""

    def __getitems__(self, rows: list[int]) -> list[int]:
        return rows


def _as_it_is(rows: list[int]) -> list[int]:
    return rows


def loop(kind: str, batches: int, rows: int) -> Result:
    """Run batches through a DataLoader over many epochs, in parts.

    At each part's end: greatest resident memory in it, bytes of the state, and whether the stream stands where it
    should. `Mixed` is compared with `draws` there as well.
    """
    plan = plan_of(rows)
    index = StratumIndex.from_codes(shuffled_codes(plan.counts, np.uint16), len(plan.strata))
    given = {"lengths": lengths_of(rows), "weights": index.spread(plan.importance_weights + 0.5)}
    epoch = rows // BATCH
    sampler = sampler_of(kind, plan, index, given, draws=epoch * BATCH, batch=BATCH)
    place: dict[str, Any] = {"sampler": sampler, "batch_size": BATCH}
    if kind == "TokenBatches":
        place = {"batch_sampler": sampler}
    loader = DataLoader(NoCost(), collate_fn=_as_it_is, **place)
    stream = _endless(loader)
    done = warm = sum(len(batch) for batch in islice(stream, _WARM))
    peaks, states = [], []
    begin = time.perf_counter()
    for _ in range(_PARTS):
        with PeakMemory() as memory:
            for batch in islice(stream, batches // _PARTS):
                done += len(batch)
        peaks.append(memory.total / _MIB)
        states.append(len(json.dumps(sampler.state_dict())))
        assert sampler.position == done
        if kind == "Mixed":
            assert batch == draws(plan, index, 0, done - BATCH, done).tolist()
    seconds = time.perf_counter() - begin
    return {"draws": done, "peaks": peaks, "states": states, "rate": (done - warm) / seconds / 1e6}


def _endless(loader: DataLoader[int]) -> Any:
    while True:
        yield from loader


def section(*, quick: bool) -> Section:
    rows = 1 << 17 if quick else 10_000_000
    lines, most = [], 0.0
    for kind in KINDS:
        billion = kind == "Mixed"
        wanted = 1 << 20 if quick else 1_000_000_000 if billion else 100_000_000
        batches = -(-wanted // BATCH // _PARTS) * _PARTS
        found = alone(Arm("soak", "loop", {"kind": kind, "batches": batches, "rows": rows}))
        peaks, states = found["peaks"], found["states"]
        growth = max(peaks[1:]) - peaks[0]
        most = max(most, growth)
        lines.append([
            f"**{kind}**" if billion else kind, f"{found['draws']:,}", f"{found['draws'] / rows:,.1f}",
            f"{peaks[0]:.1f}", f"{max(peaks[1:]):.1f}", f"{peaks[-1]:.1f}", met(growth <= BAR_MIB),
            f"{min(states):,} to {max(states):,}", f"{found['rate']:.1f}",
        ])  # fmt: skip
    head = (
        "sampler", "draws", "epochs", "resident MiB, greatest in the first part", "in the others", "in the last",
        f"at most {BAR_MIB} MiB more", "bytes of the state", "million draws a second",
    )  # fmt: skip
    text = f"""## A billion draws

Batches of {BATCH:,} through torch's DataLoader without workers, from a dataset that gives back the row numbers that it
is asked for; {TASKS * LABELS:,} strata, {rows:,} rows in random order. After {_WARM * BATCH:,} draws, in which
numba takes over, the run is cut into {_PARTS} parts. At each one's end `sampler.position` is the number of draws so
far, and `Mixed` has just given what `draws` gives there. A state grows by the digits of its position and by nothing
else.

{table(head, lines)}

Resident memory is that of the whole process: Python, torch, numba once it takes over, the row numbers of all strata
(4 bytes a row), and the lengths or weights of all rows. The machine did other work at the same time: the speed says
little."""
    return Section(text, ["equipoise", "numba", "numpy", "torch"])

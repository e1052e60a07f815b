"""Drawing a schedule of 100 stages beside one plan."""

import time

import numpy as np

from equipoise import Census, Mixed, Plan, PlanSampler, Quota, Schedule, StratumIndex
from equipoise.drawing.batches import Batches
from equipoise.schedule import Progressive

from .plans import names
from .shares import power_law
from .summary import Section, Spread, met, ratios, table

STAGES, BAR, REPEATS = 100, 0.9, 3
CASES = ((10, 512), (10, 4096), (100, 4096), (1000, 4096), (100, 40_960), (1000, 40_960), (100, 409_600))
FAR = 10**12


def section(quick: bool = False) -> Section:
    """Measure numpy, and numba where it is loaded, in turn with one plan in the same process."""
    rows: list[list[str]] = []
    for loop in ("numpy", "numba"):
        if loop == "numba":
            import numba  # noqa: F401 - where it is loaded, it is used at once

            _row(loop, *CASES[0], Mixed(), 1)  # compiles
        for strata, length in CASES[:2] if quick else CASES:
            for batches in (Mixed(), Quota(32)):
                if batches.size and length > 4096:
                    continue
                rows.append(_row(loop, strata, length, batches, 2 if quick else REPEATS))
    head = ["loop", "strata", "draws a stage", "batches", "one plan, M rows/s", "100 stages, M rows/s", "ratio"]
    head += [f"at least {BAR}", "cost of a stage, ms", "1,000 rows at draw 10**12, ms: one plan", "100 stages"]
    text = f"""## Schedules

A schedule of {STAGES} stages (classes of tasks with 5 labels, from natural to equal) beside the plan of its middle:
rows of a `PlanSampler` whose epoch is the whole training, CPU seconds, {REPEATS} times in turn in one process, median
(least to greatest). A stage costs about as much whether it is long or short, so the ratio is that of its cost to the
rows it has.

{table(head, rows)}"""
    return Section(text, ["equipoise", "numpy", "numba"])


def _row(loop: str, strata: int, length: int, batches: Batches, repeats: int) -> list[str]:
    counts = np.maximum((power_law(strata) * 100 * strata).astype(int), 1).tolist()
    tasks, labels = names(strata // 5), names(5)
    census = Census.from_counts(
        {task: dict(zip(labels, counts[number :: len(tasks)], strict=True)) for number, task in enumerate(tasks)}
    )
    draws = STAGES * length
    schedule = Schedule.build(census, Progressive(STAGES), draws=draws, global_batch=32)
    arms: tuple[Plan | Schedule, ...] = (schedule.stages[STAGES // 2].plan, schedule)
    index = StratumIndex.from_sizes(schedule)
    whole = [[_seconds(plan, index, draws, batches) for plan in arms] for _ in range(repeats)]
    far = [[_seconds_far(plan, index, draws, batches) for plan in arms] for _ in range(repeats)]
    one, staged = ([draws / 1e6 / each[arm] for each in whole] for arm in (0, 1))
    ratio = ratios(staged, one)
    cost = Spread.of((each[1] - each[0]) / STAGES * 1e3 for each in whole)
    cells = [loop, f"{strata:,}", f"{length:,}", type(batches).__name__]
    cells += [f"{Spread.of(one):.2f}", f"{Spread.of(staged):.2f}", f"{ratio:.2f}", met(ratio.median >= BAR)]
    return [*cells, f"{cost:.2f}", *(f"{Spread.of(each[arm] * 1e3 for each in far):.1f}" for arm in (0, 1))]


def _seconds(plan: Plan | Schedule, index: StratumIndex, draws: int, batches: Batches) -> float:
    sampler = PlanSampler(plan, index, draws_per_epoch=draws, batches=batches)
    begin = time.process_time()
    for _ in sampler:
        pass
    return time.process_time() - begin


def _seconds_far(plan: Plan | Schedule, index: StratumIndex, draws: int, batches: Batches) -> float:
    sampler = PlanSampler(plan, index, draws_per_epoch=draws, batches=batches)
    begin = time.process_time()
    sampler.rows(FAR, FAR + 1000)
    return time.process_time() - begin

"""Choose sources for about a million draws, beside packages that mix sources."""

import time
from collections.abc import Iterator

from . import peers
from .arms import Arm, Pool, Result
from .shares import power_law, share_error, worst_prefix_error
from .summary import Section, Spread, met, ratios, table

DRAWS = 1 << 20
# Peers that take minutes for all draws make fewer, and their time per draw is compared.
_FEWER = {
    ("grain", 2): 1 << 18,
    ("grain", 100): 1 << 17,
    ("grain", 1000): 1 << 15,
    ("datasets_iterable", 2): 1 << 13,
    ("datasets_iterable", 100): 1 << 13,
    ("datasets_iterable", 1000): 1 << 11,
}
_NAMES = {
    "torchdata_nodes": "torchdata.nodes MultiNodeWeightedSampler",
    "grain": "grain MapDataset.mix",
    "datasets_iterable": "datasets.interleave_datasets, iterable",
    "datasets_map": "datasets.interleave_datasets, map-style",
    "megatron_core": "megatron-core build_blending_indices",
}


def choose(package: str, tasks: int, n: int) -> Result:
    """Time n choices by a package; errors at its own number of draws, and Equipoise's at the same number."""
    shares = power_law(tasks)
    make, read = getattr(peers, package)(shares, 0, n)
    start = time.perf_counter()
    made = make()
    seconds = time.perf_counter() - start
    choices = read(made)
    assert len(choices) >= n
    assert 0 <= choices.min() <= choices.max() < tasks
    seconds_per_draw = seconds / len(choices)
    choices, ours = choices[:n], peers.equipoise(shares, 0, n)[0]()
    return {
        "seconds_per_draw": seconds_per_draw,
        "share": share_error(choices, shares),
        "prefix": worst_prefix_error(choices, shares),
        "our_share": share_error(ours, shares),
        "our_prefix": worst_prefix_error(ours, shares),
    }


def section(*, quick: bool) -> Section:
    with Pool() as pool:
        lines = [line for tasks in (2, 100, 1000) for line in _of_tasks(pool, tasks, quick)]
    head = (
        "",
        "draws timed",
        "million choices a second",
        "times faster (theirs / ours, per draw)",
        "faster",
        "share error, ours / theirs, at most theirs",
        "worst prefix error in draws, ours / theirs, at most theirs",
    )
    text = f"""## Choosing sources

Which of 2, 100 and 1,000 tasks each draw is of, tasks in proportion to 1, 1/2, 1/3, ...; {DRAWS:,} draws (2^20), or
as many as the table says where a package is too slow for that. Equipoise with numba loaded. Share error: the greatest
|count / draws - share| of any task. Worst prefix error: the greatest |count - draws so far x share| of any task after
any draw. Both are compared at the same number of draws; where that is less than a block of Equipoise (16,384 draws
for 1,000 tasks), in the middle of its block.

{table(head, lines)}

What differs: Equipoise (`draw_strata`) and megatron-core give arrays of choices alone; torchdata, grain and the
iterable datasets also fetch an item, here a number that costs almost nothing, and the map-style datasets make the
whole table of rows. Megatron and grain follow a fixed order; Equipoise shuffles the order inside a block, which is
what its prefix error comes from (see the section on prefix errors), so that ranks which take every n-th draw get
the same mixture."""
    return Section(text, ["equipoise", "torchdata", "grain", "datasets", "megatron-core", "numpy"])


def _of_tasks(pool: Pool, tasks: int, quick: bool) -> Iterator[list[str]]:
    draws = {name: min(_FEWER.get((name, tasks), DRAWS), 1 << 13 if quick else DRAWS) for name in _NAMES}
    draws["equipoise"] = 1 << 14 if quick else DRAWS
    arms = {name: Arm("sources", "choose", {"package": name, "tasks": tasks, "n": n}) for name, n in draws.items()}
    results = pool.in_turn(arms, 2 if quick else 5)
    ours = [result["seconds_per_draw"] for result in results["equipoise"]]
    yield [f"**Equipoise, {tasks:,} tasks**", f"{draws['equipoise']:,}", f"{_rate(ours):.3g}", "", "", "", ""]
    for name, title in _NAMES.items():
        theirs = [result["seconds_per_draw"] for result in results[name]]
        result, ratio = results[name][0], ratios(theirs, ours)
        yield [
            title,
            f"{draws[name]:,}",
            f"{_rate(theirs):.3g}",
            f"{ratio:.3g}",
            met(ratio.median > 1),
            _beside(result["our_share"], result["share"], ".1e"),
            _beside(result["our_prefix"], result["prefix"], ".1f"),
        ]


def _beside(ours: float, theirs: float, spec: str) -> str:
    return f"{ours:{spec}} / {theirs:{spec}}, {met(ours <= theirs)}"


def _rate(seconds_per_draw: list[float]) -> Spread:
    return Spread.of(1e-6 / seconds for seconds in seconds_per_draw)

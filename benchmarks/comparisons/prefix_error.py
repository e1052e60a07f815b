"""How far any stratum is from its share, at block ends and anywhere, beside packages that mix sources."""

from . import peers
from .arms import Arm, Pool, Result
from .plans import mixture
from .shares import block_end_error, power_law, worst_prefix_error
from .summary import Section, Spread, met, table

DRAWS = 6_000
BAR = 1.1
_NAMES = {
    "equipoise": "Equipoise",
    "grain": "grain MapDataset.mix",
    "megatron_core": "megatron-core build_blending_indices",
    "torchdata_nodes": "torchdata.nodes MultiNodeWeightedSampler (independent draws)",
    "datasets_map": "datasets.interleave_datasets (independent draws)",
}


def anywhere(package: str, tasks: int, n: int, seeds: int) -> Result:
    shares = power_law(tasks)
    errors = []
    for seed in range(seeds):
        make, read = getattr(peers, package)(shares, seed, n)
        errors.append(worst_prefix_error(read(make())[:n], shares))
    return {"errors": errors}


def at_block_ends(tasks: int, blocks: int, seeds: int) -> Result:
    shares = power_law(tasks)
    plan = mixture(shares)
    errors = []
    for seed in range(seeds):
        choices = peers.equipoise(shares, seed, blocks * plan.block)[0]()
        errors.append(block_end_error(choices, plan.probabilities, plan.block))
    return {"errors": errors, "block": plan.block}


def section(*, quick: bool) -> Section:
    seeds, blocks = (2, 16) if quick else (5, 512)
    inside, ends = [], []
    with Pool() as pool:
        for tasks in (2, 10, 100, 1000):
            options = {"tasks": tasks, "seeds": seeds}
            arms = {name: Arm("prefix_error", "anywhere", {"package": name, "n": DRAWS, **options}) for name in _NAMES}
            arms["ends"] = Arm("prefix_error", "at_block_ends", {**options, "blocks": blocks})
            results = {name: results[0] for name, results in pool.in_turn(arms, 1).items()}
            spreads = [Spread.of(results[name]["errors"]) for name in _NAMES]
            inside.append([f"{tasks:,}", *(f"{spread:.1f}" for spread in spreads)])
            error = Spread.of(results["ends"]["errors"])
            cells = (f"{error:.2f}", f"at most {BAR}", met(error.high <= BAR))
            ends.append([f"{tasks:,}", f"{results['ends']['block']:,}", *cells])
    text = f"""## Worst prefix error

The greatest |count - draws so far x share| of any task, in draws, tasks in proportion to 1, 1/2, 1/3, ...; median and
range over {seeds} seeds. Equipoise at the ends of its blocks, over {blocks} blocks:

{table(["tasks", "block", "worst at a block's end", "bar", "met"], ends)}

After any of the first {DRAWS:,} draws:

{table(["tasks", *_NAMES.values()], inside)}

What differs: grain and Megatron keep every prefix near its share by a fixed order; Equipoise shuffles inside a block
and is exact at its end; independent draws drift without bound."""
    return Section(text, ["equipoise", "torchdata", "grain", "datasets", "megatron-core", "numpy"])

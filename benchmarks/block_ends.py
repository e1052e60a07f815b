"""How far a stratum can be from its share at a block's end: the worst that a search finds."""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.summary import table
from equipoise.base.masses import masses_of
from equipoise.drawing.apportion import Apportionment
from results import record

BLOCKS = (1, 32, 2048)
STRATA = (3, 4, 6, 8, 12, 16, 32, 64)
STRETCH = 256  # blocks looked at together
STARTS = 1 << 19  # of a stretch; at most 2**30 draws before it, so that products fit int64
PATIENCE = 60  # changes in a row that make nothing worse, after which a climb ends
CHANGES = (3e-4, 3e-3, 0.03, 0.3, 1.0)

Array = NDArray[np.float64]


@dataclass
class Plan:
    """Draws of all strata but the most common that are due in a block, and the block that a stretch starts at."""

    due: Array
    start: int

    def error(self, block: int) -> float:
        """Greatest |drawn - planned| draws of any stratum at any block's end in the stretch."""
        common = block - self.due.sum()
        masses = masses_of(np.append(self.due, common))
        ends = Apportionment(masses, block).ends(self.start, self.start + STRETCH)
        # planned = at * mass / 2**60, the integer part and the greater part of the rest exactly.
        at = np.arange(self.start, self.start + STRETCH + 1)[:, None] * block
        high, low = np.divmod(masses, 1 << 30)
        whole, rest = np.divmod(at * high, 1 << 30)
        return float(np.abs((ends - whole) - rest * 2.0**-30 - at * (low * 2.0**-60)).max())

    def changed(self, generator: np.random.Generator) -> "Plan":
        """Give the plan with some shares, and at times the stretch, changed at random."""
        some = generator.random(len(self.due)) < generator.choice([0.1, 0.5, 1.0])
        steps = generator.normal(0, generator.choice(CHANGES), len(self.due)) * some
        start = self.start if generator.random() < 0.7 else int(generator.integers(STARTS))
        return Plan(self.due * np.exp(steps), start)


@dataclass
class Range:
    """Plans whose strata are due so many draws a block, in powers of ten; at least one stratum takes the rest."""

    least: float
    most: float

    def random(self, block: int, generator: np.random.Generator) -> Plan:
        """Give a random plan of this kind."""
        low = generator.uniform(self.least, self.most)
        due = 10 ** generator.uniform(low, generator.uniform(low, self.most), int(generator.choice(STRATA)) - 1)
        return Plan(self._fitted(due, block), int(generator.integers(STARTS)))

    def holds(self, plan: Plan, block: int) -> bool:
        """Whether a plan is of this kind."""
        return plan.due.min() >= 10**self.least and plan.due.sum() <= self._room(block)

    def _fitted(self, due: Array, block: int) -> Array:
        while due.sum() > self._room(block):
            due = due[:-1] if len(due) > 1 else due / 2
        return due

    def _room(self, block: int) -> float:
        return block - min(1.0, block / 2)  # the most common stratum is due a draw too, or half of all


def climbed(kind: Range, block: int, generator: np.random.Generator) -> tuple[float, float]:
    """Error of a random plan, and after changing it bit by bit for the worse."""
    plan = kind.random(block, generator)
    first = worst = plan.error(block)
    vain = 0
    while vain < PATIENCE:
        other = plan.changed(generator)
        error = other.error(block) if kind.holds(other, block) else 0.0
        vain = 0 if error > worst else vain + 1
        if error >= worst:
            plan, worst = other, error
    return first, worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--climbs", type=int, default=60, help="for each row of the table")
    climbs = parser.parse_args().climbs
    lines = []
    for block in BLOCKS:
        for name, kind in (("at least 1", Range(0, 1.5)), ("0.000001 to 3", Range(-6, 0.5))):
            if block == 1 and kind.least == 0:
                continue  # one draw cannot hold one of each
            generator = np.random.default_rng(block)
            firsts, worsts = zip(*(climbed(kind, block, generator) for _ in range(climbs)), strict=True)
            lines.append([f"{block:,}", name, f"{max(firsts):.3f}", f"{max(worsts):.3f}"])
            print(lines[-1], flush=True)
    head = ["block", "draws of a stratum due in a block", "worst, random plans", "worst, made worse step by step"]
    text = f"""## The worst error at a block's end

|drawn - planned| draws of any stratum at the end of any of {STRETCH} blocks, of {climbs} random plans of {STRATA[0]} to
{STRATA[-1]} strata a row, and of the same plans changed step by step for as long as that makes it worse. One stratum
takes what the others leave. Where every stratum is due a draw in each block, less than 1 is proved.

{table(head, lines)}"""
    record("block ends", "python benchmarks/block_ends.py", ["equipoise", "numpy"], text)


if __name__ == "__main__":
    main()

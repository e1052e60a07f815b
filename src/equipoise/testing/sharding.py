"""Sharding: the ranks split one stream among them."""

from collections import Counter
from itertools import product, zip_longest

import numpy as np

from equipoise.testing.outcome import Outcome
from equipoise.testing.shares import deviation
from equipoise.testing.subject import Item, Subject, rows_of


def sharding_length(subject: Subject) -> Outcome:
    """Two epochs, as for one process."""
    for world_size in subject.world_sizes:
        lengths = [len(subject.make(0, rank, world_size)) for rank in range(world_size)]
        yielded = [
            [len(epoch) for epoch in subject.epochs(2, rank=rank, world_size=world_size)] for rank in range(world_size)
        ]
        if yielded != [[lengths[0]] * 2] * world_size:
            return f"{world_size} ranks have the lengths {lengths} and yield {yielded} in two epochs"
    return None


def sharding_union(subject: Subject) -> Outcome:
    """As multisets: the order has its own check."""
    single = Counter(rows_of(subject.epochs(1)[0]))
    for world_size in subject.world_sizes:
        ranks = [Counter(rows_of(items)) for items in subject.ranks(world_size)]
        together = sum(ranks, Counter[int]())
        if together != single:
            shared = sum(sum(row in rank for rank in ranks) > 1 for row in together)
            return (
                f"{world_size} ranks yield {together.total()} draws of {len(together)} examples, {shared} of them on "
                f"more than one rank; one process yields {single.total()} draws of {len(single)}"
            )
    return None


def sharding_order(subject: Subject) -> Outcome:
    """Over two epochs."""
    single = subject.epochs(2)
    for world_size in subject.world_sizes:
        ranks = [subject.epochs(2, rank=rank, world_size=world_size) for rank in range(world_size)]
        for number, epoch in enumerate(single):
            wrong = out_of_step([of[number] for of in ranks], rows_of(epoch))
            if wrong:
                return f"on {world_size} ranks, in epoch {number}, {wrong}"
    return None


def sharding_shares(subject: Subject) -> Outcome:
    """Each rank's drawn shares against those of all ranks together: wrong shares of all have their own check."""
    tests = sum(subject.world_sizes)
    for world_size in subject.world_sizes:
        rows = [subject.rows(rank, world_size) for rank in range(world_size)]
        n = subject.n_examples or 1 + max(int(of.max(initial=0)) for of in rows)
        counts = np.array([np.bincount(of, minlength=n) for of in rows])
        everywhere = counts.sum(axis=0)
        for rank, of in enumerate(counts):
            found = deviation(of, everywhere / everywhere.sum(), subject, tests) if of.any() else "nothing"
            if found:
                return f"rank {rank} of {world_size}, compared with all ranks: {found}"
    return None


def sharding_seeds(subject: Subject) -> Outcome:
    """Orders of ranks of different world sizes are compared up to the end of the shorter."""
    orders: dict[tuple[int, int, int], list[Item]] = {
        (seed, world_size, rank): subject.epochs(1, seed, rank, world_size)[0]
        for seed, world_size in product(range(4), subject.world_sizes)
        for rank in range(world_size)
    }
    for (one, ours), (other, others) in product(orders.items(), repeat=2):
        shorter = min(len(ours), len(others))
        # A few draws may be equal by chance.
        if one[0] < other[0] and shorter >= 20 and ours[:shorter] == others[:shorter]:
            names = [f"seed {seed}, rank {rank} of {world_size}" for seed, world_size, rank in (one, other)]
            return " and ".join(names) + " draw the same"
    return None


def out_of_step(ranks: list[list[Item]], single: list[int]) -> str | None:
    """Return at which step the ranks together do not yield the next rows of one process; None where they do."""
    at = 0
    for step, items in enumerate(zip_longest(*ranks, fillvalue=())):
        rows = rows_of(items)
        if Counter(rows) != Counter(single[at : at + len(rows)]):
            return f"step {step} yields rows {_some(rows)}, one process has {_some(single[at : at + len(rows)])} there"
        at += len(rows)
    return None if at == len(single) else f"{at} rows are yielded and one process has {len(single)}"


def _some(rows: list[int], shown: int = 8) -> str:
    return ", ".join(map(str, rows[:shown])) + (", ..." if rows[shown:] else "")

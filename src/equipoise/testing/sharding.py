"""Sharding: the ranks split one stream among them."""

from collections import Counter
from collections.abc import Iterable
from itertools import product, zip_longest

import numpy as np

from equipoise.testing.shares import deviation
from equipoise.testing.subject import BrokenPromiseError, Item, Subject, rows_of


def sharding_length(subject: Subject) -> None:
    """Two epochs, as for one process."""
    for world_size in subject.world_sizes:
        lengths = [len(subject.make(0, rank, world_size)) for rank in range(world_size)]
        yielded = [[len(epoch) for epoch in of] for of in subject.ranks(world_size, 2)]
        if yielded != [[lengths[0]] * 2] * world_size:
            raise BrokenPromiseError(f"{world_size} ranks have the lengths {lengths} and yield {yielded} in two epochs")


def sharding_union(subject: Subject) -> None:
    """As multisets: the order has its own check."""
    for world_size in subject.world_sizes:
        single = Counter(rows_of(subject.single(world_size, 1)[0]))
        ranks = [Counter(rows_of(items)) for (items,) in subject.ranks(world_size, 1)]
        together = sum(ranks, Counter[int]())
        if together != single:
            shared = sum(sum(row in rank for rank in ranks) > 1 for row in together)
            raise BrokenPromiseError(
                f"{world_size} ranks yield {together.total()} draws of {len(together)} examples, {shared} of them on "
                f"more than one rank; one process yields {single.total()} draws of {len(single)}"
            )


def sharding_order(subject: Subject) -> None:
    """Over two epochs."""
    for world_size in subject.world_sizes:
        single = subject.single(world_size, 2)
        for number, ranks in enumerate(zip(*subject.ranks(world_size, 2), strict=True)):
            expect_in_step(ranks, rows_of(single[number]), f"on {world_size} ranks, in epoch {number}")


def sharding_shares(subject: Subject) -> None:
    """Each rank's drawn shares against those of all ranks together: wrong shares of all have their own check."""
    tests = sum(subject.world_sizes)
    for world_size in subject.world_sizes:
        rows = [subject.rows(subject.share_draws, rank, world_size) for rank in range(world_size)]
        n = subject.n_examples or 1 + max(int(of.max(initial=0)) for of in rows)
        counts = np.array([np.bincount(of, minlength=n) for of in rows])
        everywhere = counts.sum(axis=0)
        for rank, of in enumerate(counts):
            found = deviation(of, everywhere / everywhere.sum(), subject, tests) if of.any() else "nothing"
            if found:
                raise BrokenPromiseError(f"rank {rank} of {world_size}, compared with all ranks: {found}")


def sharding_seeds(subject: Subject) -> None:
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
            raise BrokenPromiseError(" and ".join(names) + " draw the same")


def expect_in_step(ranks: Iterable[list[Item]], single: list[int], where: str) -> None:
    """Raise a BrokenPromiseError that says at which step the ranks together do not yield the rows of one process."""
    at = 0
    for step, items in enumerate(zip_longest(*ranks, fillvalue=())):
        rows = rows_of(items)
        wanted = single[at : at + len(rows)]
        if Counter(rows) != Counter(wanted):
            raise BrokenPromiseError(
                f"{where}, step {step} yields rows {_some(rows)}, one process has {_some(wanted)} there"
            )
        at += len(rows)
    if at != len(single):
        raise BrokenPromiseError(f"{where}, {at} rows are yielded and one process has {len(single)}")


def _some(rows: list[int], shown: int = 8) -> str:
    return ", ".join(map(str, rows[:shown])) + (", ..." if rows[shown:] else "")

"""Seeds and epochs: every one has an order of its own."""

from collections.abc import Callable
from itertools import combinations
from math import lgamma, log

import numpy as np

from equipoise.testing.outcome import Failed, Outcome, Skipped, check
from equipoise.testing.subject import Item, Subject, difference, rows_of

_SEEDS = _EPOCHS = 3
_BITS = 40  # orders that differ by chance must be this many, so that two equal ones are no accident


@check(
    "seeds",
    promise="another seed gives another order, in every epoch",
    harm="runs that should differ only by chance do not differ, so intervals over seeds are too narrow",
    needs=("determinism",),
)
def seeds(subject: Subject) -> Outcome:
    """In later epochs too: some samplers drop the seed after the first."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[1] == other[1] and one[0] != other[0])


@check(
    "epochs",
    promise="`set_epoch` with another number gives another order",
    harm="every epoch trains on the same batches, in the same order",
    needs=("determinism",),
    methods=("set_epoch",),
)
def epochs(subject: Subject) -> Outcome:
    """Orders of one seed."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[0] == other[0])


@check(
    "no-repeat",
    promise="without a call of `set_epoch` the next iteration has another order, too",
    harm="a loop that forgets `set_epoch` trains on one order in every epoch, and nothing says so",
    needs=("determinism",),
)
def no_repeat(subject: Subject) -> Outcome:
    """Iterate twice."""
    sampler = subject.make()
    first, second = subject.read(sampler), subject.read(sampler)
    return _few({(0, 0): first}) or (Failed("two iterations yield the same order") if first == second else None)


@check(
    "seed-epoch",
    promise="no two pairs of seed and epoch share an order",
    harm="seed + epoch is the usual cause: run 1 then repeats run 0 an epoch later, and seeds are no repetitions",
    needs=("determinism",),
)
def seed_epoch(subject: Subject) -> Outcome:
    """Pairs in which both differ; the other checks have those in which one does."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[0] != other[0] and one[1] != other[1])


@check(
    "set-epoch",
    promise="`set_epoch(e)` gives epoch e, in a fresh sampler and after any other epoch",
    harm="a run that starts again at epoch e trains on other data than the run that was stopped would have",
    needs=("determinism",),
    methods=("set_epoch",),
)
def set_epoch(subject: Subject) -> Outcome:
    """A fresh sampler, and one that goes back."""
    continuous = subject.epochs(3)
    sampler = subject.make()
    for number in (2, 0):
        differs = difference(continuous[number], subject.epoch(sampler, number))
        if differs:
            start = "a fresh sampler" if number else "a sampler that goes back"
            return Failed(f"epoch {number} of {start} is not that of one that got there by reading: {differs}")
    return None


def _orders(subject: Subject) -> dict[tuple[int, int], list[Item]]:
    """Order of each (seed, epoch)."""
    return {(seed, epoch): items for seed in range(_SEEDS) for epoch, items in enumerate(subject.epochs(_EPOCHS, seed))}


def _few(orders: dict[tuple[int, int], list[Item]]) -> Skipped | None:
    """Skip where an epoch has so few different orders that two are equal by chance."""
    _, counts = np.unique(rows_of(orders[0, 0]), return_counts=True)
    bits = (lgamma(counts.sum() + 1) - sum(lgamma(count + 1) for count in counts.tolist())) / log(2)
    return Skipped(f"an epoch of {counts.sum()} draws has too few different orders to tell") if bits < _BITS else None


def _same(
    orders: dict[tuple[int, int], list[Item]], counts: Callable[[tuple[int, int], tuple[int, int]], bool]
) -> Failed | None:
    """Fail where two orders that count are the same."""
    for one, other in combinations(orders, 2):
        if counts(one, other) and orders[one] == orders[other]:
            return Failed(f"seed {one[0]}, epoch {one[1]} and seed {other[0]}, epoch {other[1]} have the same order")
    return None

"""What epochs yield: their length and items, and an order of each seed and epoch that depends on the seed alone."""

from collections.abc import Callable
from itertools import combinations
from math import lgamma, log

import numpy as np

from equipoise.testing.random_state import snapshot
from equipoise.testing.subject import BrokenPromiseError, Item, NotCheckableError, Subject, expect_equal, rows_of

_SEEDS = _EPOCHS = 3
_BITS = 40  # of entropy that orders must have, so that two are not equal by chance


def length(subject: Subject) -> None:
    """Two epochs: a sampler that shards itself anew in each iteration shrinks in the second."""
    sampler = subject.make()
    if not hasattr(sampler, "__len__"):
        end = f", and no end within {subject.draws} items" if subject.endless else ""
        raise BrokenPromiseError(f"it has no __len__{end}")
    for number in (0, 1):
        promised, yielded = len(sampler), len(subject.read(sampler, number))
        if promised != yielded:
            more = "at least " if yielded == 4 * promised + 16 else ""
            raise BrokenPromiseError(f"len() is {promised} and epoch {number} yields {more}{yielded}")


def values(subject: Subject) -> None:
    """Integers of numpy are refused, too: Arrow datasets and JSON take only those of Python."""
    n = subject.n_examples
    for item in subject.raw(subject.make()):
        for row in item if isinstance(item, list | tuple) else (item,):
            if type(row) is not int:
                raise BrokenPromiseError(f"{row!r} of {type(row).__module__}.{type(row).__qualname__}")
            if row < 0 or (n is not None and row >= n):
                raise BrokenPromiseError(f"row {row}" + ("" if n is None else f" of {n}"))


def determinism(subject: Subject) -> None:
    """The second sampler is disturbed after it is made, and while it is read."""
    first = [item for epoch in subject.epochs(2) for item in epoch]
    sampler = subject.make()
    second: list[Item] = []
    for number in (0, 1):
        subject.disturb()
        for place, item in enumerate(subject.items(sampler, number)):
            second.append(item)
            if place % 16 == 0:
                subject.disturb()
    expect_equal(first, second, "two samplers of one seed differ")


def global_state(subject: Subject) -> None:
    """A sampler that seeds the process-wide generators is deterministic, and still does harm."""
    subject.disturb()
    before = snapshot()
    subject.read(subject.factory(seed=0, rank=0, world_size=1))
    after = snapshot()
    changed = [name for name, state in before.items() if after[name] != state]
    if changed:
        raise BrokenPromiseError(f"it changed the state of {' and '.join(changed)}")


def seeds(subject: Subject) -> None:
    """In later epochs too: some samplers drop the seed after the first."""
    _expect_other_orders(subject, lambda one, other: one[1] == other[1] and one[0] != other[0])


def epochs(subject: Subject) -> None:
    """Orders of one seed."""
    _expect_other_orders(subject, lambda one, other: one[0] == other[0])


def no_repeat(subject: Subject) -> None:
    """Iterate twice."""
    if subject.endless:
        raise NotCheckableError(f"an iteration has no end within {subject.draws} items")
    sampler = subject.make()
    first, second = subject.read(sampler), subject.read(sampler)
    _require_many_orders(first)
    if first == second:
        raise BrokenPromiseError("two iterations yield the same order")


def seed_epoch(subject: Subject) -> None:
    """Pairs in which both differ; other checks compare those in which one does."""
    _expect_other_orders(subject, lambda one, other: one[0] != other[0] and one[1] != other[1])


def set_epoch(subject: Subject) -> None:
    """A fresh sampler, and one that goes back."""
    continuous = subject.epochs(3)
    sampler = subject.make()
    for number, start in ((2, "a fresh sampler"), (0, "a sampler that goes back")):
        where = f"epoch {number} of {start} is not that of one that read the epochs before it"
        expect_equal(continuous[number], subject.read(sampler, number), where)


def _expect_other_orders(subject: Subject, counts: Callable[[tuple[int, int], tuple[int, int]], bool]) -> None:
    """Compare the orders of those pairs of (seed, epoch) that count."""
    by_seed = [subject.epochs(_EPOCHS, seed) for seed in range(_SEEDS)]
    orders = {(seed, epoch): items for seed, of in enumerate(by_seed) for epoch, items in enumerate(of)}
    _require_many_orders(orders[0, 0])
    for one, other in combinations(orders, 2):
        if counts(one, other) and orders[one] == orders[other]:
            pairs = " and ".join(f"seed {seed}, epoch {epoch}" for seed, epoch in (one, other))
            raise BrokenPromiseError(f"{pairs} have the same order")


def _require_many_orders(items: list[Item]) -> None:
    """Skip where an epoch has so few different orders that two are equal by chance."""
    _, counts = np.unique(rows_of(items), return_counts=True)
    bits = (lgamma(counts.sum() + 1) - sum(lgamma(count + 1) for count in counts.tolist())) / log(2)
    if bits < _BITS:
        raise NotCheckableError(f"an epoch of {counts.sum()} draws has too few different orders to tell")

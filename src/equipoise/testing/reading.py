"""What epochs yield: their length and items, and an order of each seed and epoch that depends on the seed alone."""

from collections.abc import Callable
from itertools import combinations
from math import lgamma, log
from typing import Any

import numpy as np

from equipoise.testing.outcome import Outcome, Skipped
from equipoise.testing.random_state import snapshot
from equipoise.testing.subject import Item, Subject, difference, item_of, rows_of

_SEEDS = _EPOCHS = 3
_BITS = 40  # of entropy that orders must have, so that two are not equal by chance


def length(subject: Subject) -> Outcome:
    """Two epochs: a sampler that shards itself anew in each iteration shrinks in the second."""
    sampler = subject.make()
    if not hasattr(sampler, "__len__"):
        return "it has no __len__"
    for number in (0, 1):
        promised, yielded = len(sampler), len(subject.epoch(sampler, number))
        if promised != yielded:
            more = "at least " if yielded == 4 * promised + 16 else ""
            return f"len() is {promised} and epoch {number} yields {more}{yielded}"
    return None


def values(subject: Subject) -> Outcome:
    """Integers of numpy are refused, too: Arrow datasets and JSON take only those of Python."""
    for item in subject.raw(subject.make()):
        for row in item if isinstance(item, list | tuple) else (item,):
            fault = _fault(row, subject.n_examples)
            if fault:
                return fault
    return None


def _fault(row: Any, n_examples: int | None) -> str | None:
    if type(row) is not int:
        return f"{row!r} of {type(row).__module__}.{type(row).__qualname__}"
    if row < 0 or (n_examples is not None and row >= n_examples):
        return f"row {row}" + (f" of {n_examples}" if n_examples is not None else "")
    return None


def determinism(subject: Subject) -> Outcome:
    """The second sampler is disturbed after it is made, and while it is read."""
    first = [item for epoch in subject.epochs(2) for item in epoch]
    sampler = subject.make()
    second: list[Item] = []
    for number in (0, 1):
        subject.disturb()
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(number)
        for place, value in enumerate(subject.raw(sampler)):
            second.append(item_of(value))
            if place % 16 == 0:
                subject.disturb()
    differs = difference(first, second)
    return f"two samplers of one seed differ: {differs}" if differs else None


def global_state(subject: Subject) -> Outcome:
    """A sampler that seeds the process-wide generators is deterministic, and still does harm."""
    subject.disturb()
    before = snapshot()
    subject.read(subject.factory(seed=0, rank=0, world_size=1))
    after = snapshot()
    changed = [name for name, state in before.items() if after[name] != state]
    return f"it changed the state of {' and '.join(changed)}" if changed else None


def seeds(subject: Subject) -> Outcome:
    """In later epochs too: some samplers drop the seed after the first."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[1] == other[1] and one[0] != other[0])


def epochs(subject: Subject) -> Outcome:
    """Orders of one seed."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[0] == other[0])


def no_repeat(subject: Subject) -> Outcome:
    """Iterate twice."""
    sampler = subject.make()
    first, second = subject.read(sampler), subject.read(sampler)
    return _few({(0, 0): first}) or ("two iterations yield the same order" if first == second else None)


def seed_epoch(subject: Subject) -> Outcome:
    """Pairs in which both differ; other checks compare those in which one does."""
    orders = _orders(subject)
    return _few(orders) or _same(orders, lambda one, other: one[0] != other[0] and one[1] != other[1])


def set_epoch(subject: Subject) -> Outcome:
    """A fresh sampler, and one that goes back."""
    continuous = subject.epochs(3)
    sampler = subject.make()
    for number in (2, 0):
        differs = difference(continuous[number], subject.epoch(sampler, number))
        if differs:
            start = "a fresh sampler" if number else "a sampler that goes back"
            return f"epoch {number} of {start} is not that of one that read the epochs before it: {differs}"
    return None


def _orders(subject: Subject) -> dict[tuple[int, int], list[Item]]:
    """Return the order of each (seed, epoch)."""
    return {(seed, epoch): items for seed in range(_SEEDS) for epoch, items in enumerate(subject.epochs(_EPOCHS, seed))}


def _few(orders: dict[tuple[int, int], list[Item]]) -> Skipped | None:
    """Skip where an epoch has so few different orders that two are equal by chance."""
    _, counts = np.unique(rows_of(orders[0, 0]), return_counts=True)
    bits = (lgamma(counts.sum() + 1) - sum(lgamma(count + 1) for count in counts.tolist())) / log(2)
    return Skipped(f"an epoch of {counts.sum()} draws has too few different orders to tell") if bits < _BITS else None


def _same(
    orders: dict[tuple[int, int], list[Item]], counts: Callable[[tuple[int, int], tuple[int, int]], bool]
) -> str | None:
    """Return which two of the orders that are compared are equal."""
    for one, other in combinations(orders, 2):
        if counts(one, other) and orders[one] == orders[other]:
            return f"seed {one[0]}, epoch {one[1]} and seed {other[0]}, epoch {other[1]} have the same order"
    return None

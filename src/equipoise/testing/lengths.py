"""Length and values: what a DataLoader takes for granted."""

from typing import Any

from equipoise.testing.outcome import Failed, Outcome, check
from equipoise.testing.subject import Subject


@check(
    "length",
    promise="`len()` is the number of items that each epoch yields",
    harm="progress, learning-rate schedules and the last step of a run are computed from a wrong number",
)
def length(subject: Subject) -> Outcome:
    """Two epochs: a sampler that shards itself anew in each iteration shrinks in the second."""
    sampler = subject.make()
    if not hasattr(sampler, "__len__"):
        return Failed("it has no __len__")
    for number in (0, 1):
        promised, yielded = len(sampler), len(subject.epoch(sampler, number))
        if promised != yielded:
            more = "at least " if yielded == 4 * promised + 16 else ""
            return Failed(f"len() is {promised} and epoch {number} yields {more}{yielded}")
    return None


@check(
    "values",
    promise="items are Python ints from 0 to N - 1, or lists of them",
    harm="datasets refuse the index, or wrap a negative one around to another row without a word",
)
def values(subject: Subject) -> Outcome:
    """Numpy's integers are refused too: Arrow datasets and JSON take Python's only."""
    for item in subject.raw(subject.make()):
        for row in item if isinstance(item, list | tuple) else (item,):
            fault = _fault(row, subject.n_examples)
            if fault:
                return Failed(fault)
    return None


def _fault(row: Any, n_examples: int | None) -> str | None:
    if type(row) is not int:
        return f"{row!r} of {type(row).__module__}.{type(row).__qualname__}"
    if row < 0 or (n_examples is not None and row >= n_examples):
        return f"row {row}" + (f" of {n_examples}" if n_examples is not None else "")
    return None

"""Shares: every example, and every group of them, comes as often as it should."""

from collections.abc import Iterator
from math import log

import numpy as np
from numpy.typing import NDArray

from equipoise.testing.concentration import log_chance
from equipoise.testing.outcome import Failed, Outcome, Skipped, check
from equipoise.testing.subject import Subject

_CHANCE = 1e-6  # at which a right sampler may fail a check
_BINS = 16

Codes = NDArray[np.int64]


@check(
    "zero-share",
    promise="an example of expected share 0 never comes",
    harm="rows that were taken out, such as a test set or a language left out, are trained on",
    needs=("values",),
)
def zero_share(subject: Subject) -> Outcome:
    """As torch's WeightedRandomSampler without replacement yields them once the others are used up."""
    if subject.shares is None:
        return Skipped("no `expected` shares are given")
    if subject.shares.all():
        return Skipped("no example has an expected share of 0")
    rows = subject.rows()
    wrong = rows[subject.shares[rows] == 0]
    return Failed(f"{len(wrong)} of {len(rows)} draws, of row {wrong[0]} for one") if wrong.size else None


@check(
    "shares",
    promise="examples and groups are drawn in their expected shares, no further off than independent draws may be",
    harm="the model trains on another mixture than the one that was asked for and reported",
    needs=("values",),
)
def shares(subject: Subject) -> Outcome:
    """Draws of zero share have a check of their own and are left out."""
    if subject.shares is None:
        return Skipped("no `expected` shares are given")
    counts = np.bincount(subject.rows(), minlength=len(subject.shares)) * (subject.shares > 0)
    if not counts.any():
        return Failed("no draw of an example that has a share")
    found = deviation(counts, subject.shares, subject, tests=1)
    return Failed(found) if found else None


def deviation(counts: Codes, expected: NDArray[np.float64], subject: Subject, tests: int) -> str | None:
    """Say where drawn counts cannot be those of the expected shares; None where they can.

    Parameters
    ----------
    counts : ndarray of int64, shape (N,)
        Draws of each example.
    expected : ndarray of float64, shape (N,)
        Expected share of each.
    subject : Subject
        For its groups and the draws that it makes together.
    tests : int
        How many such questions the check asks: they share the chance of failing a right sampler.
    """
    drawn = np.flatnonzero(expected)
    partitions = list(_partitions(expected[drawn], None if subject.groups is None else subject.groups[drawn]))
    for name, codes in partitions:
        found = np.bincount(codes, counts[drawn])
        wanted = np.bincount(codes, expected[drawn]).astype(np.float64)
        # Draws made together count as one: their groups are not independent.
        if log_chance(found / subject.together, wanted) < log(_CHANCE / (tests * len(partitions))):
            total = found.sum()
            part = int(np.argmax(np.abs(found - total * wanted) / np.sqrt(total * wanted)))
            members = drawn[codes == part]
            some = (
                f"row {members[0]}" if len(members) == 1 else f"the {len(members)} rows of {name} as row {members[0]}"
            )
            return f"{some} got {found[part] / total:.4g} of {total:.0f} draws, expected {wanted[part]:.4g}"
    return None


def _partitions(expected: NDArray[np.float64], groups: Codes | None) -> Iterator[tuple[str, Codes]]:
    """Name and codes of each way to put the examples together: few parts show what is spread over many examples."""
    if groups is not None:
        yield "the same group", np.unique(groups, return_inverse=True)[1]
    codes = equal_shares(expected)
    yield "the same share", codes
    order = np.argsort(codes, kind="stable")
    middle = np.empty_like(expected)
    middle[order] = np.cumsum(expected[order])
    # Parts of rising share: where all shares differ, a bias towards the large ones shows here.
    by_code = np.bincount(codes, middle) / np.bincount(codes)
    yield "about the same share", np.unique((by_code[codes] * _BINS).astype(np.int64), return_inverse=True)[1]
    yield "the same number", np.arange(len(expected))


def equal_shares(expected: NDArray[np.float64]) -> Codes:
    """Number the positive shares: equal ones alike, rising. They come from formulas, so the last digits may differ."""
    return np.unique(np.round(np.log(expected), 9), return_inverse=True)[1]

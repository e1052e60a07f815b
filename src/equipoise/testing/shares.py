"""Shares and coverage: every example, and every group of them, is drawn as often as it should, pass after pass."""

from collections.abc import Iterator
from math import ceil, log, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from equipoise.testing.subject import BrokenPromiseError, NotCheckableError, Subject

_CHANCE = 1e-6  # probability with which a correct sampler may fail a check
_BINS = 16
_SURE = 1.645  # standard deviations: a wrong share is found in 19 of 20 checks

Codes = NDArray[np.int64]


def zero_share(subject: Subject) -> None:
    """As torch's WeightedRandomSampler without replacement yields them once the others are used up."""
    expected = _expected(subject)
    if expected.all():
        raise NotCheckableError("no example has an expected share of 0")
    rows = subject.rows(subject.share_draws)
    wrong = rows[expected[rows] == 0]
    if wrong.size:
        raise BrokenPromiseError(f"{len(wrong)} of {len(rows)} draws, of row {wrong[0]} for one")


def shares(subject: Subject) -> None:
    """Draws of zero share have their own check and are left out."""
    expected = _expected(subject)
    counts = np.bincount(subject.rows(subject.share_draws), minlength=len(expected)) * (expected > 0)
    found = deviation(counts, expected, subject, tests=1) if counts.any() else "no draw of an example that has a share"
    if found:
        raise BrokenPromiseError(found)


def _expected(subject: Subject) -> NDArray[np.float64]:
    if subject.shares is None:
        raise NotCheckableError("no `expected` shares are given")
    return subject.shares


def deviation(counts: Codes, expected: NDArray[np.float64], subject: Subject, tests: int) -> str | None:
    """Return where drawn counts cannot be those of the expected shares, in words; None where they can.

    Parameters
    ----------
    counts : ndarray of int64, shape (N,)
        Draws of each example.
    expected : ndarray of float64, shape (N,)
        Expected share of each.
    subject : Subject
        For its groups and the number of draws made together.
    tests : int
        How many such tests the check makes: together they fail a correct sampler with the given probability.
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


def draws_to_detect(
    error: float, expected: NDArray[np.float64], groups: Codes | None, together: int
) -> tuple[int, float]:
    """Compute how many draws find a relative error of the smallest share, of a group or of examples of equal share.

    A part whose share is (1 + error) p instead of p, the others in proportion, has the relative entropy D to what is
    expected; twice n D of n independent draws is about noncentral chi-squared, and must exceed what `deviation` takes
    for chance in 19 of 20 checks.

    Parameters
    ----------
    error : float
        Above 0.
    expected : ndarray of float64, shape (N,)
        Expected share of each example.
    groups : ndarray of int64, shape (N,), or None
        Group of each.
    together : int
        Draws whose group is chosen at once.

    Returns
    -------
    draws : int
    share : float
        The smallest expected share.
    """
    drawn = np.flatnonzero(expected)
    partitions = list(_partitions(expected[drawn], None if groups is None else groups[drawn]))
    parts = np.bincount(partitions[0][1], expected[drawn])
    share = float(parts.min())
    if len(parts) == 1:
        return 1, share
    wrong = min(share * (1 + error), (1 + share) / 2)
    entropy = wrong * log(wrong / share) + (1 - wrong) * log1p((share - wrong) / (1 - share))
    free, chance = len(parts) - 1, log(_CHANCE / len(partitions))
    units = 1.0
    while True:
        mean = units * entropy + free / 2
        low = mean - _SURE * sqrt(mean + units * entropy)
        if low > free and -low + free * (1 + log(low / free)) < chance:
            return ceil(units * together), share
        units *= 1.02


def _partitions(expected: NDArray[np.float64], groups: Codes | None) -> Iterator[tuple[str, Codes]]:
    """Yield name and codes of each partition of the examples: few parts show what is spread over many examples."""
    if groups is not None:
        yield "the same group", np.unique(groups, return_inverse=True)[1]
    codes = equal_shares(expected)
    yield "the same share", codes
    order = np.argsort(codes, kind="stable")
    middle = np.empty_like(expected)
    middle[order] = np.cumsum(expected[order])
    # Parts of rising share: where all shares differ, they show a bias towards the large ones.
    by_code = np.bincount(codes, middle) / np.bincount(codes)
    yield "about the same share", np.unique((by_code[codes] * _BINS).astype(np.int64), return_inverse=True)[1]
    yield "the same number", np.arange(len(expected))


def equal_shares(expected: NDArray[np.float64]) -> Codes:
    """Number the positive shares, rising; equal ones alike, up to the last digits, which formulas may change."""
    return np.unique(np.round(np.log(expected), 9), return_inverse=True)[1]


def log_chance(counts: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Compute the logarithm of a bound on the probability that independent draws are as far from their shares as these.

    The distance is the relative entropy D of the drawn shares to the expected ones; for n draws over k parts

        P(D >= d) <= exp(-n d) (e n d / (k - 1))^(k - 1)   where n d > k - 1.

    It holds for every n; draws that vary less than independent ones are closer still.

    Parameters
    ----------
    counts : ndarray of float64, shape (k,)
        Draws of each part.
    shares : ndarray of float64, shape (k,)
        Expected shares: positive, summing to 1.

    Returns
    -------
    float
        At most 0.

    References
    ----------
    Agrawal (2020), Finite-sample concentration of the multinomial in relative entropy, IEEE Trans. Inf. Theory 66(10),
    theorem 1.2.

    Examples
    --------
    >>> halves = np.array([0.5, 0.5])
    >>> log_chance(np.array([520.0, 480.0]), halves)
    0.0
    >>> log_chance(np.array([700.0, 300.0]), halves) < -70  # one in 10**30
    True
    """
    seen = counts > 0
    distance = float((counts[seen] * np.log(counts[seen] / (counts.sum() * shares[seen]))).sum())  # n d
    free = len(shares) - 1
    if not free or distance <= free:
        return 0.0
    return -distance + free * (1 + log(distance / free))


def coverage(subject: Subject) -> None:
    """Counts in a group differ by one at most, after every `covers` draws."""
    if not subject.covers:
        raise NotCheckableError("coverage is not promised: `covers` is not given")
    if subject.n_examples is None:
        raise NotCheckableError("the number of examples is not known: give `expected`, `groups` or `n_examples`")
    groups = _groups(subject, subject.n_examples)
    # Members of a group side by side, those that are never drawn left out.
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    _, starts = np.unique(groups[order], return_index=True)
    counts = np.zeros(subject.n_examples, dtype=np.int64)
    rows = subject.rows(subject.draws)
    for first in range(0, len(rows), subject.covers):
        np.add.at(counts, rows[first : first + subject.covers], 1)
        most, least = (what.reduceat(counts[order], starts) for what in (np.maximum, np.minimum))
        wide = np.flatnonzero(most - least > 1)
        if wide.size:
            group = wide[0]
            members = order[groups[order] == groups[order[starts[group]]]]
            often, rare = members[np.argmax(counts[members])], members[np.argmin(counts[members])]
            raise BrokenPromiseError(
                f"after {min(first + subject.covers, len(rows))} draws row {often} came {most[group]} times and row "
                f"{rare} of the same group {least[group]} times"
            )


def _groups(subject: Subject, n_examples: int) -> NDArray[np.int64]:
    """Return the group of each example, -1 if it is never drawn; by default those of the same share are a group."""
    if subject.shares is None:
        return np.zeros(n_examples, dtype=np.int64) if subject.groups is None else subject.groups
    drawn = subject.shares > 0
    groups = np.full(n_examples, -1)
    groups[drawn] = equal_shares(subject.shares[drawn]) if subject.groups is None else subject.groups[drawn]
    return groups

"""Coverage: a group is gone through whole before anything in it comes again."""

import numpy as np
from numpy.typing import NDArray

from equipoise.testing.outcome import Failed, Outcome, Skipped, check
from equipoise.testing.shares import equal_shares
from equipoise.testing.subject import Subject


@check(
    "coverage",
    promise="no example comes twice before every other of its group came once, across epochs too",
    harm="some examples of a rare class are seen many times and others never",
    needs=("values",),
)
def coverage(subject: Subject) -> Outcome:
    """Counts in a group differ by one at most, after every `covers` draws."""
    if not subject.covers:
        return Skipped("coverage is not promised: `covers` is not given")
    if subject.n_examples is None:
        return Skipped("the number of examples is not known: give `expected`, `groups` or `n_examples`")
    groups = _groups(subject, subject.n_examples)
    # Members of a group side by side, those that are never drawn left out.
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    _, starts = np.unique(groups[order], return_index=True)
    counts = np.zeros(subject.n_examples, dtype=np.int64)
    rows = subject.rows()
    for first in range(0, len(rows), subject.covers):
        np.add.at(counts, rows[first : first + subject.covers], 1)
        most, least = (what.reduceat(counts[order], starts) for what in (np.maximum, np.minimum))
        wide = np.flatnonzero(most - least > 1)
        if wide.size:
            group = wide[0]
            members = order[groups[order] == groups[order[starts[group]]]]
            often, rare = members[np.argmax(counts[members])], members[np.argmin(counts[members])]
            return Failed(
                f"after {min(first + subject.covers, len(rows))} draws row {often} came {most[group]} times and row "
                f"{rare} of the same group {least[group]} times"
            )
    return None


def _groups(subject: Subject, n_examples: int) -> NDArray[np.int64]:
    """Group of each example, -1 for those that are never drawn: by default those of the same share are one."""
    if subject.shares is None:
        return np.zeros(n_examples, dtype=np.int64) if subject.groups is None else subject.groups
    drawn = subject.shares > 0
    groups = np.full(n_examples, -1)
    groups[drawn] = equal_shares(subject.shares[drawn]) if subject.groups is None else subject.groups[drawn]
    return groups

"""Errors in the content of records: in single fields, and between rows."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from equipoise.base.arrow import is_blank
from equipoise.base.problems import Problem
from equipoise.data.records import Records
from equipoise.data.split_names import SPLITS

Place = Callable[[int], str]


def row_number(row: int) -> str:
    """Return the name of a row of records that came from no file: the first is row 1."""
    return f"row {row + 1}"


def field_errors(records: Records, place: Place = row_number) -> Iterator[Problem]:
    """Find empty tasks, inputs and targets, and unknown names of splits."""
    for name in ("task", "input", "target"):
        column = records.coded(name)
        blank = np.flatnonzero(column.spread(is_blank(column.names), missing=True))
        if len(blank):
            yield Problem(
                "error",
                f"empty-{name}",
                f"{place(int(blank[0]))}: column `{name}` is empty{_and_others(len(blank))}. "
                "Fill it in, or drop the row.",
            )
    if records.has("split"):
        splits = records.coded("split")
        unknown = np.flatnonzero(~splits.is_in(SPLITS))
        if len(unknown):
            row = int(unknown[0])
            yield Problem(
                "error",
                "unknown-split",
                f"{place(row)}: column `split` is {splits[row]!r}{_and_others(len(unknown))}, "
                f"expected one of {', '.join(SPLITS)}. Rename the split.",
            )


def row_errors(records: Records, place: Place = row_number) -> Iterator[Problem]:
    """Find ids of several rows, and groups with rows in several splits."""
    if records.has("id"):
        ids = records.coded("id")
        repeated = ids.counts() > 1
        if repeated.any():
            first = _first(ids.spread(repeated, missing=False))
            second = _first(ids.codes == ids.codes[first], after=first)
            yield Problem(
                "error",
                "duplicate-id",
                f"{place(first)} and {place(second)}: column `id` is {ids[first]!r} in both"
                f"{_and_others(int(repeated.sum()), 'id')}. Give each row its own id.",
            )
    if records.has("group") and records.has("split"):
        groups, splits = records.coded("group"), records.coded("split")
        pairs = np.unique(groups.codes * np.int64(len(splits.names)) + splits.codes) // len(splits.names)
        cut = np.bincount(pairs[pairs >= 0], minlength=len(groups.names)) > 1
        if cut.any():
            first = _first(groups.spread(cut, missing=False))
            second = _first((groups.codes == groups.codes[first]) & (splits.codes != splits.codes[first]))
            yield Problem(
                "error",
                "group-in-two-splits",
                f"{place(first)} and {place(second)}: column `group` is {groups[first]!r} in both, but their splits "
                f"are {splits[first]!r} and {splits[second]!r}{_and_others(int(cut.sum()), 'group')}. "
                "Keep a group in one split, or drop the column `split` and use `assign_splits`.",
            )


def _first(mask: NDArray[np.bool_], after: int = -1) -> int:
    return after + 1 + int(mask[after + 1 :].argmax())


def _and_others(count: int, noun: str = "row") -> str:
    return "" if count == 1 else f" (and {count - 1} other {noun}{'s' if count > 2 else ''})"

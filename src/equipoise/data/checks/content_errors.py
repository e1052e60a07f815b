"""Errors in the content of records: in single fields, and between rows."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.base.arrow_text import is_blank
from equipoise.data.problem import Problem
from equipoise.data.records import Records
from equipoise.data.split_names import SPLITS

Place = Callable[[int], str]


def row_number(row: int) -> str:
    """Name a row of records that came from no file: the first is row 1."""
    return f"row {row + 1}"


def field_errors(records: Records, place: Place = row_number) -> Iterator[Problem]:
    """Find empty tasks, inputs and targets, and unknown names of splits."""
    for name in ("task", "input", "target"):
        blank = pc.indices_nonzero(is_blank(records.column(name)))
        if len(blank):
            yield Problem(
                "error",
                f"empty-{name}",
                f"{place(blank[0].as_py())}: column `{name}` is empty{_and_others(len(blank))}. "
                "Fill it in, or drop the row.",
            )
    if records.has("split"):
        known = pa.array(SPLITS, pa.large_string())
        unknown = pc.indices_nonzero(pc.invert(pc.is_in(records.column("split"), value_set=known)))
        if len(unknown):
            row: int = unknown[0].as_py()
            yield Problem(
                "error",
                "unknown-split",
                f"{place(row)}: column `split` is {records.column('split')[row].as_py()!r}"
                f"{_and_others(len(unknown))}, expected one of {', '.join(SPLITS)}. Rename the split.",
            )


def row_errors(records: Records, place: Place = row_number) -> Iterator[Problem]:
    """Find ids that stand in several rows, and groups that stand in several splits."""
    if records.has("id"):
        counted = records.table.group_by("id").aggregate([([], "count_all")])
        repeated = counted.filter(
            pc.and_(pc.is_valid(counted.column("id")), pc.greater(counted.column("count_all"), 1))
        )
        if repeated.num_rows:
            first, second = _two_rows(records, "id", repeated.column("id")[0].as_py())
            yield Problem(
                "error",
                "duplicate-id",
                f"{place(first)} and {place(second)}: column `id` is {records.column('id')[first].as_py()!r} in both"
                f"{_and_others(repeated.num_rows, 'id')}. Give each row its own id.",
            )
    if records.has("group") and records.has("split"):
        counted = records.table.group_by("group").aggregate([("split", "count_distinct")])
        several = pc.greater(counted.column("split_count_distinct"), 1)
        cut = counted.filter(pc.and_(pc.is_valid(counted.column("group")), several))
        if cut.num_rows:
            group: str = cut.column("group")[0].as_py()
            first, second = _two_rows(records, "group", group, differing="split")
            splits = records.column("split")
            yield Problem(
                "error",
                "group-in-two-splits",
                f"{place(first)} and {place(second)}: column `group` is {group!r} in both, but their splits are "
                f"{splits[first].as_py()!r} and {splits[second].as_py()!r}{_and_others(cut.num_rows, 'group')}. "
                "Keep a group in one split, or drop the column `split` and use `assign_splits`.",
            )


def _two_rows(records: Records, name: str, value: str, differing: str | None = None) -> tuple[int, int]:
    """Give the first row with the value, and the next one (that differs from the first in a column)."""
    rows = pc.indices_nonzero(pc.equal(records.column(name), value))
    first: int = rows[0].as_py()
    if differing is None:
        return first, rows[1].as_py()
    others = pc.take(records.column(differing), rows)
    position: int = pc.index(pc.not_equal(others, others[0]), value=True).as_py()
    return first, rows[position].as_py()


def _and_others(count: int, noun: str = "row") -> str:
    return "" if count == 1 else f" (and {count - 1} other {noun}{'s' if count > 2 else ''})"

"""Check the content of records before they are used, and what to do with the problems found."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from equipoise.base.arrow import is_blank
from equipoise.base.problems import Problem, of_level
from equipoise.data.checks.content_warnings import content_warnings
from equipoise.data.coded import CodedColumn
from equipoise.data.columns import REQUIRED, SPLITS
from equipoise.data.records import Records
from equipoise.data.tasks import Kind, Task
from equipoise.errors import DataError, DataWarning, printable_line

_INFERRED: Final[Mapping[str, Task]] = {}
_MOST_SHOWN: Final = 10


def check_records(records: Records, tasks: Mapping[str, Task] = _INFERRED) -> list[Problem]:
    """Find errors in the content of records, and what may surprise.

    Parameters
    ----------
    records : Records
        With or without splits; checks that need splits run if there are any.
    tasks : mapping of str to Task
        Says which tasks are classifications; the kind of others is inferred as in `infer_tasks`.

    Returns
    -------
    list of Problem
        Errors first. Their codes: empty-task, empty-input, empty-target, unknown-split, duplicate-id,
        group-in-two-splits. Codes of warnings: similar-spellings, one-class, conflicting-targets,
        rows-without-group, duplicates-across-splits, empty-split, task-without-training-rows,
        label-without-training-rows, label-not-measured.

    Notes
    -----
    Groups, inputs and labels that are equal in all but their spelling count as the same: numbers (3, 3.0 and 03, but
    not 1e3), booleans (true and True, but not 1), letters that look the same (Unicode compatibility forms, accents
    composed or not, characters without a shape) and white space around them. A group in two splits is an error in any
    spelling; so are duplicates a warning; labels in several spellings are a warning that names them.

    Examples
    --------
    >>> records = Records.from_dict(
    ...     {"task": ["nli"] * 4, "input": list("abcd"), "target": ["yes", "Yes", "yes", "Yes"]}
    ... )
    >>> for problem in check_records(records):
    ...     print(problem)
    warning (similar-spellings): Labels of task `nli` differ only in case or spaces: 'Yes', 'yes'. If they mean
    the same, spell them alike.
    """
    errors = [*_field_errors(records), *row_errors(records, any_spelling=True)]
    kinds: dict[str, Kind] = {name: task.kind for name, task in tasks.items()}
    if any(problem.code == "unknown-split" for problem in errors):
        return errors  # the warnings need known splits
    return [*errors, *content_warnings(records, kinds)]


def raise_on_errors(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems that are errors; do nothing if there are none.

    Raises
    ------
    DataError
        If there is an error. It has the code of the only problem, or "several-errors"; its message lists up to ten, and
        their number if there are more than one.

    Examples
    --------
    >>> raise_on_errors([Problem("warning", "empty-split", "No row is in the split `test`.")])
    """
    errors = of_level(problems, "error")
    messages = [printable_line(problem.message) for problem in errors]
    if len(errors) == 1:
        raise DataError(errors[0].code, messages[0])
    if not errors:
        return
    shown = "".join(f"\n- {message}" for message in messages[:_MOST_SHOWN])
    more = f"\n- and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
    raise DataError("several-errors", f"The records have {len(errors)} errors:{shown}{more}")


def give_warnings(problems: Iterable[Problem]) -> None:
    """Give a `DataWarning`, with the problem's code, for each problem that is a warning."""
    for problem in of_level(problems, "warning"):
        warnings.warn(DataWarning(problem.code, printable_line(problem.message)), stacklevel=2)


def _place(row: int) -> str:
    return f"row {row + 1}"  # of records that came from no file


def _field_errors(records: Records) -> Iterator[Problem]:
    """Find empty tasks, inputs and targets, and unknown names of splits."""
    for name in REQUIRED:
        column = records.coded(name)
        blank = np.flatnonzero(column.spread(is_blank(column.names), missing=True))
        if len(blank):
            sentence = f"column `{name}` is empty{_and_others(len(blank))}. Fill it in, or drop the row."
            yield Problem("error", f"empty-{name}", f"{_place(int(blank[0]))}: {sentence}")
    if records.has("split"):
        splits = records.coded("split")
        unknown = np.flatnonzero(~splits.is_in(SPLITS))
        if len(unknown):
            row = int(unknown[0])
            found = f"column `split` is {splits[row]!r}{_and_others(len(unknown))}"
            sentence = f"{found}, expected one of {', '.join(SPLITS)}. Rename the split."
            yield Problem("error", "unknown-split", f"{_place(row)}: {sentence}")


def row_errors(
    records: Records, place: Callable[[int], str] = _place, *, any_spelling: bool = False
) -> Iterator[Problem]:
    """Find ids of several rows, and groups with rows in several splits; a group also under several spellings, if so."""
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
        written, splits = records.coded("group"), records.coded("split")
        groups = written.in_one_spelling() if any_spelling else written
        in_split = np.zeros((len(groups.names), len(splits.names)), np.bool_)
        given = groups.codes >= 0
        in_split[groups.codes[given], splits.codes[given]] = True
        cut = in_split.sum(axis=1) > 1
        if cut.any():
            first = _first(groups.spread(cut, missing=False))
            second = _first((groups.codes == groups.codes[first]) & (splits.codes != splits.codes[first]))
            yield Problem(
                "error",
                "group-in-two-splits",
                f"{place(first)} and {place(second)}: column `group` is {_both(written, first, second)}, but their "
                f"splits are {splits[first]!r} and {splits[second]!r}{_and_others(int(cut.sum()), 'group')}. "
                "Keep a group in one split, or drop the column `split` and use `assign_splits()`.",
            )


def _both(names: CodedColumn, first: int, second: int) -> str:
    """Quote the equal names of two rows; if they are in two spellings in ASCII, so that the difference is seen."""
    if names[first] == names[second]:
        return f"{names[first]!r} in both"
    return f"{names[first]!a} and {names[second]!a}, which are one value in two spellings"


def _first(mask: NDArray[np.bool_], after: int = -1) -> int:
    return after + 1 + int(mask[after + 1 :].argmax())


def _and_others(count: int, noun: str = "row") -> str:
    return "" if count == 1 else f" (and {count - 1} other {noun}{'s' if count > 2 else ''})"

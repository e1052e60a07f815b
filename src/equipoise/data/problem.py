"""What to do with the problems that checks of records found."""

import warnings
from collections.abc import Iterable

from equipoise.base.problems import Problem
from equipoise.errors import DataError, DataWarning, printable_line

_MOST_SHOWN = 10


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
    errors = [problem for problem in problems if problem.level == "error"]
    if not errors:
        return
    messages = [printable_line(problem.message) for problem in errors]
    if len(errors) == 1:
        raise DataError(errors[0].code, messages[0])
    shown = "".join(f"\n- {message}" for message in messages[:_MOST_SHOWN])
    more = f"\n- and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
    raise DataError("several-errors", f"The records have {len(errors)} errors:{shown}{more}")


def give_warnings(problems: Iterable[Problem]) -> None:
    """Give a `DataWarning`, with the problem's code, for each problem that is a warning."""
    for problem in problems:
        if problem.level == "warning":
            message = printable_line(problem.message)
            warnings.warn(DataWarning(problem.code, message), stacklevel=2)

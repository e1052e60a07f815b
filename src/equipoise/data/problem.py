"""A problem that a check found, and what to do with a list of them."""

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Literal

from equipoise.errors import DataError, DataWarning, printable_line

_MOST_SHOWN = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a check found.

    Parameters
    ----------
    level : {"error", "warning"}
        An error must be mended before the records can be used; a warning will surprise.
    code : str
        Short fixed name of the kind of problem, for example "duplicates-across-splits".
    message : str
        What was found, and what to do.

    Examples
    --------
    >>> print(Problem("warning", "empty-split", "No row is in the split `test`."))
    warning (empty-split): No row is in the split `test`.
    """

    level: Literal["error", "warning"]
    code: str
    message: str

    def __str__(self) -> str:
        return printable_line(f"{self.level} ({self.code}): {self.message}")


def raise_on_errors(problems: Iterable[Problem]) -> None:
    """Raise one error for all problems that are errors; do nothing if there are none.

    Raises
    ------
    DataError
        There is an error. The message lists up to ten, and their number if there are more than one.

    Examples
    --------
    >>> raise_on_errors([Problem("warning", "empty-split", "No row is in the split `test`.")])
    """
    errors = [printable_line(problem.message) for problem in problems if problem.level == "error"]
    if not errors:
        return
    if len(errors) == 1:
        raise DataError(errors[0])
    shown = "".join(f"\n- {message}" for message in errors[:_MOST_SHOWN])
    more = f"\n- and {len(errors) - _MOST_SHOWN} more" if len(errors) > _MOST_SHOWN else ""
    raise DataError(f"The records have {len(errors)} errors:{shown}{more}")


def give_warnings(problems: Iterable[Problem]) -> None:
    """Give a `DataWarning` for each problem that is a warning."""
    for problem in problems:
        if problem.level == "warning":
            warnings.warn(printable_line(f"{problem.message} ({problem.code})"), DataWarning, stacklevel=2)

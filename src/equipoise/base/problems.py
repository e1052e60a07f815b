"""A problem that a check found: in records, in a plan, in a comparison."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from equipoise.errors import printable_line

Level = Literal["error", "warning", "note"]


class Problem(NamedTuple):
    """One thing that a check found.

    Parameters
    ----------
    level : {"error", "warning", "note"}
        An error must be fixed before going on; a warning may surprise; a note is good to know.
    code : str
        Short stable name of the kind of problem, for example "duplicates-across-splits".
    message : str
        What was found, and what to do.

    Examples
    --------
    >>> print(Problem("warning", "empty-split", "No row is in the split `test`."))
    warning (empty-split): No row is in the split `test`.
    """

    level: Level
    code: str
    message: str

    def __str__(self) -> str:
        return printable_line(f"{self.level} ({self.code}): {self.message}")


def of_level(problems: Iterable[Problem], level: Level) -> tuple[Problem, ...]:
    """Return the problems of one level."""
    return tuple(problem for problem in problems if problem.level == level)

"""How results are put in words: median with the range, and ratios of runs that stood side by side."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some runs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Sum up some runs."""
        every = list(values)
        return cls(statistics.median(every), min(every), max(every))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


@dataclass(frozen=True)
class Section:
    """What one comparison found: its text, and the packages whose versions matter."""

    text: str
    packages: Sequence[str]


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """How many times ours theirs is, run by run."""
    return Spread.of(their / our for their, our in zip(theirs, ours, strict=True))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def met(reached: bool) -> str:
    return "yes" if reached else "**no**"

"""What a stream is drawn from, and what it can tell."""

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from equipoise.census import Stratum


class Drawable(Protocol):
    """Strata with their counts and masses; `Plan` is one."""

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """Task and label of each stratum."""
        ...

    @property
    def counts(self) -> NDArray[np.int64]:
        """Examples of each stratum."""
        ...

    @property
    def masses(self) -> NDArray[np.int64]:
        """Sampling probability of each stratum, in parts of 2**60."""
        ...

    @property
    def block(self) -> int:
        """Draws after which `Mixed` batches have given every stratum its share."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        ...

    @cached_property  # to a type checker one is no property
    def task_numbers(self) -> NDArray[np.int64]:
        """Position in `tasks` of each stratum's task."""
        ...


class DrawnStream(Protocol):
    """Strata and examples as a function of the position, as `Batches.stream` returns it."""

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return stratum and place in the stratum of the draws at rising positions; see `Stream.at`."""
        ...

    def entries_at(self, positions: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places, counted from where each stratum starts in an index; see `Stream.entries_at`."""
        ...

    def used(self, position: int) -> NDArray[np.int64]:
        """Return the draws of each stratum before a position that its passes have used up; see `Stream.used`."""
        ...

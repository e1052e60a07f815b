"""What a stream of draws is: position -> stratum and example, a pure function of (plan, seed, position)."""

from abc import ABC, abstractmethod

from equipoise.drawing.placing import Ints


class DrawnStream(ABC):
    """Strata and examples as a function of the position, as `Batches.stream` returns it."""

    @abstractmethod
    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions.

        Parameters
        ----------
        positions : ndarray of int64, shape (k,)
            Rising, from the origin to 2**59 - 1.

        Returns
        -------
        strata : ndarray of int64, shape (k,)
            Positions in ``plan.strata``.
        places : ndarray of int64, shape (k,)
            Number of the example in its stratum, from 0 to its count - 1.
        """

    def entries_at(self, positions: Ints, starts: Ints) -> Ints:
        """Return only the places, counted from where each stratum starts in an index: ``starts[strata] + places``.

        Parameters
        ----------
        positions : ndarray of int64, shape (k,)
            As for `at`.
        starts : ndarray of int64, shape (S,)

        Returns
        -------
        ndarray of int64, shape (k,)
        """
        strata, places = self.at(positions)
        return starts[strata] + places

    @abstractmethod
    def used(self, position: int) -> Ints:
        """Return the draws of each stratum before a position that its passes have used up.

        Parameters
        ----------
        position : int
            From the origin, the draws before which are included, to 2**59.

        Returns
        -------
        ndarray of int64, shape (S,)
        """


class StrataStream(DrawnStream):
    """A stream that knows the stratum of a draw without its example, and the number of the draw in its stratum."""

    @abstractmethod
    def strata_at(self, positions: Ints) -> Ints:
        """Return only the strata that `at` returns, at a lower cost."""

    @abstractmethod
    def numbered_at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the strata as `at` does, and for each draw the number of draws of its stratum before it."""

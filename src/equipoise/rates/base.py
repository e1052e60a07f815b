"""Mixing rates: how often each task is drawn."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from equipoise.base.schemes import Scheme
from equipoise.errors import PlanError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Tasks = Sequence[str]


class Rates(Scheme, ABC):
    """Base of the mixing-rate schemes; to write your own, subclass it as a frozen dataclass with a `formula`.

    A class attribute `name` makes a scheme known to configurations and the command line.

    Examples
    --------
    >>> from equipoise.rates import Proportional
    >>> Proportional()([300, 0, 100], ("a", "b", "c")).tolist()
    [0.75, 0.0, 0.25]
    """

    kind = "mixing rates"

    def __call__(
        self, counts: IntArray | Sequence[int], tasks: Tasks, draws: int | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the rate of each task.

        Parameters
        ----------
        counts : ndarray of int64, shape (K,)
            Examples of each task.
        tasks : sequence of str, length K
            Their names.
        draws : int, optional
            The planned number of draws, for schemes with a budget.

        Returns
        -------
        ndarray of float64, shape (K,)
            Rates that sum to 1; 0 for a task without examples.

        Raises
        ------
        PlanError
            If no task has examples, or the scheme does not fit the tasks or the draws.
        """
        n = np.asarray(counts, dtype=np.int64)
        if len(n) != len(tasks) or (n < 0).any() or not n.any():
            raise PlanError(
                "bad-counts",
                f"`counts` must be one number of at least 0 for each of {len(tasks)} tasks, and not all 0,"
                f" found {n.tolist()}.",
            )
        self.check(n, tasks)
        present = n > 0
        of_present = [task for task, there in zip(tasks, present.tolist(), strict=True) if there]
        amounts = self.formula(n[present].astype(np.float64), of_present, draws)
        if not np.isfinite(amounts).all() or (amounts < 0).any() or not amounts.any():
            message = f"rates must be finite, at least 0 and not all 0, found {amounts.tolist()} from {self}."
            raise PlanError("bad-rates", message)
        rates = np.zeros(len(n))
        rates[present] = amounts / math.fsum(amounts)
        return rates

    @abstractmethod
    def formula(self, n: FloatArray, tasks: Tasks, draws: int | None, /) -> FloatArray:
        """Return an amount for each task that has examples (every n is at least 1); normalised, they are the rates."""

    def check(self, n: IntArray, tasks: Tasks, /) -> None:
        """Raise a PlanError if the scheme does not fit these tasks; by default every scheme does."""

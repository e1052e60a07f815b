"""min(w_c, R min_k w_k): any scheme's weights, no larger than R times the smallest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, IntArray


@dataclass(frozen=True)
class Clipped(ClassWeights):
    """min(w_c, R min_k w_k), the minimum being over the weights above 0 in the task.

    Parameters
    ----------
    inner : ClassWeights
        The scheme.
    max_ratio : float
        R, at least 1; 1 makes all weights above 0 equal.

    Raises
    ------
    PlanError
        When `max_ratio` is below 1.

    Examples
    --------
    >>> from equipoise.weights import InverseFrequency
    >>> InverseFrequency().clipped(max_ratio=2)([8, 2], ("a", "b"), "mood").tolist()
    [0.125, 0.25]
    """

    inner: ClassWeights
    max_ratio: float

    def __post_init__(self) -> None:
        if not isinstance(self.inner, ClassWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError(f"`inner` must be class weights, found {self.inner!r}.")
        checked_number("max_ratio", self.max_ratio, least=1, hint="Leave the clipping out to keep all weights.")

    def __str__(self) -> str:
        return f"{self.inner}.clipped(max_ratio={self.max_ratio:g})"

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks that the inner scheme names."""
        return self.inner.named_tasks

    def check(self, n: IntArray, labels: Sequence[str | None], task: str, /) -> None:
        """Refuse what the inner scheme refuses."""
        self.inner.check(n, labels, task)

    def formula(self, n: FloatArray, labels: Sequence[str | None], task: str, /) -> FloatArray:
        """Give the clipped weights."""
        weights = self.inner.formula(n, labels, task)
        positive = weights[weights > 0]
        return np.minimum(weights, self.max_ratio * positive.min()) if positive.size else weights

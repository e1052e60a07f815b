"""Class weights: the weight of an example of each label, inside its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from equipoise.base.schemes import Read, Scheme, checked_number
from equipoise.errors import PlanError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Labels = Sequence[str | None]


class ClassWeights(Scheme, ABC):
    """Base of the class-weight schemes; to write your own, subclass it as a frozen dataclass with a `formula`.

    A class attribute `name` makes a scheme known to configurations and the command line.

    A scheme maps the counts of one task's labels to weights per example. A plan normalises them inside the task, so
    they never change how often the task is drawn, and a common factor has no effect.

    Examples
    --------
    >>> from equipoise.weights import InverseFrequency
    >>> InverseFrequency()([900, 0, 100], ("a", "b", "c"), "mood").tolist()
    [0.0011111111111111111, 0.0, 0.01]
    """

    kind = "class weights"
    common = ("max_ratio",)

    @classmethod
    def _from_options(cls, options: dict[str, Any], read: Read | None) -> Self:
        ratio = None if options["name"] == Clipped.name else options.pop("max_ratio", None)
        scheme = super()._from_options(options, read)
        return scheme if ratio is None else cast(Self, scheme.clipped(max_ratio=ratio))

    @classmethod
    def help(cls) -> str:
        """Return a line for each scheme, and one for the option that all of them take."""
        return f"{super().help()}\nNAME,max_ratio=R: no weight above R times the smallest one of the task."

    def __call__(self, counts: IntArray | Sequence[int], labels: Labels, task: str) -> npt.NDArray[np.float64]:
        """Return the weight of an example of each label.

        Parameters
        ----------
        counts : ndarray of int64, shape (C,)
            Examples of each label.
        labels : sequence of str or None, length C
            The labels; the one None of an open-ended task.
        task : str
            The task, for schemes with a table and for error messages.

        Returns
        -------
        ndarray of float64, shape (C,)
            The weights; 0 for a label without examples.

        Raises
        ------
        PlanError
            If the scheme does not fit the labels, or its weights are not finite numbers of at least 0.
        """
        n = np.asarray(counts, dtype=np.int64)
        if len(n) != len(labels) or (n < 0).any():
            message = f"`counts` must be one number of at least 0 for each of {len(labels)} labels, found {n.tolist()}."
            raise PlanError("bad-counts", message)
        self.check(n, labels, task)
        present = n > 0
        weights = np.zeros(len(n))
        if not present.any():
            return weights
        of_present = [label for label, there in zip(labels, present.tolist(), strict=True) if there]
        weights[present] = self.formula(n[present].astype(np.float64), of_present, task)
        if not np.isfinite(weights).all() or (weights < 0).any():
            message = f"weights must be finite and at least 0, found {weights.tolist()} from {self} for task {task!r}."
            raise PlanError("bad-weights", message)
        return weights

    @abstractmethod
    def formula(self, n: FloatArray, labels: Labels, task: str, /) -> FloatArray:
        """Return the weights of the labels that have examples; every n is at least 1."""

    def check(self, n: IntArray, labels: Labels, task: str, /) -> None:
        """Raise a PlanError if the scheme does not fit these labels; by default every scheme does."""

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks that the scheme names, all of which must exist; none for a formula of counts alone."""
        return frozenset()

    def clipped(self, *, max_ratio: float) -> Clipped:
        """Return the scheme with no weight above `max_ratio` times the smallest positive one."""
        return Clipped(self, max_ratio)


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
        If `max_ratio` is below 1.

    Examples
    --------
    >>> from equipoise.weights import InverseFrequency
    >>> InverseFrequency().clipped(max_ratio=2)([8, 2], ("a", "b"), "mood").tolist()
    [0.125, 0.25]
    """

    name = "clipped"

    inner: ClassWeights
    max_ratio: float

    def __post_init__(self) -> None:
        if not isinstance(self.inner, ClassWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError("not-class-weights", f"`inner` must be class weights, found {self.inner!r}.")
        checked_number("max_ratio", self.max_ratio, least=1, hint="Leave the clipping out to keep all weights.")

    def __str__(self) -> str:
        return f"{self.inner}.clipped(max_ratio={self.max_ratio:g})"

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks that the inner scheme names."""
        return self.inner.named_tasks

    def check(self, n: IntArray, labels: Labels, task: str, /) -> None:
        """Check the inner scheme."""
        self.inner.check(n, labels, task)

    def formula(self, n: FloatArray, labels: Labels, task: str, /) -> FloatArray:
        """Return the clipped weights."""
        weights = self.inner.formula(n, labels, task)
        positive = weights[weights > 0]
        return np.minimum(weights, self.max_ratio * positive.min()) if positive.size else weights

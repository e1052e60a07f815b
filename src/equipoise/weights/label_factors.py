"""r_c = max(1, (t / f_c)^power): the base of the repeat-factor schemes, which differ in the frequency f."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.base.schemes import checked_number
from equipoise.errors import PlanError
from equipoise.weights.base import ClassWeights, FloatArray, Labels

AGGREGATES = ("max", "mean")


@dataclass(frozen=True)
class LabelFactors(ClassWeights, ABC):
    """Base of the schemes that weigh examples with several labels as well as those with one.

    Each label has the factor max(1, (t / f)^power) of its frequency f. An example's factor is taken from those of its
    labels, by the rule `aggregate`; with one label an example it is the label's.

    Parameters
    ----------
    threshold : float
        t, from 0 to 1: labels of at least this frequency have the factor 1. 0 is natural sampling; 1 has no
        floor, so that the factor of every label is f^(-power).
    power : float
        0.5 is the square root of the papers; 1 gives rare labels the full factor t / f.
    aggregate : "max" or "mean"
        The factor of an example: the largest of its labels' factors (that of the rarest label, as published), or
        their mean.
    empty : float
        The factor of an example without labels. 1 draws it like one of frequent labels; 0 leaves it out.

    Raises
    ------
    PlanError
        If an option is out of its range.

    Examples
    --------
    >>> class Halved(LabelFactors):  # your own scheme defines the frequency
    ...     def frequency(self, of_examples, of_instances):
    ...         return of_examples / 2
    >>> Halved(0.16).factors(np.array([0.5, 0.02]), np.array([0.9, 0.1])).tolist()
    [1.0, 4.0]
    """

    threshold: float
    power: float = 0.5
    aggregate: Literal["max", "mean"] = "max"
    empty: float = 1.0

    def __post_init__(self) -> None:
        hint = "Use the share of examples below which a label counts as rare, such as 0.001."
        if checked_number("threshold", self.threshold, least=0, hint=hint) > 1:
            raise PlanError("out-of-range", f"`threshold` must be in [0, 1], found {self.threshold!r}. {hint}")
        checked_number("power", self.power, least=0, hint="The papers use 0.5.")
        checked_number("empty", self.empty, least=0, hint="Use 1, or 0 to leave examples without labels out.")
        if self.aggregate not in AGGREGATES:
            message = f"`aggregate` must be one of {', '.join(AGGREGATES)}, found {self.aggregate!r}."
            raise PlanError("unknown-choice", message)

    @abstractmethod
    def frequency(self, of_examples: FloatArray, of_instances: FloatArray, /) -> FloatArray:
        """Return f of each label, from the share of examples that have it and its share of all instances."""

    def factors(self, of_examples: FloatArray, of_instances: FloatArray) -> FloatArray:
        """Return the factor of each label.

        Parameters
        ----------
        of_examples : ndarray of float64, shape (C,)
            Examples with the label over all examples of the task, above 0.
        of_instances : ndarray of float64, shape (C,)
            Instances of the label over the instances of all labels of the task, above 0.

        Returns
        -------
        ndarray of float64, shape (C,)
            At least 1.
        """
        t, f = self.threshold, self.frequency(of_examples, of_instances)
        with np.errstate(over="ignore"):
            factors = np.maximum(1.0, (t / f) ** self.power)
        if not np.isfinite(factors).all():
            message = f"`power` must leave every factor finite, found {self.power:g}. Use at most 1."
            raise PlanError("out-of-range", message)
        return factors

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return the factors where every example has exactly one label."""
        f = n / n.sum()
        return self.factors(f, f)

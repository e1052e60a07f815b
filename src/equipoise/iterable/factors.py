"""Repeat factors: the mean number of copies of an example of each stratum in a pass."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from equipoise.census import Census, Stratum
from equipoise.errors import ConfigError, PlanError
from equipoise.iterable.one_plan import checked_plan
from equipoise.plan import Plan

_ONE = 1 << 64


@dataclass(frozen=True)
class RepeatFactors:
    """Copies of an example of each stratum in one pass: an integer and a fraction.

    Examples of a stratum with the factor 2.3 are repeated two or three times in a pass, those with 0.3 once or not at
    all. The fraction is rounded up for some examples and down for others, by a number of the example; the remainder of
    one pass counts in the next. So after E passes every example was repeated E r times, rounded up or down, while in
    each pass a random part of the examples is rounded up.

    Parameters
    ----------
    strata : tuple of (str, str or None)
        Task and label.
    factors : tuple of float or Fraction
        Not negative, not all 0.

    Raises
    ------
    PlanError
        If a factor is negative or not finite, all are 0, or a stratum is a duplicate.

    References
    ----------
    Gupta, Dollar and Girshick (2019), LVIS, appendix B.2 (repeat factor sampling, which rounds anew in each epoch).

    Examples
    --------
    >>> from equipoise import Census, Plan, weights
    >>> census = Census.from_counts({"triage": {"no": 900, "yes": 100}})
    >>> factors = RepeatFactors.from_plan(Plan.build(census, weights=weights.Balanced()))
    >>> factors.values.round(3).tolist()  # 500 of each in a pass
    [0.556, 5.0]
    """

    strata: tuple[tuple[str, str | None], ...]
    factors: tuple[Fraction | float, ...]

    def __post_init__(self) -> None:
        strata, factors = self.strata, self.factors
        if len(strata) != len(factors) or len(set(strata)) != len(strata):
            message = f"`factors` must be one for each of {len(strata)} different strata, found {len(factors)}."
            raise PlanError("other-strata", message)
        if not all(np.isfinite(float(factor)) and factor >= 0 for factor in factors) or not any(factors):
            found = [float(factor) for factor in factors]
            message = f"`factors` must be finite, at least 0 and not all 0, found {found!r:.120}."
            raise PlanError("bad-factors", message)
        object.__setattr__(self, "strata", tuple(Stratum(*stratum) for stratum in strata))
        object.__setattr__(self, "factors", tuple(Fraction(factor) for factor in factors))

    @classmethod
    def of(cls, factors: Mapping[tuple[str, str | None], float]) -> "RepeatFactors":
        """Return the factors of a mapping from task and label.

        Examples
        --------
        >>> RepeatFactors.of({("triage", "no"): 0.5, ("triage", "yes"): 3}).values.tolist()
        [0.5, 3.0]
        """
        return cls(tuple(factors), tuple(factors.values()))

    @classmethod
    def from_plan(
        cls,
        plan: Plan,
        *,
        tasks: Collection[str] | None = None,
        per_pass: int | None = None,
        at_least: float | None = None,
    ) -> "RepeatFactors":
        """Return the factors with which strata have the shares of a plan.

        Parameters
        ----------
        plan : Plan
            Built from the census of the source.
        tasks : collection of str, optional
            The tasks that are in the source; all by default. Their shares stay in proportion to each other.
        per_pass : int, optional
            Mean number of examples that a pass yields; by default as many as it reads.
        at_least : float, optional
            Instead: the smallest factor of a stratum. With 1 no example is left out in any pass.

        Returns
        -------
        RepeatFactors
            Proportional to q/n: sampling probability over count.

        Raises
        ------
        PlanError
            If both are given, or the plan draws nothing of these tasks.

        Examples
        --------
        >>> from equipoise import rates
        >>> plan = Plan.build(Census.from_counts({"large": 300, "small": 100}), rates=rates.Equal())
        >>> RepeatFactors.from_plan(plan, at_least=1).values.tolist()
        [1.0, 3.0]
        """
        if per_pass is not None and at_least is not None:
            message = "`per_pass` and `at_least` must not both be given: either sets the scale. Pass one of them."
            raise PlanError("two-scales", message)
        plan = checked_plan(plan)
        unknown = sorted(set(tasks or ()) - set(plan.tasks))
        if unknown:
            message = f"`tasks` must be of the plan, found {unknown}. The plan has {list(plan.tasks)}."
            raise PlanError("unknown-task", message)
        members = [i for i, stratum in enumerate(plan.strata) if tasks is None or stratum.task in tasks]
        masses, counts = plan.masses[members].tolist(), plan.counts[members].tolist()
        if not sum(masses):
            raise PlanError("nothing-to-draw", f"The plan draws nothing of the tasks {sorted(tasks or ())}.")
        relative = [Fraction(mass, count) if mass else Fraction(0) for mass, count in zip(masses, counts, strict=True)]
        if at_least is not None:
            if not 0 < at_least < float("inf"):
                raise PlanError("not-positive", f"`at_least` must be above 0, found {at_least!r}.")
            scale = Fraction(at_least) / min(factor for factor in relative if factor)
        else:
            draws = sum(counts) if per_pass is None else per_pass
            if draws < 1:
                raise PlanError("not-positive", f"`per_pass` must be at least 1, found {per_pass!r}.")
            scale = Fraction(draws, sum(masses))
        return cls(tuple(plan.strata[i] for i in members), tuple(factor * scale for factor in relative))

    @classmethod
    def by_frequency(cls, census: Census, threshold: float) -> "RepeatFactors":
        """Return factors that repeat labels rarer than a threshold: r = max(1, sqrt(t / f)), f the share in the task.

        Parameters
        ----------
        census : Census
        threshold : float
            t: labels of a larger share are not repeated. LVIS uses 0.001.

        References
        ----------
        Gupta, Dollar and Girshick (2019), LVIS, appendix B.2.

        Examples
        --------
        >>> census = Census.from_counts({"triage": {"no": 960, "yes": 40}})
        >>> RepeatFactors.by_frequency(census, threshold=0.16).values.tolist()
        [1.0, 2.0]
        """
        if not 0 < threshold <= 1:
            message = f"`threshold` must be above 0 and at most 1, found {threshold!r}. LVIS uses 0.001."
            raise PlanError("threshold-out-of-range", message)
        of_task = dict(zip(census.tasks, census.task_counts.tolist(), strict=True))
        factors = [
            max(1.0, (threshold * of_task[stratum.task] / count) ** 0.5) if count else 0.0
            for stratum, count in zip(census.strata, census.counts.tolist(), strict=True)
        ]
        return cls(census.strata, tuple(factors))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The factors as numbers, in the order of `strata`."""
        return np.array([float(factor) for factor in self.factors])

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the strata and their factors."""
        parts = [[*stratum, *pair] for stratum, pair in zip(self.strata, self.integers_and_fractions, strict=True)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def integers_and_fractions(self) -> list[tuple[int, int]]:
        """The integer part of each factor, and its fraction in parts of 2**64."""
        return [divmod(int(factor * _ONE), _ONE) for factor in self.factors]

    @cached_property
    def positions(self) -> dict[tuple[str, str | None], int]:
        """Position of each stratum in `strata`."""
        return {(task, label): i for i, (task, label) in enumerate(self.strata)}

    def copies(self, position: int, number: int, word: int) -> int:
        """Compute the copies of an example in one pass: floor((e + 1) r + u) - floor(e r + u).

        Parameters
        ----------
        position : int
            Position of its stratum in `strata`.
        number : int
            e: the pass, from 0.
        word : int
            u in parts of 2**64: uniform over the examples, and constant for each.

        Examples
        --------
        >>> thirds = RepeatFactors.of({("triage", "yes"): 4 / 3})
        >>> [thirds.copies(0, number, word=1 << 63) for number in range(6)]
        [1, 2, 1, 1, 2, 1]
        """
        if not 0 <= word < _ONE:
            raise ConfigError("not-64-bits", f"`word` must be a 64-bit number, found {word!r}.")
        whole, fraction = self.integers_and_fractions[position]
        carried = (number * fraction + word) % _ONE
        return whole + (carried + fraction >= _ONE)

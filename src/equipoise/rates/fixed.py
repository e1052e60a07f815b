"""r_m given: a rate for every task."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.base.schemes import checked_names, checked_number, kind_of
from equipoise.errors import PlanError
from equipoise.rates.base import FloatArray, IntArray, Rates, Tasks


@dataclass(frozen=True)
class Fixed(Rates):
    """r_m given, as fixed:A=0.3,B=0.7, or as a FILE with {A: 0.3, B: 0.7}.

    Parameters
    ----------
    rates : mapping of str to float
        {task: rate}. The rates sum to 1 (to 1e-6, and are then normalised). Every task that has
        examples must be named; 0 leaves one out.

    Raises
    ------
    PlanError
        If the rates are not at least 0 with the sum 1; on use, if the tasks do not fit, or a task without
        examples has a rate.

    Examples
    --------
    >>> Fixed({"mood": 0.25, "topic": 0.75})([900, 100], ("mood", "topic")).tolist()
    [0.25, 0.75]
    """

    name = "fixed"

    rates: Mapping[str, float]

    def __post_init__(self) -> None:
        hint = "Give rates as {task: rate}."
        if not isinstance(self.rates, Mapping) or not self.rates:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError("not-a-mapping", f"`rates` must map tasks to rates, found {kind_of(self.rates)}. {hint}")
        checked_names("rates", self.rates)
        rates = {
            task: checked_number(f"rates[{task!r}]", rate, least=0, hint=hint) for task, rate in self.rates.items()
        }
        total = sum(rates.values())  # not fsum, which raises where this is infinite
        if abs(total - 1) > 1e-6:
            raise PlanError("wrong-sum", f"`rates` must sum to 1, found {total:g}. Divide them by it.")
        object.__setattr__(self, "rates", rates)

    def check(self, n: IntArray, tasks: Tasks, /) -> None:
        """Reject unknown and missing tasks, and a rate of a task without examples."""
        unknown = sorted(set(self.rates) - set(tasks))
        if unknown:
            raise PlanError("unknown-task", f"Fixed names tasks {unknown}, expected {list(tasks)}. Remove them.")
        for task, count in zip(tasks, n.tolist(), strict=True):
            if count and task not in self.rates:
                message = f"Fixed has no rate for task {task!r}. Add it (0 to leave the task out)."
                raise PlanError("missing-task", message)
            if not count and self.rates.get(task, 0.0) > 0:
                raise PlanError(
                    "no-examples",
                    f"Fixed has the rate {self.rates[task]:g} for task {task!r}, which has no examples. Give it 0,"
                    " or find examples.",
                )

    def formula(self, _n: FloatArray, tasks: Tasks, _draws: int | None, /) -> FloatArray:
        """Return the rates."""
        return np.array([self.rates[task] for task in tasks])

"""The plan for label sets: each example drawn by the factors of its labels, tasks by their rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from equipoise.base.tables import html_table
from equipoise.census.strata import read_only
from equipoise.drawing import StratumIndex
from equipoise.errors import PlanError
from equipoise.multilabel.factors import Factors, factors_of
from equipoise.multilabel.forecast import MultiLabelForecast, forecast
from equipoise.multilabel.groups import grouped
from equipoise.multilabel.label_sets import LabelSets
from equipoise.plan import Plan
from equipoise.plan.label_shares import WeightsOrNames, check_open_ended, class_weights, scheme_of_each_task
from equipoise.plan.limits import Passes
from equipoise.plan.resolving import checked_draws
from equipoise.rates import Rates
from equipoise.weights import Natural
from equipoise.weights.base import FloatArray

_COLUMNS: Mapping[str, Callable[[tuple[Any, ...]], str]] = {
    "task": lambda cell: cell[0].task,
    "label": lambda cell: str(cell[0].label),
    "examples": lambda cell: f"{cell[1]:,}",
    "factor": lambda cell: f"{cell[2]:.4g}",
}


@dataclass(frozen=True, eq=False, repr=False)
class MultiLabelPlan:
    """The plan of examples with several labels each. Make one with `MultiLabelPlan.build`.

    Labels that share examples cannot have independent rates: drawing a rare label draws the labels that co-occur.
    So examples are weighted, by the factors of their labels, and `forecast` reports the effect on each label.

    Equally likely examples are a stratum, so `plan` is an ordinary plan for `PlanSampler`: exact shares, every example
    of a stratum before any is repeated, on several ranks, resumable, in batches of any kind. With the largest factor,
    a stratum has the name of the rarest label of its examples.

    Parameters
    ----------
    sets : LabelSets
        The labels of each training example.
    plan : Plan
        The groups of equally likely examples, and how often they are drawn.
    index : StratumIndex
        The group of each example.
    factors : Factors
        The factor of each label and of each example.

    See Also
    --------
    Plan : the same for one label an example.

    Examples
    --------
    >>> from equipoise import LabelSets, MultiLabelPlan, PlanSampler, weights
    >>> sets = LabelSets.from_lists([["a"]] * 88 + [["a", "b"]] * 8 + [["b"]] + [[]] * 3, tasks="findings")
    >>> plan = MultiLabelPlan.build(sets, weights.RepeatFactor(0.36))
    >>> plan.label_factors
    {'findings': {'a': 1.0, 'b': 2.0}}
    >>> sampler = PlanSampler(plan.plan, plan.index)
    >>> rows = sampler.rows(0, 109 * 2048)  # 109 is the sum of the examples' factors, 2,048 the block
    >>> [int((rows == row).sum()) / 2048 for row in (0, 90, 99)]  # only "a"; "a" and "b"; no label
    [1.0, 2.0, 1.0]
    """

    sets: LabelSets
    plan: Plan
    index: StratumIndex
    factors: Factors

    @classmethod
    def build(
        cls,
        sets: LabelSets,
        weights: WeightsOrNames,
        rates: Rates | str = "equal",
        *,
        max_passes: float | Mapping[str, float] | None = None,
        draws: int | None = None,
    ) -> MultiLabelPlan:
        """Resolve rates and factors to a plan.

        Parameters
        ----------
        sets : LabelSets
            The labels of each training example, in the dataset's order.
        weights : ClassWeights or str, or mapping of str to these
            `RepeatFactor`, `InstanceAware` or `Natural`; per task with a mapping, "*" being the tasks that are not
            named. Tasks whose examples all have one label accept any class weights.
        rates : Rates or str, default "equal"
            How often each task is drawn, independent of the factors of its examples.
        max_passes : float, or mapping of str to float, optional
            How often, on average, an example may be seen in `draws` draws. The surplus goes to the other examples of
            the task, in proportion. One number, or one per task; "*" is the rest, and without it the rest has no limit.
        draws : int, optional
            The planned number of draws; `max_passes` and UniMax need it.

        Returns
        -------
        MultiLabelPlan

        Raises
        ------
        PlanError
            If there are no examples, a scheme does not fit its task, `max_passes` names labels or an unknown task, or
            the draws do not fit under it.
        """
        if not len(sets):
            raise PlanError("no-examples", "`sets` must have examples, found none. Check that the data was read.")
        weights = class_weights(weights)
        schemes = scheme_of_each_task(sets.tasks, weights)
        factors = factors_of(sets, schemes)
        census, index, of_groups = grouped(sets, factors, schemes)
        check_open_ended(census, weights)
        of_open = dict.fromkeys((task for task in census.tasks if task not in of_groups), Natural())
        _refuse_limits_of_labels(max_passes)
        plan = Plan.build(census, rates, of_open | of_groups, max_passes=max_passes, draws=draws)
        return cls(sets, plan, index, factors)

    @property
    def label_factors(self) -> dict[str, dict[str, float]]:
        """The factor of each label, as {task: {label: factor}}."""
        found: dict[str, dict[str, float]] = {task: {} for task in self.sets.tasks}
        for stratum, factor in zip(self.sets.strata, self.factors.of_labels.tolist(), strict=True):
            found[stratum.task][str(stratum.label)] = factor
        return found

    @cached_property
    def row_weights(self) -> FloatArray:
        """The probability of each example in a draw, for `WeightedSampler`."""
        return read_only(self.index.spread(self.plan.probabilities / self.plan.counts))

    def forecast(self, draws: int | None = None, allow_passes: Passes = 100.0) -> MultiLabelForecast:
        """Forecast the effect of `draws` draws (by default the planned number) on each label.

        Parameters
        ----------
        draws : int, optional
            The number of draws.
        allow_passes : float, or mapping as for `max_passes` of `Plan.build`
            More passes than this over the examples of a label, on average, are an error; more than 20 are a warning.
        """
        draws = checked_draws(draws, self.plan.draws)
        return forecast(self.sets, self.factors, self.row_weights, draws, allow_passes)

    def __repr__(self) -> str:
        return f"MultiLabelPlan({self.sets!r}, {self.plan!r})"

    def _repr_html_(self) -> str:
        examples = self.sets.census().examples.tolist()
        cells = list(zip(self.sets.strata, examples, self.factors.of_labels.tolist(), strict=True))
        return f"<p>{escape(repr(self))}</p>{html_table(_COLUMNS, cells)}"


def _refuse_limits_of_labels(max_passes: float | Mapping[str, Any] | None) -> None:
    limits = max_passes if isinstance(max_passes, Mapping) else {}
    for task, limit in limits.items():
        if isinstance(limit, Mapping):
            message = (
                f"`max_passes[{task!r}]` must be a number, found one for each of {len(limit)} labels. An example with"
                " several labels has no limit of one of them. Give one for the task; the forecast shows each label."
            )
            raise PlanError("several-labels", message)

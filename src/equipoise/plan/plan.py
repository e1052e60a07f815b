"""The plan: census, mixing rates, class weights and caps resolved to one number per stratum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.masses import WHOLE
from equipoise.census import Census, Stratum
from equipoise.census.strata import Stratified, checked_strata, read_only
from equipoise.errors import PlanError
from equipoise.plan import plan_json
from equipoise.plan.forecast import Forecast, forecast, ratios
from equipoise.plan.label_shares import WeightsOrNames
from equipoise.plan.limits import Passes
from equipoise.plan.resolving import Tokens, check_reachable, checked_draws, checked_masses, resolved
from equipoise.plan.shown import html_of, plot_shares
from equipoise.rates import Rates

if TYPE_CHECKING:
    from equipoise.base.plots import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Stratified):
    """The sampling distribution q and the target p* of the loss, in integers.

    Make one with `Plan.build`. Plans are values: hashable, read-only, and equal if all their fields are.

    Parameters
    ----------
    strata : tuple of Stratum
        Sorted by task and label. Strata without examples are listed, with mass 0.
    counts : ndarray of int64, shape (S,)
        Examples of each stratum.
    masses : ndarray of int64, shape (S,)
        q in units of 2**-60; the sum is exactly 2**60.
    target_masses : ndarray of int64, shape (S,)
        p* in units of 2**-60.
    draws : int, optional
        The planned number of draws.
    rates_text, weights_text : str
        How the masses were made, for people.

    Raises
    ------
    PlanError
        If the fields are inconsistent: a mass without examples, a target mass where q is 0.

    Examples
    --------
    >>> census = Census.from_counts({"mood": {"glad": 900, "sad": 100}, "topic": 1000})
    >>> plan = Plan.build(census, weights="power:0.5")  # or equipoise.weights.Power(0.5)
    >>> plan.probabilities.tolist()
    [0.375, 0.125, 0.5]
    >>> Plan.from_json(plan.to_json()) == plan
    True
    """

    strata: tuple[Stratum, ...]
    counts: npt.NDArray[np.int64]
    masses: npt.NDArray[np.int64]
    target_masses: npt.NDArray[np.int64]
    draws: int | None = None
    rates_text: str = ""
    weights_text: str = ""

    def __post_init__(self) -> None:
        strata, counts = checked_strata(self.strata, self.counts)
        masses = checked_masses("masses", self.masses, strata, counts)
        target_masses = checked_masses("target_masses", self.target_masses, strata, counts)
        check_reachable(strata, masses, target_masses)
        draws = None if self.draws is None else checked_draws(self.draws, None)
        values = (strata, counts, masses, target_masses, draws)
        for name, value in zip(("strata", "counts", "masses", "target_masses", "draws"), values, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def build(
        cls,
        census: Census,
        rates: Rates | str = "equal",
        weights: WeightsOrNames = "sqrt",
        *,
        max_passes: Passes | None = None,
        draws: int | None = None,
        target_rates: Rates | str | None = None,
        target_weights: WeightsOrNames | None = None,
        tokens: Tokens | None = None,
    ) -> Plan:
        """Resolve rates and weights to a plan: by default equal tasks and square-root class weights.

        Parameters
        ----------
        census : Census
            The counts of the training examples.
        rates : Rates or str, default "equal"
            How often each task is drawn: a scheme, or its string form as the command takes it, such as "temperature:2".
            "proportional" keeps the shares of the data.
        weights : ClassWeights or str, or mapping of str to these, default "sqrt"
            The weight of an example of each label inside its task, such as "inverse,max_ratio=50"; per task with a
            mapping, "*" being the tasks that are not named. They never change the rates. "natural" keeps the shares of
            the data.
        max_passes : float, or mapping of str to float or to mapping of str to float, optional
            How often, on average, an example of any stratum may be seen in `draws` draws. The surplus of a stratum goes
            to the other labels of its task, in proportion to their shares. One number for all; or one per task, or per
            label of a task, as in {"rare": {"yes": 20, "*": 10}, "*": 4}: "*" is the rest, and without it the rest has
            no limit.
        draws : int, optional
            The planned number of draws; `max_passes` and UniMax need it.
        target_rates, target_weights : optional
            The target distribution of the loss, if it differs from the sampling distribution: draws then have
            importance weights p*/q. An omitted one is as for sampling; `max_passes` does not change the target.
        tokens : ndarray of float64, shape (S,) or mapping of Stratum to float, optional
            Mean tokens of an example of each stratum: of the input, the target or both. The rates are
            then shares of tokens instead of examples, so tasks of long examples are drawn less often; class weights
            remain those of examples. `StratumIndex.means` computes it.

        Returns
        -------
        Plan
            The plan; its target is its sampling distribution unless given.

        Raises
        ------
        PlanError
            If the schemes, tokens or limits do not fit the census, or the draws not under the limits. Class weights do
            not fit open-ended tasks that they name, nor a census without labels; weights for all tasks weigh those
            that have labels.
        """
        masses, target_masses, *texts = resolved(
            census, rates, weights, max_passes, draws, target_rates, target_weights, tokens
        )
        return cls(census.strata, census.counts, masses, target_masses, draws, *texts)

    @property
    def block(self) -> int:
        """Draws after which every stratum is within about one draw of its share: 2,048, or 16 per stratum if more.

        Samplers with `Quota` or `OneTask` batches keep the shares over each global batch instead.
        """
        drawn = int(np.count_nonzero(self.masses))
        return max(2048, 1 << (16 * drawn - 1).bit_length())

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The one stage of a plan; those of a `Schedule` are several."""
        return (Stage(0, self),)

    def average(self, draws: int | None = None) -> Plan:  # noqa: ARG002 - whatever is drawn
        """Return the plan itself: its shares do not change, as those of a `Schedule` do."""
        return self

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """The sampling distribution q, per stratum."""
        return read_only(self.masses / WHOLE)

    @cached_property
    def target(self) -> npt.NDArray[np.float64]:
        """The target distribution p*, per stratum."""
        return read_only(self.target_masses / WHOLE)

    @cached_property
    def importance_weights(self) -> npt.NDArray[np.float64]:
        """p*/q per stratum: the weight of a draw in the loss; 0 for strata that are never drawn."""
        return read_only(ratios(self.target_masses, self.masses))

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all that determines the draws: strata, counts, masses and target masses."""
        return plan_json.fingerprint(self._cells)

    def position_of(self, task: str, label: str | None) -> int:
        """Return the position of a stratum in `strata`, or raise a PlanError."""
        if (task, label) not in self._positions:
            message = f"task {task!r}, label {label!r} is not a stratum of the plan. Rebuild it from this data."
            raise PlanError("unknown-stratum", message)
        return self._positions[task, label]

    @cached_property
    def _positions(self) -> dict[tuple[str, str | None], int]:
        return {stratum: position for position, stratum in enumerate(self.strata)}

    def forecast(self, draws: int | None = None, allow_passes: Passes = 100.0) -> Forecast:
        """Forecast the effect of `draws` draws (by default the planned number).

        Parameters
        ----------
        draws : int, optional
            The number of draws.
        allow_passes : float, or mapping as for `max_passes` of `build`
            More passes than this over a stratum are an error; more than 20 are a warning.

        Returns
        -------
        Forecast
            Rows, groups and problems: `many-passes`, `too-many-passes`, `never-drawn`, `rarely-drawn` (less than one
            draw expected) and `no-examples`.
        """
        draws = checked_draws(draws, self.draws)
        spans = {task: self.span(task) for task in self.tasks}
        return forecast(self.strata, spans, self.counts, self.probabilities, self.target, draws, allow_passes)

    def to_json(self) -> str:
        """Return the plan as a JSON string, with its fingerprint."""
        return plan_json.to_json(self._cells, self.draws, self.rates_text, self.weights_text)

    @property
    def _cells(self) -> list[dict[str, Any]]:
        return plan_json.cells_of(self.strata, self.counts, self.masses, self.target_masses)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Make a plan from a string of `to_json`; a PlanError if it is damaged or was changed."""
        fields, fingerprint = plan_json.parse(text)
        plan = cls(*fields)
        plan_json.check_unchanged("plan", plan.fingerprint, fingerprint)
        return plan

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with a row for each stratum; `.to_pandas()` of it is a data frame.

        Examples
        --------
        >>> Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}})).to_arrow().column_names
        ['task', 'label', 'count', 'probability', 'target', 'importance_weight']
        """
        columns = {name: [cell[name] for cell in self._cells] for name in ("task", "label", "count")}
        numbers = {
            "probability": self.probabilities,
            "target": self.target,
            "importance_weight": self.importance_weights,
        }
        return pa.table(columns | numbers)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the shares of each stratum in the data and in the draws, as two dots on one line.

        The axis is logarithmic if the shares span decades. Of more than 60 strata those with the 30 smallest and the 30
        largest shares of the data are shown.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure of pyplot.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigError
            If matplotlib is not installed.

        Examples
        --------
        >>> ax = Plan.build(Census.from_counts({"mood": {"glad": 900, "sad": 100}})).plot()
        >>> {line.get_label(): line.get_xdata().tolist() for line in ax.lines}
        {'share of the data': [0.9, 0.1], 'share of the draws': [0.75, 0.25]}
        """
        return plot_shares(ax, self.strata, self.counts / self.counts.sum(), self.probabilities)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{html_of(self._cells)}"

    def __repr__(self) -> str:
        drawn = int(np.count_nonzero(self.masses))
        return (
            f"Plan({len(self.tasks)} tasks, {len(self.strata)} strata, {drawn} drawn,"
            f" rates={self.rates_text}, weights={self.weights_text}, fingerprint={self.fingerprint[:12]})"
        )


class Stage(NamedTuple):
    """A plan, and from where it is drawn.

    Attributes
    ----------
    at : int
        The first draw, counted over the whole training and all ranks.
    plan : Plan
        What is drawn from there on.
    """

    at: int
    plan: Plan

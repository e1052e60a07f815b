"""The forecast for label sets: the effect of a number of draws on each label, and the labels that co-occur."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.base.problems import Problem
from equipoise.base.tables import aligned_columns
from equipoise.multilabel.factors import Factors
from equipoise.multilabel.label_sets import LabelSets
from equipoise.multilabel.tallies import Tallies
from equipoise.plan.forecast import RowForecast, listed, paragraphs

FloatArray = npt.NDArray[np.float64]

PULLED = 1.5
"""Labels drawn more than this many times as often as their own factor asks for are reported."""


@dataclass(frozen=True)
class LabelForecast(RowForecast):
    """The effect on the examples that have a label; with `label` None, on those of the task without any.

    `data_share` and `draw_share` are of the examples and of the draws *of the task*; those of its labels overlap and
    sum to the cardinality. `factor` is the label's own. `asked` is what that factor asks for: how many times as
    often as in the data the label would be drawn if every example that has it had this factor, its factor over the
    mean factor of the task's examples. `lift` is the actual value: `draw_share` over `data_share`.

    `pulled_share` is the share of its draws that are of examples whose factor is larger because of another label, and
    `pulled_by` the label with most of these.

    `passes` are expected draws per example, on average; `unseen_fraction` is the share of its examples that are never
    drawn, and `effective_sample_size` Kish's over them.
    """

    instances: int
    factor: float
    asked: float
    lift: float
    effective_sample_size: float
    pulled_share: float
    pulled_by: str | None


@dataclass(frozen=True)
class TaskForecast:
    """The effect on one task, or with `task` None on all of them.

    `effective_sample_size` is Kish's over examples: their number if all are equally likely. The cardinality is labels
    per example in the data and per draw; the mean imbalance is that of `MultiLabelCensus.mean_imbalance`, of counts
    and of expected draws.
    """

    task: str | None
    count: int
    data_share: float
    draw_share: float
    expected_draws: float
    effective_sample_size: float
    cardinality_before: float
    cardinality_after: float
    imbalance_before: float
    imbalance_after: float


@dataclass(frozen=True)
class MultiLabelForecast:
    """The effect of a number of draws of label sets: a row per label and per task, and the problems.

    Parameters
    ----------
    draws : int
        The number of draws.
    rows : tuple of LabelForecast
        One for each label, sorted by task and label; the examples of a task without labels follow.
    tasks : tuple of TaskForecast
        One for each task.
    overall : TaskForecast
        All tasks together.
    problems : tuple of Problem
        What to check, in the order of the rows.

    Examples
    --------
    >>> from equipoise import LabelSets, MultiLabelPlan, weights
    >>> sets = LabelSets.from_lists([["a"]] * 88 + [["a", "b"]] * 8 + [["b"]] + [[]] * 3, tasks="findings")
    >>> print(MultiLabelPlan.build(sets, weights.RepeatFactor(0.36)).forecast(draws=109).to_text())
    task      label  count   data  factor  draws  asked   lift  expected  passes  unseen  pulled by
    findings  a         96  96.0%       1  95.4%  0.917  0.994       104    1.08    0.0%      b 15%
    findings  b          9   9.0%       2  16.5%   1.83   1.83        18       2    0.0%          -
    findings  -          3   3.0%       1   2.8%  0.917  0.917         3       1    0.0%          -
    <BLANKLINE>
    task      count   draws  expected  effective examples   cardinality  mean imbalance
    findings    100  100.0%       109                  94  1.05 -> 1.12    5.83 -> 3.39
    all         100  100.0%       109                  94  1.05 -> 1.12    5.83 -> 3.39
    """

    draws: int
    rows: tuple[LabelForecast, ...]
    tasks: tuple[TaskForecast, ...]
    overall: TaskForecast
    problems: tuple[Problem, ...]

    def row_of(self, task: str, label: str | None) -> LabelForecast:
        """Return the row of a label, or with None of the examples without labels; KeyError if there is none."""
        for row in self.rows:
            if (row.task, row.label) == (task, label):
                return row
        raise KeyError((task, label))

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as JSON values."""
        return asdict(self) | {"problems": [problem._asdict() for problem in self.problems]}

    def to_text(self) -> str:
        """Return the forecast as aligned plain-text tables and the problems."""
        tasks = aligned_columns(_TASK_COLUMNS, (*self.tasks, self.overall))
        return paragraphs(aligned_columns(_LABEL_COLUMNS, self.rows), tasks, listed(self.problems))


_LABEL_COLUMNS: dict[str, Callable[[LabelForecast], str]] = {
    "task": lambda row: row.task,
    "label": lambda row: row.label or "-",
    "count": lambda row: f"{row.count}",
    "data": lambda row: f"{row.data_share:.1%}",
    "factor": lambda row: f"{row.factor:.3g}",
    "draws": lambda row: f"{row.draw_share:.1%}",
    "asked": lambda row: f"{row.asked:.3g}",
    "lift": lambda row: f"{row.lift:.3g}",
    "expected": lambda row: f"{row.expected_draws:.0f}",
    "passes": lambda row: f"{row.passes:.3g}",
    "unseen": lambda row: f"{row.unseen_fraction:.1%}",
    "pulled by": lambda row: f"{row.pulled_by} {row.pulled_share:.0%}" if row.pulled_by else "-",
}
_TASK_COLUMNS: dict[str, Callable[[TaskForecast], str]] = {
    "task": lambda group: "all" if group.task is None else group.task,
    "count": lambda group: f"{group.count}",
    "draws": lambda group: f"{group.draw_share:.1%}",
    "expected": lambda group: f"{group.expected_draws:.0f}",
    "effective examples": lambda group: f"{group.effective_sample_size:.0f}",
    "cardinality": lambda group: f"{group.cardinality_before:.2f} -> {group.cardinality_after:.2f}",
    "mean imbalance": lambda group: f"{group.imbalance_before:.2f} -> {group.imbalance_after:.2f}",
}


def forecast(
    sets: LabelSets, factors: Factors, row_weights: FloatArray, *, draws: int, allow_passes: float = 100.0
) -> MultiLabelForecast:
    """Forecast the effect on each label of drawing examples in proportion to weights.

    Parameters
    ----------
    sets : LabelSets
        The examples.
    factors : Factors
        The factor of each label and example.
    row_weights : ndarray of float64, shape (N,)
        The probability of each example; they sum to 1.
    draws : int
        The number of draws.
    allow_passes : float
        More passes than this over a label's examples are an error; more than 4 are a warning.

    Returns
    -------
    MultiLabelForecast
        Rows, groups and problems: those of `equipoise.plan.forecast.forecast`, and `pulled-along` (a label is drawn
        more than 1.5 times as often as its own factor asks for, because of another label).
    """
    tallies = Tallies.of(sets, factors, row_weights, draws)
    rows = tuple(_row(tallies, number, draws) for number in tallies.listed)
    tasks = tuple(_group(tallies, number, draws) for number in range(len(sets.tasks)))
    problems: list[Problem] = []
    for row in rows:
        without = row.label is None and row.count < tasks[sets.tasks.index(row.task)].count
        name = f"{row.task!r} without labels" if without else None
        problems += [*row.problems(draws, allow_passes, name), *_pulled(row)]
    return MultiLabelForecast(draws, rows, tasks, _group(tallies, None, draws), tuple(problems))


def _row(tallies: Tallies, number: int, draws: int) -> LabelForecast:
    stratum, place = tallies.strata[number], int(tallies.task_of[number])
    n, mass = int(tallies.examples[number]), float(tallies.masses[number])
    data_share = _ratio(n, float(tallies.task_examples[place]))
    draw_share = _ratio(mass, float(tallies.task_masses[place]))
    factor = float(tallies.factors[number])
    puller = int(tallies.pulled_by[number])
    return LabelForecast(
        task=stratum.task,
        label=stratum.label,
        count=n,
        instances=int(tallies.instances[number]),
        data_share=data_share,
        factor=factor,
        draw_share=draw_share,
        asked=_ratio(factor, float(tallies.task_factors[place])),
        lift=_ratio(draw_share, data_share),
        expected_draws=draws * mass,
        passes=_ratio(draws * mass, n),
        unseen_fraction=_ratio(float(tallies.unseen[number]), n),
        effective_sample_size=_ratio(mass**2, float(tallies.squares[number])),
        pulled_share=_ratio(float(tallies.pulled[number]), mass),
        pulled_by=None if puller < 0 else tallies.strata[puller].label,
    )


def _group(tallies: Tallies, place: int | None, draws: int) -> TaskForecast:
    tasks = slice(None) if place is None else slice(place, place + 1)
    labels = tallies.is_label & (True if place is None else tallies.task_of == place)
    n, mass = int(tallies.task_examples[tasks].sum()), float(tallies.task_masses[tasks].sum())
    return TaskForecast(
        task=None if place is None else tallies.tasks[place],
        count=n,
        data_share=_ratio(n, float(tallies.task_examples.sum())),
        draw_share=mass,
        expected_draws=draws * mass,
        effective_sample_size=_ratio(mass**2, float(tallies.task_squares[tasks].sum())),
        cardinality_before=_ratio(float(tallies.examples[labels].sum()), n),
        cardinality_after=_ratio(float(tallies.masses[labels].sum()), mass),
        imbalance_before=_mean(tallies.imbalance_before[labels]),
        imbalance_after=_mean(tallies.imbalance_after[labels]),
    )


def _pulled(row: LabelForecast) -> list[Problem]:
    if row.pulled_by is None or row.lift <= PULLED * row.asked:
        return []
    message = (
        f"{row.task!r}, label {row.label!r} is drawn {row.lift:.3g} times as often as in the data, where its own factor"
        f" asks for {row.asked:.3g}: {row.pulled_share:.0%} of its draws are due to labels that it co-occurs with, most"
        f" to {row.pulled_by!r}."
    )
    return [Problem("warning", "pulled-along", message)]


def _mean(ratios: FloatArray) -> float:
    return float(ratios[ratios > 0].mean()) if ratios.any() else 1.0


def _ratio(a: float, b: float) -> float:
    """Return a / b, and 0 where b is 0."""
    return a / b if b else 0.0

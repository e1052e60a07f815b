"""The forecast for label sets: the effect of a number of draws on each label, and the labels that co-occur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.base.problems import Problem
from equipoise.census import Stratum
from equipoise.multilabel.census import imbalance_ratios
from equipoise.multilabel.factors import Factors
from equipoise.multilabel.label_sets import LabelSets
from equipoise.plan.forecast import RowForecast, ratios
from equipoise.plan.forecasted import COLUMNS, GROUP_COLUMNS, Forecasted, rows_of
from equipoise.plan.limits import Passes, limits_of
from equipoise.rates.base import FloatArray, IntArray

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


@dataclass(frozen=True, repr=False)
class MultiLabelForecast(Forecasted[LabelForecast, TaskForecast]):
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

    columns = (
        {
            **{heading: COLUMNS[heading] for heading in ("task", "label", "count", "data")},
            "factor": lambda row: f"{row.factor:.3g}",
            "draws": COLUMNS["draws"],
            "asked": lambda row: f"{row.asked:.3g}",
            "lift": lambda row: f"{row.lift:.3g}",
            **COLUMNS,  # the others follow
            "pulled by": lambda row: f"{row.pulled_by} {row.pulled_share:.0%}" if row.pulled_by else "-",
        },
        {
            **GROUP_COLUMNS,
            "cardinality": lambda group: f"{group.cardinality_before:.2f} -> {group.cardinality_after:.2f}",
            "mean imbalance": lambda group: f"{group.imbalance_before:.2f} -> {group.imbalance_after:.2f}",
        },
    )

    def row_of(self, task: str, label: str | None) -> LabelForecast:
        """Return the row of a label, or with None of the examples without labels; KeyError if there is none."""
        return {(row.task, row.label): row for row in self.rows}[task, label]


def forecast(
    sets: LabelSets, factors: Factors, row_weights: FloatArray, draws: int, allow_passes: Passes = 100.0
) -> MultiLabelForecast:
    """Forecast the effect on each label of drawing examples with the probabilities `row_weights`, shape (N,).

    The problems are those of `Plan.forecast`, and `pulled-along`: a label is drawn more than 1.5 times as often as its
    own factor asks for, because of another label. See `MultiLabelPlan.forecast`.
    """
    census = sets.census()
    n_labels, n_tasks = len(sets.strata), len(sets.tasks)
    without = np.flatnonzero(sets.lengths == 0)
    # Behind the labels are the examples without any, task by task.
    strata = (*sets.strata, *(Stratum(task, None) for task in sets.tasks))
    tasks = np.concatenate([census.task_of_label, np.arange(n_tasks)])
    codes = np.concatenate([sets.codes, n_labels + sets.task_of_row[without]]).astype(np.int64)
    rows = np.concatenate([sets.row_of_entry, without])
    examples = np.concatenate([census.examples, census.task_empty])
    # All examples of a task without labels have the same factor.
    of_empty = np.zeros(n_tasks)
    of_empty[sets.task_of_row[without]] = factors.of_examples[without]
    own = np.concatenate([factors.of_labels, of_empty])
    weights = row_weights[rows]
    masses, squares, unseen = (
        _sums(codes, values, len(strata)) for values in (weights, weights**2, (1 - draws * weights).clip(min=0))
    )
    task_masses, task_squares, task_factors = (
        _sums(sets.task_of_row, values, n_tasks) for values in (row_weights, row_weights**2, factors.of_examples)
    )
    pulled, pulled_by = _pulled(codes, factors.deciding[rows], own, weights)
    data_shares, draw_shares = ratios(examples, census.task_examples[tasks]), ratios(masses, task_masses[tasks])
    columns = {
        "count": examples,
        "data_share": data_shares,
        "draw_share": draw_shares,
        "expected_draws": draws * masses,
        "passes": ratios(draws * masses, examples),
        "unseen_fraction": ratios(unseen, examples),
        "instances": np.concatenate([census.instances, np.zeros(n_tasks, np.int64)]),
        "factor": own,
        "asked": ratios(own, ratios(task_factors, census.task_examples)[tasks]),
        "lift": ratios(draw_shares, data_shares),
        "effective_sample_size": ratios(masses**2, squares),
        "pulled_share": ratios(pulled, masses),
    }
    listed = [place for place in range(len(strata)) if place < n_labels or examples[place]]
    listed.sort(key=lambda place: (strata[place].task, place))  # labels are sorted, and before what has none
    found = rows_of(
        LabelForecast,
        task=[strata[place].task for place in listed],
        label=[strata[place].label for place in listed],
        pulled_by=[strata[by].label if by >= 0 else None for by in pulled_by[listed].tolist()],
        **{name: values[listed] for name, values in columns.items()},
    )

    def of_labels(values: npt.NDArray[Any]) -> FloatArray:
        return _whole(_sums(census.task_of_label, values[:n_labels], n_tasks))

    def mean_imbalance(values: FloatArray) -> FloatArray:
        imbalances = imbalance_ratios(values[:n_labels], census.task_of_label)
        there = of_labels(imbalances > 0)
        return np.where(there > 0, ratios(of_labels(imbalances), there), 1.0)

    counts, mass = _whole(census.task_examples), _whole(task_masses)
    groups = rows_of(
        TaskForecast,
        task=[*sets.tasks, None],
        count=counts,
        data_share=counts / counts[-1],
        draw_share=mass,
        expected_draws=draws * mass,
        effective_sample_size=ratios(mass**2, _whole(task_squares)),
        cardinality_before=ratios(of_labels(examples), counts),
        cardinality_after=ratios(of_labels(masses), mass),
        imbalance_before=mean_imbalance(examples.astype(np.float64)),
        imbalance_after=mean_imbalance(masses),
    )
    problems: list[Problem] = []
    limits = limits_of("allow_passes", allow_passes, strata)[listed].tolist()
    for row, most in zip(found, limits, strict=True):
        without_labels = row.label is None and row.count < counts[sets.tasks.index(row.task)]
        name = f"{row.task!r} without labels" if without_labels else None
        problems += [*row.problems(draws, most, name), *_pulled_along(row)]
    return MultiLabelForecast(draws, found, groups[:-1], groups[-1], tuple(problems))


def _pulled_along(row: LabelForecast) -> list[Problem]:
    if row.pulled_by is None or row.lift <= PULLED * row.asked:
        return []
    message = (
        f"{row.task!r}, label {row.label!r} is drawn {row.lift:.3g} times as often as in the data, where its own factor"
        f" asks for {row.asked:.3g}: {row.pulled_share:.0%} of its draws are due to labels that it co-occurs with, most"
        f" to {row.pulled_by!r}."
    )
    return [Problem("warning", "pulled-along", message)]


def _pulled(codes: IntArray, deciding: IntArray, own: FloatArray, weights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the mass of each label in examples whose factor is larger because of another label, and the main one."""
    size = len(own)
    pulled_by = np.full(size, -1, dtype=np.int64)
    larger = (deciding >= 0) & (own[deciding] > own[codes])
    pairs, of_entry = np.unique(codes[larger] * size + deciding[larger], return_inverse=True)
    masses = _sums(of_entry, weights[larger], len(pairs))
    pulled, pullers = np.divmod(pairs, max(size, 1))
    rising = np.argsort(masses, kind="stable")  # of several assignments to one position the last remains
    pulled_by[pulled[rising]] = pullers[rising]
    return _sums(pulled, masses, size), pulled_by


def _sums(codes: npt.NDArray[np.integer], values: npt.NDArray[Any], size: int) -> FloatArray:
    """Return the sum of the values of each code as float64, for no values too."""
    return np.bincount(codes, values, size).astype(np.float64, copy=False)


def _whole(parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the parts and, last, their sum."""
    return np.append(parts, parts.sum())

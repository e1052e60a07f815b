"""Proxies of a full training: passes and shares are those of the full one, on nested parts of its rows."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.errors import raises

from equipoise.config import make_config
from equipoise.data import Records
from equipoise.errors import PlanError
from equipoise.runs.losses import trained_prior
from equipoise.runs.prepare import Prepared, prepare, refuse_bad_forecast
from equipoise.runs.proxies import LEAST_ROWS, kept_rows, with_least_rows
from equipoise.runs.sampling import index_of, sampler_of
from equipoise.schedule import Schedule

FULL = 7200
COUNTS = {("a", "x"): 900, ("a", "y"): 90, ("a", "z"): 5, ("b", "x"): 360, ("b", "y"): 72}


def rows(group: int | None = None, seed: int = 0) -> Records:
    """Training rows in no order; with groups, each of some rows of one label, or of both tasks."""
    pairs = [pair for pair, count in COUNTS.items() for _ in range(count)]
    inputs = [str(number) for number in range(len(pairs))]
    held = {"task": [task for task, _ in pairs], "input": inputs, "target": [label for _, label in pairs]}
    if group:
        held["group"] = [f"{label}{number // group}" for number, (_, label) in enumerate(pairs)]
    order = np.random.default_rng(seed).permutation(len(pairs))
    return Records.from_dict({name: [values[place] for place in order] for name, values in held.items()} | {
        "split": ["train"] * len(pairs)
    })  # fmt: skip


def proxy(draws: int, records: Records | None = None, seed: int = 0, **plan: Any) -> Prepared:
    given = {"draws": draws, "allow_repeats": True, **({"proxy_of": FULL} if draws < FULL else {}), **plan}
    config = {"data": {"source": "rows.jsonl"}, "plan": given, "training": {"batch_size": 8}, "seed": seed}
    return prepare(make_config(config), rows() if records is None else records)


def times(prepared: Prepared) -> NDArray[np.int64]:
    """How often each training row is drawn."""
    draws = prepared.config.plan.draws
    sampler = sampler_of(prepared.config, prepared.plan, index_of(prepared), draws)
    return np.bincount(sampler.of_all_ranks(0, draws)[0], minlength=len(prepared.train))


def inputs_of(prepared: Prepared) -> dict[str, set[str]]:
    """The inputs of the rows that a proxy draws, by task and label."""
    held = prepared.train.column("input").to_pylist()
    found: dict[str, set[str]] = {}
    index = index_of(prepared)
    for stratum, start, size in zip(prepared.plan.strata, index.starts, index.sizes, strict=True):
        found[f"{stratum.task}{stratum.label}"] = {held[row] for row in index.order[start : start + size]}
    return found


@pytest.mark.parametrize("draws", [FULL // 9, FULL // 3, 1000, 7000])
def test_a_row_is_seen_as_often_as_in_the_full_training(draws: int) -> None:
    full, prepared = proxy(FULL), proxy(draws)
    passes = full.plan.probabilities * FULL / full.plan.counts
    index = index_of(prepared)
    assert np.array_equal(prepared.plan.masses, full.plan.masses)
    seen = times(prepared)
    few = with_least_rows(full.plan.counts, Fraction(draws, FULL)).tolist()
    for stratum, size in enumerate(index.sizes):
        of_rows = seen[index.order[index.starts[stratum] : index.starts[stratum] + size]]
        assert of_rows.max() - of_rows.min() <= 1
        drawn = prepared.plan.probabilities[stratum] * draws
        assert abs(of_rows.sum() - drawn) < 4 * drawn**0.5  # shares are exact at the end of blocks alone
        least = passes[stratum] / (1 + 1 / size)  # a row more than its part at most
        assert (least <= drawn / size <= passes[stratum] * (1 + 1e-9)) == (stratum not in few)
    assert seen.sum() == draws
    assert (seen > 0).sum() == len(index)


def test_rare_labels_keep_some_rows() -> None:
    kept = kept_rows(np.array([900, 90, 5, 360, 72, 0]), Fraction(1, 9))
    assert kept.tolist() == [100, 10, 5, 40, LEAST_ROWS, 0]
    assert with_least_rows(np.array([900, 90, 5, 360, 72, 0]), Fraction(1, 9)).tolist() == [2]
    assert kept_rows(np.array([2**32]), Fraction(2**58, 2**59)).tolist() == [2**31]


@pytest.mark.parametrize("group", [None, 3])
def test_larger_parts_hold_smaller_ones_and_seeds_differ(group: int | None) -> None:
    records = rows(group)
    small, large = (inputs_of(proxy(FULL // part, records)) for part in (9, 3))
    assert all(small[name] <= large[name] for name in small)
    assert small["ax"] < large["ax"]
    other = inputs_of(proxy(FULL // 9, records, seed=1))
    assert len(other["ax"] & small["ax"]) < 50  # of 100 of 900


def test_which_rows_are_kept_does_not_depend_on_their_order() -> None:
    assert inputs_of(proxy(800, rows(seed=1))) == inputs_of(proxy(800, rows(seed=2)))


def test_groups_are_kept_whole_but_for_the_last_of_a_label() -> None:
    prepared = proxy(FULL // 9, rows(group=3))
    train = prepared.train
    group_of = dict(zip(train.column("input").to_pylist(), train.column("group").to_pylist(), strict=True))
    sizes = {name: sum(each == name for each in group_of.values()) for name in set(group_of.values())}
    for held in inputs_of(prepared).values():
        groups = [group_of[each] for each in held]
        cut = [name for name in set(groups) if groups.count(name) < sizes[name]]
        assert len(cut) <= 1 + (len(held) <= LEAST_ROWS)


@pytest.mark.parametrize(
    "plan", [{"rates": "unimax:6"}, {"max_passes": 30}, {"rates": "proportional", "weights": "effective:0.99"}]
)
def test_what_depends_on_rows_or_draws_is_that_of_the_full_training(plan: dict[str, Any]) -> None:
    full, prepared = proxy(FULL, **plan), proxy(FULL // 9, **plan)
    assert prepared.plan.fingerprint == full.plan.fingerprint
    assert prepared.plan.draws == FULL // 9
    for task, labels in (("a", ("x", "y", "z")), ("b", ("x", "y"))):
        loss = prepared.config.training.loss
        one, other = (trained_prior(loss, each.plan, task, labels)[0] for each in (full, prepared))
        assert one.tolist() == other.tolist()


def test_a_schedule_changes_at_the_same_part_of_the_training() -> None:
    stages = [{"at": 0.25, "weights": "inverse"}, {"at": 5400, "weights": "natural"}]
    full, prepared = (proxy(draws, schedule=stages) for draws in (FULL, 800))
    assert isinstance(full.plan, Schedule)
    assert [at for at, _ in full.plan.stages] == [0, 1800, 5400]
    assert [at for at, _ in prepared.plan.stages] == [0, 200, 600]
    assert prepared.plan.draws == 800
    with raises(PlanError, "too-few-draws", "found that they begin at draws [0, 0, 8] of 8"):
        proxy(8, schedule=stages)


def test_forecasts_count_the_passes_over_the_rows_that_are_drawn() -> None:
    config = {"weights": "balanced", "allow_repeats": False, "rates": "proportional"}
    with raises(PlanError, "bad-forecast", "label 'y' is seen 167 times in 64,800 draws (90 examples)"):
        refuse_bad_forecast(proxy(9 * FULL, **config, proxy_of=None))
    short = proxy(FULL, **config, proxy_of=9 * FULL)
    with raises(PlanError, "bad-forecast", "label 'y' is seen 167 times in 7,200 draws (10 examples)"):
        refuse_bad_forecast(short)
    assert [row.count for row in short.forecast.rows] == [100, 10, 5, 40, 8]

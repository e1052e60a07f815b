"""What every mixing-rate scheme must satisfy, and water-filling against brute force."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.errors import raises

from equipoise.base.masses import water_fill
from equipoise.errors import PlanError
from equipoise.rates import Equal, Proportional, Temperature, UniMax

SCHEMES = [Equal(), Proportional(), Proportional(maximum=1000), Temperature(3.33), Temperature(1000.0), UniMax(1)]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=str)

count = st.one_of(st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 10**12))
counts_of_tasks = st.lists(count, min_size=1, max_size=30).filter(any)


def rates(scheme, counts):
    draws = max(1, sum(counts) // 2)
    return scheme(counts, [f"t{i}" for i in range(len(counts))], draws)


@every_scheme
@given(counts=counts_of_tasks)
def test_rates_sum_to_one_over_the_tasks_with_examples(scheme, counts):
    result = rates(scheme, counts)
    assert result.sum() == pytest.approx(1, rel=1e-12)
    assert ((result > 0) == (np.array(counts) > 0)).all()


@every_scheme
@given(data=st.data(), counts=counts_of_tasks)
def test_the_order_of_tasks_does_not_matter(scheme, data, counts):
    order = data.draw(st.permutations(range(len(counts))))
    permuted = rates(scheme, [counts[i] for i in order])
    np.testing.assert_allclose(permuted, rates(scheme, counts)[order], rtol=1e-9)


@every_scheme
@given(counts=counts_of_tasks)
def test_a_larger_task_is_never_drawn_less_but_no_more_than_its_size(scheme, counts):
    counts = np.array(sorted(n for n in counts if n))
    result = rates(scheme, counts.tolist())
    per_example = result / counts
    assert (np.diff(result) >= -result[:-1] * 1e-12).all()
    assert (np.diff(per_example) <= per_example[:-1] * 1e-12).all()


@given(counts=counts_of_tasks, passes=st.integers(1, 10), fraction=st.floats(0.001, 1))
def test_unimax_stays_within_its_passes(counts, passes, fraction):
    draws = max(1, int(fraction * passes * sum(counts)))
    expected = draws * UniMax(passes)(counts, [f"t{i}" for i in range(len(counts))], draws)
    assert (expected <= passes * np.array(counts) * (1 + 1e-9)).all()


shares_and_capacities = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), st.floats(0, 1e9)), min_size=1, max_size=20
)


@given(pairs=shares_and_capacities, fraction=st.floats(0, 1))
def test_water_filling_is_one_level_under_the_caps(pairs, fraction):
    shares, capacities = (np.array(values) for values in zip(*pairs, strict=True))
    total = fraction * capacities[shares > 0].sum()
    assume(total > 1e-3)
    amounts = water_fill(shares, capacities, total)
    assert amounts.sum() == pytest.approx(total, rel=1e-9)
    assert (amounts <= capacities).all()
    low, high = 0.0, 1e20  # brute force: bisect the level
    for _ in range(300):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level * shares, capacities).sum() < total else (low, level)
    expected = np.where(shares > 0, np.minimum(high * shares, capacities), 0)
    np.testing.assert_allclose(amounts, expected, rtol=1e-6, atol=1e-6 * total)


@given(pairs=shares_and_capacities)
def test_water_filling_refuses_more_than_there_is_room_for(pairs):
    shares, capacities = (np.array(values) for values in zip(*pairs, strict=True))
    with raises(PlanError, "over-capacity", "`total` must be at most"):
        water_fill(shares, capacities, float(capacities[shares > 0].sum()) * 1.001 + 1)

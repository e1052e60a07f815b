from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.alias import masses_of
from tests.support.errors import raises

from equipoise import Shard
from equipoise.base.masses import WHOLE
from equipoise.errors import ConfigError
from equipoise.samplers import WeightedSampler
from equipoise.samplers.by_weight.alias import AliasTable
from equipoise.samplers.by_weight.masses import row_masses

ANY = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
PLAIN = st.floats(min_value=1e-6, max_value=1e6) | st.just(0.0)
some_weights = st.lists(ANY, min_size=1, max_size=40).filter(any)
plain_weights = st.lists(PLAIN, min_size=1, max_size=40).filter(any)


@given(some_weights)
def test_masses_of_any_weights(values):
    weights = np.array(values)
    masses = row_masses(weights, WHOLE, WHOLE)
    assert int(masses.sum()) == WHOLE
    assert ((masses > 0) == (weights > 0)).all()
    whole = sum(map(Fraction, values))
    raised = int((masses == 1).sum())
    for mass, value in zip(masses.tolist(), values, strict=True):
        assert abs(mass - Fraction(value) * WHOLE / whole) < 1.4 + raised
    order = np.argsort(weights, kind="stable")
    assert (np.diff(masses[order]) >= -1).all(), "a larger weight has no smaller mass, but for rounding"


@given(some_weights)
def test_alias_table_of_any_weights_is_exact(values):
    masses = row_masses(np.array(values), WHOLE, WHOLE)
    assert np.array_equal(masses_of(AliasTable.of(masses.copy())), masses)


@given(plain_weights, st.integers(1, 40), st.integers(-(2**40), 2**80))
def test_without_replacement_draws_or_names_the_most_that_works(values, num_samples, seed):
    try:
        sampler = WeightedSampler(values, num_samples, replacement=False, seed=seed)
    except ConfigError as error:
        exact = num_samples * Fraction(max(values)) / sum(map(Fraction, values))
        assert exact > 1
        most = int(str(error).split("Use num_samples=")[1].split(",")[0])
        assert 1 <= most < num_samples
        sampler = WeightedSampler(values, most, replacement=False, seed=seed)
        with raises(ConfigError, "too-many-draws"):
            WeightedSampler(values, most + 1, replacement=False)
    for _ in range(3):
        rows = list(sampler)
        assert len(set(rows)) == len(rows) == sampler.num_samples
        assert all(values[row] > 0 for row in rows)


@given(st.lists(ANY, max_size=20), st.integers(0, 20), st.sampled_from([float("nan"), float("inf"), -1.0, -5e-324]))
def test_one_bad_weight_is_refused_with_its_row(values, at, bad):
    assume(at <= len(values))
    with raises(ConfigError, "bad-weight", f"at row {at}."):
        WeightedSampler([*values[:at], bad, *values[at:]], 1)


@settings(max_examples=50)
@given(plain_weights, st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 30), st.booleans())
def test_ranks_and_resumed_ranks_make_one_stream(values, steps, before, after, at, replacement):
    num_samples = steps * before * after
    if not replacement:
        assume(num_samples * max(values) <= sum(values))
    whole = WeightedSampler(values, num_samples, replacement).rows(0, 4 * num_samples).tolist()
    position = min(at * before * after, 3 * num_samples)
    state = WeightedSampler(values, num_samples, replacement, shard=Shard(0, before)).state_dict(position=position)
    ranks = []
    for rank in range(after):
        sampler = WeightedSampler(values, num_samples, replacement, shard=Shard(rank, after))
        sampler.load_state_dict(state)
        ranks.append(list(sampler))
    end = (position // num_samples + 1) * num_samples
    assert [row for step in zip(*ranks, strict=True) for row in step] == whole[position:end]

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.base.masses import masses_of
from equipoise.drawing.apportion import Apportionment

weights = st.lists(st.one_of(st.integers(1, 6), st.integers(1, 10**6), st.floats(1e-9, 1.0)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=150)
@given(weights, st.integers(0, 2**40), st.integers(0, 70), st.sampled_from([1, 3, 24, 64, 100, 2048, 8192]))
def test_counts_rise_sum_up_and_stay_near_their_share(values, first, length, block):
    masses = masses_of(np.array(values, dtype=float) / np.sum(values))
    ends = Apportionment(masses, block).ends(first, first + length)
    assert (np.diff(ends, axis=0) >= 0).all()
    blocks = np.arange(first, first + length + 1)
    assert (ends.sum(axis=1) == blocks * block).all()
    for count, at in zip(ends, blocks.tolist(), strict=True):
        for drawn, mass in zip(count.tolist(), masses.tolist(), strict=True):
            # In integers: |drawn - at * block * mass / 2**60|. Less than one where each stratum is due a draw a block;
            # a search that climbs finds up to 1.36 with strata that are rarer.
            due = min(masses.tolist()) * block >= 2**60
            assert abs((drawn << 60) - at * block * mass) < (1 if due else 1.5) * 2**60

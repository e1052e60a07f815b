import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from equipoise.base.words import high_product, words

WORD = st.integers(0, 2**64 - 1) | st.sampled_from([2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 2**32, 2**64 - 1])


@given(st.lists(WORD, min_size=1, max_size=20), WORD)
def test_high_product_is_that_of_whole_numbers(values, factor):
    found = high_product(np.array(values, dtype=np.uint64), np.uint64(factor))
    assert found.tolist() == [value * factor >> 64 for value in values]


@given(st.integers(0, 2**59), st.lists(st.integers(0, 60), unique=True, max_size=10), st.sampled_from([1, 2, 4]))
def test_words_belong_to_their_positions(start, offsets, each):
    positions = start + np.array(sorted(offsets), dtype=np.int64)
    whole = words(5, start + np.arange(61), each)
    assert np.array_equal(words(5, positions, each), whole[positions - start])


def test_words_are_numpys_philox():
    assert words(9, np.arange(10), 2).ravel().tolist() == np.random.Philox(key=9, counter=0).random_raw(20).tolist()

import numpy as np
import pytest

from equipoise.drawing.permutation import LARGEST, Permutations, bit_length

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100, 255, 256, 257, 1000, 4099, 65536, 65537]


@pytest.mark.parametrize("size", SIZES)
def test_is_a_permutation(size):
    keys = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    orders = Permutations.of(keys, np.full(3, size))
    for which in range(3):
        images = orders.apply(np.full(size, which), np.arange(size, dtype=np.uint32))
        assert np.array_equal(np.sort(images), np.arange(size))


def test_each_place_uses_its_own_permutation():
    sizes = np.array([5, 1000, 1, 17])
    orders = Permutations.of(np.arange(4, dtype=np.uint64), sizes)
    alone = [orders.apply(np.full(n, i), np.arange(n, dtype=np.uint32)) for i, n in enumerate(sizes)]
    which = np.repeat(np.arange(4), sizes)
    places = np.concatenate([np.arange(n, dtype=np.uint32) for n in sizes])
    shuffle = np.random.default_rng(0).permutation(len(which))
    together = orders.apply(which[shuffle], places[shuffle])
    assert np.array_equal(together, np.concatenate(alone)[shuffle])


def test_keys_give_different_orders():
    orders = Permutations.of(np.arange(50, dtype=np.uint64), np.full(50, 100))
    seen = {tuple(orders.apply(np.full(100, i), np.arange(100, dtype=np.uint32)).tolist()) for i in range(50)}
    assert len(seen) == 50


def test_largest_domain_stays_inside_32_bits():
    orders = Permutations.of(np.array([3], dtype=np.uint64), np.array([LARGEST]))
    ends = np.array([0, 1, 2**31, 2**32 - 1], dtype=np.uint32)
    images = orders.apply(np.zeros(4, dtype=np.int64), ends)
    assert images.dtype == np.uint32
    assert len(set(images.tolist())) == 4


def test_places_are_not_changed():
    places = np.arange(10, dtype=np.uint32)
    Permutations.of(np.array([1], dtype=np.uint64), np.array([10])).apply(np.zeros(10, dtype=np.int64), places)
    assert np.array_equal(places, np.arange(10))


def test_bit_length_is_that_of_int():
    values = [0, 1, 2, 3, 4, 7, 8, 2**31 - 1, 2**31, 2**32 - 1]
    assert bit_length(np.array(values)).tolist() == [value.bit_length() for value in values]

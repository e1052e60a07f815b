"""The table's probabilities are the masses, as whole numbers: no tolerance anywhere."""

import numpy as np
import pytest
from tests.support.alias import masses_of

from equipoise.base.masses import WHOLE
from equipoise.samplers.by_weight.alias import AliasStream, AliasTable
from equipoise.samplers.by_weight.masses import row_masses
from equipoise.samplers.by_weight.weights import CHUNK

RANDOM = np.random.default_rng(1)
WEIGHTS = {
    "uniform, several chunks": RANDOM.random(5 * CHUNK + 11),
    "lognormal": RANDOM.lognormal(0, 4, 3 * CHUNK),
    "1e-12 to 1": 10.0 ** RANDOM.uniform(-12, 0, 5000),
    "1e-300 to 1e300": 10.0 ** RANDOM.uniform(-300, 300, 5000),
    "equal": np.full(1000, 0.1),
    "equal, a power of two": np.ones(1024),
    "one": np.ones(1),
    "two": np.array([1e-9, 1.0]),
    "one heavy row at the end": np.r_[np.ones(2 * CHUNK), 1e9],
    "heavy rows first": np.r_[np.full(50, 1e6), np.ones(3 * CHUNK)],
    "many zeros": np.where(RANDOM.random(4 * CHUNK) < 0.99, 0.0, RANDOM.random(4 * CHUNK)),
    "zeros but one": np.r_[np.zeros(100), 5.0, np.zeros(2 * CHUNK)],
    "rising": np.arange(3.0 * CHUNK),
    "falling": np.arange(3.0 * CHUNK)[::-1].copy(),
}


@pytest.fixture(params=WEIGHTS.keys())
def masses(request):
    return row_masses(WEIGHTS[request.param], WHOLE, WHOLE)


def test_implied_probabilities_are_the_masses(masses):
    table = AliasTable.of(masses.copy())
    assert np.array_equal(masses_of(table), masses)
    assert (table.thresholds >= 0).all()


def test_words_draw_what_the_table_says(masses):
    """At both ends of both parts of every column: so each column has as many words as the masses count."""
    table = AliasTable.of(masses.copy())
    n = len(masses)
    columns = np.unique(np.r_[:200, n - 200 : n, RANDOM.integers(0, n, 200)].clip(0, n - 1)).tolist()
    for column in columns:
        first, end = -(-column * WHOLE // n), -(-(column + 1) * WHOLE // n)
        middle = first + int(table.thresholds[column])
        assert first <= middle <= end
        for low, high, row in ((first, middle, column), (middle, end, int(table.aliases[column]))):
            if low < high:
                words = np.array([low << 4, ((high - 1) << 4) + 15], dtype=np.uint64)
                assert table.rows(words).tolist() == [row, row]


def test_rows_of_no_mass_have_no_words():
    weights = WEIGHTS["many zeros"]
    table = AliasTable.of(row_masses(weights, WHOLE, WHOLE))
    zero = weights == 0
    assert (table.thresholds[zero] == 0).all()
    assert not zero[table.aliases[zero]].any()


def test_table_takes_12_bytes_a_row():
    table = AliasTable.of(row_masses(WEIGHTS["rising"], WHOLE, WHOLE))
    assert table.thresholds.nbytes + table.aliases.nbytes == 12 * len(table.thresholds)


def test_stream_is_a_function_of_the_position():
    stream = AliasStream(WEIGHTS["lognormal"], 3)
    whole = stream.rows(np.arange(1000))
    for first, step in ((0, 1), (7, 1), (3, 4), (999, 1)):
        assert np.array_equal(
            AliasStream(WEIGHTS["lognormal"], 3).rows(np.arange(first, 1000, step)), whole[first::step]
        )
    assert stream.rows(np.arange(0)).tolist() == []

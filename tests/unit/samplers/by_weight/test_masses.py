"""Masses against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.base.masses import WHOLE
from equipoise.errors import ConfigError
from equipoise.samplers.by_weight.masses import row_masses
from equipoise.samplers.by_weight.weights import CHUNK, UNIT_BITS, Tally, checked_weights, fingerprint, mantissas, units

TOP = 1.7976931348623157e308
BOTTOM = 5e-324


def shares(weights, total=WHOLE):
    exact = [Fraction(weight) for weight in weights.tolist()]
    whole = sum(exact)
    return [weight * total / whole for weight in exact]


def furthest(weights, masses, total=WHOLE):
    """Largest distance of a mass from its exact share, in units."""
    return max(abs(int(mass) - share) for mass, share in zip(masses, shares(weights, total), strict=True))


RANDOM = np.random.default_rng(0)
ORDINARY = {
    "uniform": RANDOM.random(3 * CHUNK + 7),
    "lognormal": RANDOM.lognormal(0, 3, 5000),
    "equal tenths": np.full(1000, 0.1),
    "one": np.array([3.0]),
    "zeros between": np.where(RANDOM.random(999) < 0.5, 0.0, RANDOM.random(999)),
    "largest floats": np.full(7, TOP),
    "smallest floats": np.array([BOTTOM, 2 * BOTTOM, 0.0]),
    "one to 1e-12": 10.0 ** RANDOM.uniform(-12, 0, 2000),
    "one large": np.r_[1.0, np.full(1000, 1e-9)],
}


@pytest.mark.parametrize("weights", ORDINARY.values(), ids=ORDINARY.keys())
@pytest.mark.parametrize("total", [WHOLE, 3 << 57])
def test_masses_are_the_exact_shares_rounded(weights, total):
    masses = row_masses(weights, total, 1 << 60)
    assert int(masses.sum()) == total
    assert furthest(weights, masses, total) < 1.4
    assert ((masses > 0) == (weights > 0)).all()


def test_running_sum_is_within_a_unit_everywhere():
    weights = ORDINARY["lognormal"]
    ends = np.cumsum(row_masses(weights, WHOLE, WHOLE))
    exact = Fraction(0)
    for end, share in zip(ends.tolist(), shares(weights), strict=True):
        exact += share
        assert abs(end - exact) < 1


@pytest.mark.parametrize("span", [1e30, 1e300])
def test_weights_too_small_for_a_unit_get_one(span):
    weights = np.array([span, 1.0, span, 0.0, 1e-300])
    masses = row_masses(weights, WHOLE, WHOLE)
    assert masses.tolist() == [WHOLE // 2 - 1, 1, WHOLE // 2 - 1, 0, 1]


def test_range_of_600_powers_of_ten():
    weights = 10.0 ** RANDOM.uniform(-300, 300, 5000)
    masses = row_masses(weights, WHOLE, WHOLE)
    assert int(masses.sum()) == WHOLE
    assert masses.min() == 1
    ones = int((masses == 1).sum())
    large = weights > weights.max() * 1e-12
    assert large.sum() > 10
    kept = [share * Fraction(WHOLE - ones, WHOLE) for share in shares(weights)]
    assert max(abs(int(masses[row]) - kept[row]) for row in np.flatnonzero(large)) < 2


def test_equal_weights_that_fill_the_total_get_the_same():
    """Draws without replacement of all rows: each mass is exactly the largest allowed."""
    for value in (0.1, 1 / 3, TOP, BOTTOM):
        assert set(row_masses(np.full(1000, value), 1000 << 50, 1 << 50).tolist()) == {1 << 50}


def test_shares_above_the_largest_by_rounding_are_cut():
    weights = np.r_[1.0 + 2**-50, 1.0, 1.0, 0.5, 0.5]
    masses = row_masses(weights, 4 << 58, 1 << 58)
    assert int(masses.sum()) == 4 << 58
    assert masses[:3].tolist() == [1 << 58] * 3
    assert masses[3:].tolist() == [1 << 57] * 2


def test_a_total_too_small_or_large_is_refused():
    with raises(ConfigError, "weights-out-of-range", "cannot split 3 units"):
        row_masses(np.ones(4), 3, 8)
    with raises(ConfigError, "weights-out-of-range", "cannot split 33 units"):
        row_masses(np.ones(4), 33, 8)


def test_tally_is_exact():
    weights = np.concatenate([ORDINARY["uniform"], ORDINARY["one to 1e-12"], [0.0, BOTTOM, TOP]])
    tally = Tally.of(weights)
    assert Fraction(tally.total, 1 << UNIT_BITS) == sum(map(Fraction, weights.tolist()))
    assert (tally.below, tally.above, tally.smallest, tally.largest) == (0, 0, BOTTOM, TOP)
    part = Tally.of(weights, 0.25, 0.75)
    inside = weights[(weights >= 0.25) & (weights < 0.75)]
    assert Fraction(part.total, 1 << UNIT_BITS) == sum(map(Fraction, inside.tolist()))
    assert part.below == ((weights > 0) & (weights < 0.25)).sum()
    assert part.above == (weights >= 0.75).sum()
    assert (part.smallest, part.largest) == (inside.min(), inside.max())


@pytest.mark.parametrize("value", [1.0, 0.1, TOP, BOTTOM, 2.2250738585072014e-308, 0.0])
def test_units_are_the_value(value):
    assert Fraction(units(value), 1 << UNIT_BITS) == Fraction(value)
    mantissa, shift = mantissas(np.array([value]))
    assert int(mantissa[0]) < 2**53
    assert int(shift[0]) >= 0


def test_weights_are_not_copied_where_they_can_be_read():
    weights = np.array([1.0, 2.0])
    assert checked_weights(weights) is weights


def test_fingerprint_is_of_the_values():
    weights = ORDINARY["uniform"]
    changed = weights.copy()
    changed[-1] = np.nextafter(changed[-1], 1)
    assert fingerprint(weights) == fingerprint(weights.copy()) != fingerprint(changed)

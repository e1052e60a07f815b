from fractions import Fraction

import numpy as np
import pytest

from equipoise import Census, Plan, draw_strata, weights
from equipoise.base.masses import masses_of
from equipoise.drawing import apportion
from equipoise.drawing.apportion import Apportionment
from equipoise.drawing.rounding import errors_after

SHARES = {
    "one": [1.0],
    "half and half": [0.5, 0.5],
    "thirds": [1 / 3, 1 / 3, 1 / 3],
    "rare": [1 - 1e-3 - 1e-6, 1e-3, 1e-6],
    "zipf": (1 / np.arange(1, 41) / np.sum(1 / np.arange(1, 41))).tolist(),
    "one large, many small": [0.5, *[0.5 / 63] * 63],
}


def errors(masses, block, ends, first):
    """Counts less exact shares, as fractions: nothing is rounded away."""
    return [
        [
            abs(int(count) - Fraction((first + row) * block * int(mass), 1 << 60))
            for count, mass in zip(counts, masses, strict=True)
        ]
        for row, counts in enumerate(ends)
    ]


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
@pytest.mark.parametrize("first", [0, 1, 37, 10**9 // 2048, 2**47])
def test_quotas_are_exact_at_every_block_end(shares, first):
    masses = masses_of(np.array(shares))
    ends = Apportionment(masses, 2048).ends(first, first + 70)
    assert (np.diff(ends, axis=0) >= 0).all()
    assert (ends.sum(axis=1) == 2048 * np.arange(first, first + 71)).all()
    assert max(max(row) for row in errors(masses, 2048, ends, first)) < 1


LEAST = 50  # strata with the least mass there is
WEIGHTS = {name: masses_of(np.array(shares)) for name, shares in SHARES.items()} | {
    "least": np.array([(3 << 58) - LEAST, 1 << 58, *[1] * LEAST])
}


@pytest.mark.parametrize("masses", WEIGHTS.values(), ids=WEIGHTS.keys())
@pytest.mark.parametrize("block", [7, 100, 3000, 65537])
@pytest.mark.parametrize("draws", [10**12, 10**17, 3 * 10**17, 5 * 10**17, 2**59])
def test_the_error_of_a_block_that_is_no_power_of_two_grows_by_less_than_t_over_l(masses, block, draws):
    """The bound of `Quota` in docs/how-drawing-works.md, with the term t / L, in fractions."""
    first = draws // block
    exact = errors(masses, block, Apportionment(masses, block).ends(first, first), first)[0]
    due = int(min(masses)) * block >= 1 << 60
    grown = Fraction(first * block, block << (60 - (block - 1).bit_length()))
    assert grown < Fraction(1, 5) or draws > 10**17
    assert grown <= 1
    bound = (1 if due else Fraction(3, 2)) + grown
    most = int(np.argmax(masses))
    assert all(error < bound for stratum, error in enumerate(exact) if stratum != most)
    assert exact[most] < bound + int(np.count_nonzero(masses == 1)) * grown


@pytest.mark.parametrize("first", [0, 10**9, 10**15])
@pytest.mark.parametrize("rare", [[0.3], [0.3, 0.3, 0.4], [0.11, 0.2, 0.33, 0.47, 0.52, 0.9]], ids=len)
def test_the_rarest_stratum_is_less_than_three_draws_from_its_share_at_every_position(rare, first):
    """Shares of less than one draw a block: the bound of docs/how-drawing-works.md that is proved for them."""
    shares = np.array([0.3, *(np.array(rare) / 2048)])
    census = Census.from_counts({"a": {"common": 10**9, **dict.fromkeys(map(str, range(len(shares))), 10**9)}})
    given = dict(zip(sorted(map(str, range(len(shares)))), shares.tolist(), strict=True))
    plan = Plan.build(census, weights=weights.Table({"a": {"common": 1 - shares.sum(), **given}}))
    at = int(plan.probabilities.argmin())
    assert plan.probabilities[at] * plan.block < 0.5
    block = first // plan.block
    before = Apportionment(plan.masses, plan.block).ends(block, block)[0, at]
    strata = draw_strata(plan, seed=3, first=block * plan.block, last=(block + 60) * plan.block)
    drawn = int(before) + (strata == at).cumsum()
    mass, start = int(plan.masses[at]), block * plan.block
    worst = max(
        abs(Fraction(int(count)) - Fraction((start + 1 + place) * mass, 1 << 60))
        for place, count in enumerate(drawn.tolist())
        if place % 64 == 63 or (place and drawn[place] != drawn[place - 1])
    )
    assert 0 < worst < 3


@pytest.mark.parametrize(("block", "halvings"), [(1, 60), (2048, 49)])
def test_the_counts_at_any_blocks_end_take_at_most_sixty_halvings(block, halvings, monkeypatch):
    made = []
    halved = apportion._halved
    monkeypatch.setattr(apportion, "_halved", lambda *given: made.append(1) or halved(*given))
    Apportionment(masses_of(np.array(SHARES["zipf"])), block).ends(10**12, 10**12)
    assert len(made) <= halvings


def test_the_term_t_over_l_is_needed_at_the_end_of_the_stream():
    last = 2**59 // 65537 - 1
    for name, error in {"zipf": 1, "least": 20}.items():
        ends = Apportionment(WEIGHTS[name], 65537).ends(last, last)
        assert max(errors(WEIGHTS[name], 65537, ends, last)[0]) > error


def test_whole_stream_gives_every_stratum_its_mass():
    masses = masses_of(np.array(SHARES["zipf"]))
    assert np.array_equal(Apportionment(masses, 1 << 50).ends(0, 1 << 10)[-1], masses)


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
def test_any_stretch_equals_the_whole(shares):
    masses = masses_of(np.array(shares))
    whole = Apportionment(masses, 64).ends(0, 300)
    wandering = Apportionment(masses, 64)
    for first, last in [(0, 0), (5, 6), (299, 300), (17, 290), (64, 128), (63, 65), (0, 300), (100, 100), (3, 4)]:
        assert np.array_equal(wandering.ends(first, last), whole[first : last + 1])
        assert np.array_equal(Apportionment(masses, 64).ends(first, last), whole[first : last + 1])


def test_equal_strata_are_served_in_turn():
    ends = Apportionment(masses_of(np.full(4, 0.25)), 1).ends(0, 400)
    assert (ends[::4] == np.arange(101)[:, None]).all()


def test_errors_are_exact_until_they_no_longer_fit():
    """Modulo 2**64 an error of 9 draws would look like -7."""
    none, whole = np.zeros(3, np.int64), 1 << 60
    masses = np.array([whole - 2, 1, 1])
    far = 1 << 40
    counts = np.array([far - 6, 6, 0])
    exact = [(each << 60) - far * mass for each, mass in zip(counts.tolist(), masses.tolist(), strict=True)]
    assert errors_after(counts, far, masses, none).tolist() == exact
    assert errors_after(np.array([far - 9, 9, 0]), far, masses, none).tolist()[:2] == [-7 * whole, 7 * whole]
    held = errors_after(np.array([4, 0, 0]), 4, np.array([0, whole, 0]), np.array([5 * whole, -5 * whole, 0]))
    assert held.tolist() == [7 * whole, -7 * whole, 0]

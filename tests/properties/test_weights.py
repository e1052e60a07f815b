"""What every class-weight scheme must satisfy, whatever the counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.census import Census
from equipoise.plan.label_shares import label_shares
from equipoise.weights import (
    Balanced,
    EffectiveNumber,
    InverseFrequency,
    Log,
    MedianFrequency,
    Natural,
    Power,
    Shares,
    Table,
)

SCHEMES = [
    Natural(),
    InverseFrequency(),
    Balanced(),
    Power(0.5),
    Power(1.5),
    EffectiveNumber(beta=0.0),
    EffectiveNumber(beta=0.999),
    EffectiveNumber(beta=1 - 2**-53),
    EffectiveNumber(alpha=0.01),
    MedianFrequency(),
    Log(),
    InverseFrequency().clipped(max_ratio=10),
]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=str)

count = st.one_of(st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 10**12))
counts_of_labels = st.lists(count, min_size=1, max_size=30).filter(any)


def names(n):
    return tuple(f"l{i:02}" for i in range(n))


@every_scheme
@given(counts=counts_of_labels)
def test_weights_are_positive_exactly_where_there_are_examples(scheme, counts):
    weights = scheme(counts, names(len(counts)), "t")
    assert np.isfinite(weights).all()
    assert ((weights > 0) == (np.array(counts) > 0)).all()


@every_scheme
@given(counts=counts_of_labels)
def test_shares_sum_to_one(scheme, counts):
    census = Census.from_counts({"t": dict(zip(names(len(counts)), counts, strict=True))})
    shares = label_shares(census, scheme)
    assert shares.sum() == pytest.approx(1, rel=1e-12)
    assert ((shares > 0) == (np.array(counts) > 0)).all()


@every_scheme
@given(data=st.data(), counts=counts_of_labels)
def test_the_order_of_labels_does_not_matter(scheme, data, counts):
    order = data.draw(st.permutations(range(len(counts))))
    weights = scheme(counts, names(len(counts)), "t")
    permuted = scheme([counts[i] for i in order], [names(len(counts))[i] for i in order], "t")
    np.testing.assert_allclose(permuted, weights[order], rtol=1e-12)


@every_scheme
@given(counts=counts_of_labels)
def test_a_rarer_label_never_weighs_less(scheme, counts):
    counts = sorted(n for n in counts if n)
    weights = scheme(counts, names(len(counts)), "t")
    assert (np.diff(weights) <= weights[:-1] * 1e-12).all()


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if not isinstance(s, Power) or s.gamma <= 1], ids=str)
@given(counts=counts_of_labels)
def test_a_rarer_label_never_gets_a_larger_share(scheme, counts):
    counts = sorted(n for n in counts if n)
    shares = counts * scheme(counts, names(len(counts)), "t")
    assert (np.diff(shares) >= -shares[:-1] * 1e-12).all()


@pytest.mark.parametrize(
    "scheme",
    [Natural(), InverseFrequency(), Balanced(), Power(0.3), MedianFrequency(), Log(), Balanced().clipped(max_ratio=3)],
    ids=str,
)
@given(counts=counts_of_labels, factor=st.integers(1, 1000))
def test_shares_do_not_depend_on_the_size_of_the_data(scheme, counts, factor):
    def shares(scaled):
        amounts = scaled * scheme(scaled, names(len(scaled)), "t")
        return amounts / amounts.sum()

    np.testing.assert_allclose(shares(np.array(counts) * factor), shares(np.array(counts)), rtol=1e-9)


@given(counts=counts_of_labels, ratio=st.floats(1, 1e6))
def test_clipping_bounds_every_ratio_and_never_raises_a_weight(counts, ratio):
    plain = InverseFrequency()(counts, names(len(counts)), "t")
    clipped = InverseFrequency().clipped(max_ratio=ratio)(counts, names(len(counts)), "t")
    present = plain > 0
    assert clipped[present].max() <= clipped[present].min() * ratio * (1 + 1e-12)
    assert (clipped <= plain).all()


@given(
    rows=st.lists(st.tuples(st.integers(1, 10**12), st.floats(0, 1)), min_size=1, max_size=20).filter(
        lambda rows: sum(share for _, share in rows) > 1e-3
    )
)
def test_shares_by_hand_are_met(rows):
    total = sum(share for _, share in rows)
    wanted = {label: share / total for label, (_, share) in zip(names(len(rows)), rows, strict=True)}
    census = Census.from_counts({"t": {label: n for label, (n, _) in zip(wanted, rows, strict=True)}})
    np.testing.assert_allclose(
        label_shares(census, Shares({"t": wanted})), list(wanted.values()), rtol=1e-9, atol=1e-300
    )


@given(counts=st.lists(st.integers(1, 10**12), min_size=2, max_size=10), factor=st.floats(1e-100, 1e100))
def test_a_common_factor_of_weights_by_hand_does_not_matter(counts, factor):
    labels = names(len(counts))
    census = Census.from_counts({"t": dict(zip(labels, counts, strict=True))})
    weights = {label: 1.0 + i for i, label in enumerate(labels)}
    scaled = {label: weight * factor for label, weight in weights.items()}
    np.testing.assert_allclose(
        label_shares(census, Table({"t": scaled})), label_shares(census, Table({"t": weights})), rtol=1e-12
    )

from dataclasses import dataclass

import numpy as np
import pytest

from equipoise.errors import PlanError
from equipoise.weights import (
    ClassWeights,
    CostMatrix,
    EffectiveNumber,
    InverseFrequency,
    Log,
    Power,
    Shares,
    Table,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Power(-0.1), "`gamma` must be a finite number of at least 0, found -0.1. Use 0.5"),
        (lambda: Power(NAN), "`gamma` .* found nan"),
        (lambda: Power(INF), "`gamma` .* found inf"),
        (lambda: Power("0.5"), "`gamma` .* found '0.5'"),
        (lambda: Power(True), "`gamma` .* found True"),
        (EffectiveNumber, "exactly one of `beta`"),
        (lambda: EffectiveNumber(beta=0.9, alpha=0.1), "exactly one of `beta`"),
        (lambda: EffectiveNumber(beta=1.0), "`beta` must be in \\[0, 1\\), found 1.0"),
        (lambda: EffectiveNumber(beta=-0.5), "`beta` .* found -0.5"),
        (lambda: EffectiveNumber(alpha=-1), "`alpha` .* found -1"),
        (lambda: Log(kappa=1), "`kappa` must be a finite number above 1, found 1"),
        (lambda: InverseFrequency().clipped(max_ratio=0.5), "`max_ratio` .* at least 1, found 0.5"),
        (lambda: Table({}), "`weights` must map tasks to labels to numbers, found {}"),
        (lambda: Table({"t": 3}), "`weights\\['t'\\]` must map labels to numbers, found 3"),
        (lambda: Table({"t": {"a": -1}}), "`weights\\['t'\\]\\['a'\\]` .* at least 0, found -1"),
        (lambda: Table({"t": {"a": NAN}}), "found nan"),
        (lambda: Shares({"t": {"a": 0.5, "b": 0.4}}), "`shares` of task 't' must sum to 1, found 0.9"),
        (lambda: Shares({"t": {"a": 1.5, "b": -0.5}}), "found -0.5"),
        (lambda: Table({1: {"a": 1}}), "`weights` must have texts as keys, found 1. Quote it"),
        (lambda: Shares({"t": {True: 1}}), "`shares\\['t'\\]` must have texts as keys, found True"),
        (lambda: CostMatrix({1: {"a": {"b": 1}}}), "`costs` must have texts as keys, found 1"),
        (lambda: CostMatrix({}), "`costs` must be a mapping of tasks"),
        (lambda: CostMatrix({"t": {"a": {"a": 1, "b": 2}}}), "`costs\\['t'\\]\\['a'\\]\\['a'\\]` must be 0, found 1"),
        (lambda: CostMatrix({"t": {"a": {"b": -2}}}), "at least 0, found -2"),
    ],
)
def test_options_that_cannot_be(make, message):
    with pytest.raises(PlanError, match=message):
        make()


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (Table({"u": {"a": 1}}), "Table has no values for task 't', only for \\['u'\\]"),
        (Table({"t": {"a": 1}}), "no value for labels \\['b'\\] of task 't'"),
        (Table({"t": {"a": 1, "b": 1, "z": 1}}), "names labels \\['z'\\] of task 't'"),
        (Shares({"t": {"a": 1}}), "no value for labels \\['b'\\]"),
        (Shares({"t": {"a": 0.5, "b": 0.4, "c": 0.1}}), "0.1 of task 't' to label 'c', which has no examples"),
        (CostMatrix({"t": {"a": {"b": 1, "c": 1}}}), "no value for labels \\['b'\\]"),
        (
            CostMatrix({"t": {"a": {"b": 1}, "b": {"a": 1, "c": 1}}}),
            "a cost for each of \\['b', 'c'\\], found \\['b'\\]",
        ),
        (CostMatrix({"t": {"a": {"b": 1, "c": 1, "z": 1}, "b": {"a": 1, "c": 1}}}), "found \\['b', 'c', 'z'\\]"),
        (Table({"u": {"a": 1}}).clipped(max_ratio=2), "Table has no values for task 't'"),
        (Power(400.0), "`gamma` must leave every weight above 0, found 400"),
    ],
)
def test_schemes_that_do_not_fit_the_task(scheme, message):
    with pytest.raises(PlanError, match=message):
        scheme([7, 5, 0], ("a", "b", "c"), "t")


def test_a_label_without_examples_may_be_left_out():
    assert Table({"t": {"a": 1, "b": 2}})([7, 5, 0], ("a", "b", "c"), "t").tolist() == [1, 2, 0]
    assert Shares({"t": {"a": 0, "b": 1, "c": 0}})([7, 5, 0], ("a", "b", "c"), "t").tolist() == [0, 2.4, 0]


@pytest.mark.parametrize("counts", [[1], [1, -1]])
def test_counts_that_do_not_fit_the_labels(counts):
    with pytest.raises(PlanError, match="`counts` must be one number of at least 0 for each of 2 labels"):
        InverseFrequency()(counts, ("a", "b"), "t")


@pytest.mark.parametrize("bad", [NAN, INF, -1.0])
def test_a_scheme_of_ones_own_is_checked(bad):
    @dataclass(frozen=True)
    class Own(ClassWeights):
        def formula(self, n, _labels, _task, /):
            return np.full_like(n, bad)

    with pytest.raises(PlanError, match=r"weights must be finite and at least 0, found .* from Own\(\) for task 't'"):
        Own()([1, 2], ("a", "b"), "t")

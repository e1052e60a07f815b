from dataclasses import dataclass

import numpy as np
import pytest
from tests.support.errors import raises

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
    ("make", "code", "names"),
    [
        (lambda: Power(-0.1), "out-of-range", ["`gamma`", "found -0.1. Use 0.5"]),
        (lambda: Power(NAN), "not-a-number", ["`gamma`", "found nan"]),
        (lambda: Power(INF), "not-a-number", ["`gamma`", "found inf"]),
        (lambda: Power("0.5"), "not-a-number", ["`gamma`", "found '0.5'"]),
        (lambda: Power(True), "not-a-number", ["`gamma`", "found True"]),
        (EffectiveNumber, "one-of-two", ["exactly one of `beta`"]),
        (lambda: EffectiveNumber(beta=0.9, alpha=0.1), "one-of-two", ["exactly one of `beta`"]),
        (lambda: EffectiveNumber(beta=1.0), "out-of-range", ["`beta`", "found 1.0"]),
        (lambda: EffectiveNumber(beta=-0.5), "out-of-range", ["`beta`", "found -0.5"]),
        (lambda: EffectiveNumber(alpha=-1), "out-of-range", ["`alpha`", "found -1"]),
        (lambda: Log(kappa=1), "out-of-range", ["`kappa`", "found 1"]),
        (lambda: InverseFrequency().clipped(max_ratio=0.5), "out-of-range", ["`max_ratio`", "found 0.5"]),
        (lambda: Table({}), "not-a-mapping", ["`weights`", "found {}"]),
        (lambda: Table({"t": 3}), "not-a-mapping", ["`weights['t']`", "found 3"]),
        (lambda: Table({"t": {"a": -1}}), "out-of-range", ["`weights['t']['a']`", "found -1"]),
        (lambda: Table({"t": {"a": NAN}}), "not-a-number", ["found nan"]),
        (lambda: Shares({"t": {"a": 0.5, "b": 0.4}}), "wrong-sum", ["`shares`", "found 0.9"]),
        (lambda: Shares({"t": {"a": 1.5, "b": -0.5}}), "out-of-range", ["found -0.5"]),
        (lambda: Table({1: {"a": 1}}), "not-a-string", ["`weights`", "found 1. Quote it"]),
        (lambda: Shares({"t": {True: 1}}), "not-a-string", ["`shares['t']`", "found True"]),
        (lambda: CostMatrix({1: {"a": {"b": 1}}}), "not-a-string", ["`costs`", "found 1"]),
        (lambda: CostMatrix({}), "not-a-mapping", ["`costs` must be a mapping of tasks"]),
        (lambda: CostMatrix({"t": {"a": {"a": 1, "b": 2}}}), "cost-of-no-error", ["`costs['t']['a']['a']`", "found 1"]),
        (lambda: CostMatrix({"t": {"a": {"b": -2}}}), "out-of-range", ["found -2"]),
    ],
)
def test_options_that_cannot_be(make, code, names):
    with raises(PlanError, code, *names):
        make()


@pytest.mark.parametrize(
    ("scheme", "code", "names"),
    [
        (Table({"u": {"a": 1}}), "missing-task", ["Table has no values for task 't', only for ['u']"]),
        (Table({"t": {"a": 1}}), "missing-label", ["no value for labels ['b'] of task 't'"]),
        (Table({"t": {"a": 1, "b": 1, "z": 1}}), "unknown-label", ["names labels ['z'] of task 't'"]),
        (Shares({"t": {"a": 1}}), "missing-label", ["no value for labels ['b']"]),
        (Shares({"t": {"a": 0.5, "b": 0.4, "c": 0.1}}), "no-examples", ["0.1", "task 't'", "label 'c'"]),
        (CostMatrix({"t": {"a": {"b": 1, "c": 1}}}), "missing-label", ["no value for labels ['b']"]),
        (
            CostMatrix({"t": {"a": {"b": 1}, "b": {"a": 1, "c": 1}}}),
            "missing-label",
            ["found ['b']"],
        ),
        (
            CostMatrix({"t": {"a": {"b": 1, "c": 1, "z": 1}, "b": {"a": 1, "c": 1}}}),
            "missing-label",
            ["found ['b', 'c', 'z']"],
        ),
        (Table({"u": {"a": 1}}).clipped(max_ratio=2), "missing-task", ["Table has no values for task 't'"]),
        (Power(400.0), "out-of-range", ["`gamma`", "found 400"]),
    ],
)
def test_schemes_that_do_not_fit_the_task(scheme, code, names):
    with raises(PlanError, code, *names):
        scheme([7, 5, 0], ("a", "b", "c"), "t")


def test_a_label_without_examples_may_be_left_out():
    assert Table({"t": {"a": 1, "b": 2}})([7, 5, 0], ("a", "b", "c"), "t").tolist() == [1, 2, 0]
    assert Shares({"t": {"a": 0, "b": 1, "c": 0}})([7, 5, 0], ("a", "b", "c"), "t").tolist() == [0, 2.4, 0]


@pytest.mark.parametrize("counts", [[1], [1, -1]])
def test_counts_that_do_not_fit_the_labels(counts):
    with raises(PlanError, "bad-counts", "`counts` must be one number of at least 0 for each of 2 labels"):
        InverseFrequency()(counts, ("a", "b"), "t")


@pytest.mark.parametrize("bad", [NAN, INF, -1.0])
def test_your_own_scheme_is_checked(bad):
    @dataclass(frozen=True)
    class Own(ClassWeights):
        def formula(self, n, _labels, _task, /):
            return np.full_like(n, bad)

    with raises(PlanError, "bad-weights", "weights must be finite and at least 0, found"):
        Own()([1, 2], ("a", "b"), "t")

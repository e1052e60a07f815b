"""Priors from plans, class weights that count the sampler's work, warnings of double correction, JSON forms."""

import json

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.label_losses import BY_TEXT, COSTS, LOSSES, priors_of, with_absent

from equipoise import Census, Plan
from equipoise.errors import PlanError
from equipoise.losses.labels import (
    LDAM,
    BalancedSoftmax,
    ClassBalancedFocal,
    CostSensitive,
    CrossEntropy,
    Focal,
    LabelLoss,
    LabelPriors,
    LogitAdjusted,
    VectorScaling,
    Weighted,
    double_correction,
)
from equipoise.rates import Fixed
from equipoise.weights import Balanced, EffectiveNumber, Natural, Power, Table

PAIR = {"a": 90, "b": 10}


def test_priors_are_shares_inside_the_task():
    priors = priors_of(PAIR, weights=Power(0.5), target_weights=Balanced())
    assert priors.natural.tolist() == [0.9, 0.1]
    np.testing.assert_allclose(priors.drawn, np.sqrt([90, 10]) / np.sqrt([90, 10]).sum())
    np.testing.assert_allclose(priors.target, [0.5, 0.5], rtol=1e-15)
    assert priors.counts.tolist() == [90, 10]
    with pytest.raises(ValueError, match="read-only"):
        priors.drawn[0] = 1


def test_priors_follow_the_order_of_the_labels():
    plan = Plan.build(Census.from_counts({"t": PAIR}), rates="proportional", weights="natural")
    priors = LabelPriors.of(plan, "t", ["c", "b", "a"])
    assert (priors.counts.tolist(), priors.drawn.tolist()) == ([0, 10, 90], [0.0, 0.1, 0.9])


@pytest.mark.parametrize(
    ("task", "labels", "code", "said"),
    [
        ("u", None, "not-a-classification", "classification of the plan, found only ['open', 't'] for 'u'"),
        ("open", None, "not-a-classification", "found an open-ended task for 'open'"),
        ("t", ["a"], "missing-label", "`labels` of task 't' must name ['b'], which have examples, found ['a']"),
    ],
)
def test_refuses_tasks_without_labels(task, labels, code, said):
    plan = Plan.build(Census.from_counts({"t": PAIR, "open": 5}), rates="proportional", weights="natural")
    with raises(PlanError, code) as caught:
        LabelPriors.of(plan, task, labels)
    assert said in str(caught.value)


def test_refuses_a_task_that_is_never_drawn():
    plan = Plan.build(Census.from_counts({"t": PAIR, "u": 5}), weights="natural", rates=Fixed({"t": 0, "u": 1}))
    with raises(PlanError, "never-drawn"):
        LabelPriors.of(plan, "t")


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        (((), [], [], []), "no-labels", "must have labels"),
        ((("a", "b"), [1], [0.5, 0.5], [0.5, 0.5]), "bad-counts", "`counts` of task 't'"),
        ((("a", "b"), [0, 0], [0.5, 0.5], [0.5, 0.5]), "bad-counts", "not all 0"),
        ((("a", "b"), [1, 1], [0.5, 0.6], [0.5, 0.5]), "bad-shares", "`drawn` of task 't' must be 2 shares"),
        ((("a", "b"), [1, 1], [0.5, 0.5], [np.nan, 0.5]), "bad-shares", "`target` of task 't' must be 2 shares"),
        ((("a", "b"), [1, 1], [1.0, 0.0], [0.5, 0.5]), "never-drawn", "a label that is never drawn"),
    ],
)
def test_refuses_priors_that_are_none(values, code, said):
    labels, *arrays = values
    with raises(PlanError, code) as caught:
        LabelPriors("t", labels, *map(np.array, arrays))
    assert said in str(caught.value)


@pytest.mark.parametrize("weights", [Natural(), Power(0.5), Balanced()], ids=str)
@pytest.mark.parametrize("loss", [Weighted(Balanced()), Weighted(Power(0.5)), ClassBalancedFocal(0.99)], ids=str)
def test_class_weights_times_what_is_drawn_are_the_shares_of_the_scheme(loss, weights):
    priors = priors_of(weights=weights)
    scheme = loss.weights if isinstance(loss, Weighted) else EffectiveNumber(beta=0.99)
    shares = priors.counts * scheme(priors.counts, priors.labels, "t")
    seen = priors.drawn * loss.prepare(priors).class_weights
    np.testing.assert_allclose(seen, shares / shares.sum(), rtol=1e-12)


def test_weights_on_top_of_a_balanced_sampler_correct_twice():
    priors = priors_of(PAIR, weights=Balanced())
    assert Weighted(Balanced()).prepare(priors).class_weights.tolist() == [1, 1]
    np.testing.assert_allclose(Weighted(Balanced(), on_top=True).prepare(priors).class_weights, [0.2, 1.8])


@pytest.mark.parametrize("weights", [Natural(), Power(0.5), Balanced()], ids=str)
@pytest.mark.parametrize("target", [None, Natural(), Balanced()], ids=str)
@pytest.mark.parametrize("loss", **BY_TEXT)
def test_class_weights_keep_the_share_of_the_task(loss, weights, target):
    # Importance weights p*/q and class weights together average 1 over the draws, so no loss changes the rates.
    priors = priors_of(weights=weights, target_weights=target)
    terms = loss.prepare(priors)
    for table in (terms.class_weights, terms.late_weights):
        if table is not None:
            assert priors.target @ table == pytest.approx(1, rel=1e-12)


def test_labels_left_out_of_the_target_weigh_nothing():
    priors = priors_of(PAIR)
    one = LabelPriors("t", priors.labels, priors.counts, priors.drawn, np.array([1.0, 0.0]))
    assert Weighted(Balanced()).prepare(one).class_weights.tolist() == [1, 0]
    assert LogitAdjusted(aim="target").prepare(one).class_weights.tolist() == [0.9, 0]
    with raises(PlanError, "all-zero"):
        Weighted(Table({"t": {"a": 0, "b": 1}})).prepare(one)


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_one_correction_is_no_double_correction(loss):
    assert double_correction(loss, priors_of()) is None


@pytest.mark.parametrize(
    ("loss", "twice"),
    [
        (CrossEntropy(), False),
        (Focal(), False),
        (Weighted(Balanced()), False),
        (ClassBalancedFocal(), False),
        (BalancedSoftmax(), False),
        (LogitAdjusted(), False),
        (VectorScaling(gamma=0.0), False),
        (Weighted(Balanced(), on_top=True), True),
        (LDAM(), True),
        (VectorScaling(), True),
        (CostSensitive(COSTS), True),
    ],
    ids=str,
)
def test_a_balanced_sampler_and_a_loss_by_counts(loss, twice):
    warning = double_correction(loss, priors_of(weights=Balanced()))
    assert (warning is not None) == twice
    if twice:
        assert "label 'c' has 0.0127 of the data and 0.333 of what the loss sees" in warning
    # Importance weights that take the sampler's work back leave nothing to correct twice.
    if not loss.replaces_target:
        assert double_correction(loss, priors_of(weights=Balanced(), target_weights=Natural())) is None


@pytest.mark.parametrize(
    ("loss", "ignored"),
    [(CrossEntropy(), False), (LogitAdjusted(aim="target"), False), (LogitAdjusted(), True), (Weighted(Power()), True)],
    ids=str,
)
def test_a_loss_with_an_aim_of_its_own_says_that_the_target_has_no_effect(loss, ignored):
    warning = double_correction(loss, priors_of(target_weights=Balanced()))
    assert (warning is not None) == ignored
    if ignored:
        assert "the target has no effect inside the task" in warning


def test_absent_labels_are_no_correction():
    assert double_correction(LDAM(), with_absent(priors_of())) is None


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_json_gives_the_loss_back(loss):
    assert LabelLoss.of(json.loads(json.dumps(loss.to_dict()))) == loss


def test_clipped_weights_survive_json():
    loss = Weighted(Balanced().clipped(max_ratio=10))
    assert LabelLoss.of(json.loads(json.dumps(loss.to_dict()))) == loss


def test_names_the_tasks_of_its_tables():
    assert CostSensitive(COSTS).named_tasks == {"t"}
    assert Weighted(Table({"t": {"a": 1}})).named_tasks == {"t"}
    assert LOSSES[0].named_tasks == frozenset()


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"name": "weighted", "weights": 3}, "not-class-weights", "`weights` must be class weights, found 3"),
        ({"name": "focal", "gamma": -1}, "out-of-range", "`gamma` must be a finite number of at least 0, found -1"),
        ({"name": "class_balanced_focal", "beta": 1}, "out-of-range", "`beta` must be in [0, 1)"),
        ({"name": "logit_adjusted", "tau": float("nan")}, "not-a-number", "`tau` must be a finite number"),
        ({"name": "logit_adjusted", "aim": "natural"}, "unknown-aim", '`aim` must be "uniform" or "target"'),
        ({"name": "ldam", "scale": 0}, "out-of-range", "`scale` must be a finite number above 0"),
        ({"name": "ldam", "reweight_from": 80}, "out-of-range", "`reweight_from` must be in [0, 1], found 80"),
        ({"name": "vector_scaling", "gamma": -0.1}, "out-of-range", "`gamma` must be a finite number of at least 0"),
        (
            {"name": "cost_sensitive", "costs": {"t": {"a": {"a": 1}}}},
            "cost-of-no-error",
            "must be 0, found 1: it is not an error",
        ),
    ],
)
def test_refuses_options(values, code, message):
    with raises(PlanError, code, message):
        LabelLoss.of(values)


def test_costs_must_name_the_labels():
    with raises(PlanError, "missing-label", "label 'a' a cost for each of"):
        CostSensitive({"t": {"a": {"b": 1}, "b": {"a": 1}, "c": {"a": 1, "b": 1}}}).prepare(priors_of())

"""Where feedback rules help, where they do no harm, and where they do: synthetic learners, several settings each."""

import numpy as np
import pytest
from tests.support.learners import Curves, Softmax, train

from equipoise import Census, Plan
from equipoise.feedback import ART, ODM, StopTask

pytestmark = [pytest.mark.statistical, pytest.mark.slow]
SEEDS = range(4)


def learned(rows, apart, rule, *, weights, draws):
    """A learner for each seed, trained in ten stages."""
    plan = Plan.build(Census.from_counts({"task": {str(label): n for label, n in enumerate(rows)}}), weights=weights)
    learners = [Softmax(rows, apart, seed) for seed in SEEDS]
    for seed, learner in zip(SEEDS, learners, strict=True):
        train(learner, plan, rule, decisions=9, draws=draws, seed=seed)
    return learners


def macro_f1(learners):
    return np.array([learner.macro_f1() for learner in learners])


def balanced_f1(learners):
    return np.array([learner.balanced_f1() for learner in learners])


@pytest.mark.parametrize("rows", [[3000] + [60] * 7, [2000] + [20] * 11], ids=["7 rare", "11 rare"])
@pytest.mark.parametrize("apart", [0.5, 1.0])
@pytest.mark.parametrize("draws", [64, 320])
def test_art_raises_macro_f1_of_natural_sampling_if_most_labels_are_rare(rows, apart, draws):
    before, after = (learned(rows, apart, rule, weights="natural", draws=draws) for rule in (None, ART()))
    assert (macro_f1(after) > macro_f1(before)).all()
    assert (macro_f1(after) - macro_f1(before)).mean() > 0.04
    assert (balanced_f1(after) - balanced_f1(before)).min() > 0.08


@pytest.mark.parametrize("apart", [0.5, 0.8, 1.2])
def test_art_does_no_harm_where_nothing_is_imbalanced(apart):
    before, after = (learned([200] * 4, apart, rule, weights="natural", draws=320) for rule in (None, ART()))
    assert np.abs(macro_f1(after) - macro_f1(before)).mean() < 0.02
    assert abs((macro_f1(after) - macro_f1(before)).mean()) < 0.01


@pytest.mark.parametrize("apart", [0.5, 1.0])
def test_art_costs_macro_f1_where_a_low_f1_is_that_of_low_precision(apart):
    """A label that is drawn too often is predicted too often; its F1 falls, and so it is drawn more often still."""
    rows = [5000, 50, 25]
    before, after = (learned(rows, apart, rule, weights="sqrt", draws=320) for rule in (None, ART()))
    assert (macro_f1(after) < macro_f1(before)).all()
    assert (macro_f1(before) - macro_f1(after)).mean() < 0.25
    assert (balanced_f1(after) > balanced_f1(before)).all()
    for learner in after:
        confusion = learner.confusion(learner.test, rows)
        precision, recall = (np.diag(confusion) / confusion.sum(axis=axis) for axis in (0, 1))
        assert precision[1:].mean() < recall[1:].mean() - 0.1
        assert learner.used[1:].sum() / learner.used.sum() > 0.5, "most draws are of 1.5 % of the rows"


def curves(score, rule, *, rates="equal", counts=None, tasks, noise=0.0, seed=0, draws=256):
    """Train in twenty stages; return the mean score, the rates at the end, and the decisions."""
    counts = {f"task{number}": n for number, n in enumerate(counts or [1000] * tasks)}
    learner = Curves(score, tasks, noise, seed)
    history = train(learner, Plan.build(Census.from_counts(counts), rates=rates), rule, decisions=19, draws=draws)
    return learner.mean(), history


def peaked(*peaks):
    """Scores that rise to 1 at these draws and fall after them, as those of tasks that overfit."""
    at = np.array(peaks, float)
    return lambda used: used / at * np.exp(1 - used / at)


def saturating(*scales):
    """Scores that rise to 1 and stay."""
    return lambda used: 1 - np.exp(-used / np.array(scales, float))


@pytest.mark.parametrize("noise", [0, 0.01])
@pytest.mark.parametrize(
    "peaks", [(500, 2000, 8000), (1000, 9000), (200, 5000, 5000, 5000, 5000), (400, 800, 1600, 3200)], ids=str
)
def test_stopping_helps_where_tasks_overfit_at_different_times(peaks, noise):
    static, _ = curves(peaked(*peaks), None, tasks=len(peaks))
    for patience in (1, 2, 3) if noise == 0 else (2, 3):
        for seed in range(1 if noise == 0 else 4):
            found, history = curves(peaked(*peaks), StopTask(patience), tasks=len(peaks), noise=noise, seed=seed)
            assert found > static + 0.1
            if noise == 0:
                best = StopTask().best_at(history)["task0"]
                assert best == pytest.approx(peaks[0] * len(peaks), abs=256), "a decision next to its peak"


@pytest.mark.parametrize("scales", [(500, 500, 500), (300, 1000, 4000), (200, 5000)], ids=str)
def test_stopping_does_no_harm_where_nothing_overfits(scales):
    static, _ = curves(saturating(*scales), None, tasks=len(scales))
    for patience in (2, 3):
        found, _ = curves(saturating(*scales), StopTask(patience), tasks=len(scales))
        assert found > static - 0.005


def test_stopping_costs_where_scores_are_noisy_and_patience_short():
    """Noise of 0.05 looks like a turn: tasks that still rise are stopped. Patience is the remedy."""
    scales = (300, 1000, 4000)
    static, _ = curves(saturating(*scales), None, tasks=3)
    cost = {
        patience: static
        - np.mean([curves(saturating(*scales), StopTask(patience), tasks=3, noise=0.05, seed=s)[0] for s in range(8)])
        for patience in (2, 4)
    }
    assert cost[2] > 0.02
    assert cost[4] < 0.01


LOSSES = [
    pytest.param((1, 1, 1), (0, 0, 0), id="alike"),
    pytest.param((0.5, 1, 1.5), (0, 0, 0), id="the small one is slow"),
    pytest.param((1.5, 1, 0.5), (0, 0, 0), id="the large one is slow"),
    pytest.param((1, 1, 1), (0, 0, 3), id="the small one stays hard"),
]


@pytest.mark.parametrize(("scales", "least"), LOSSES)
@pytest.mark.parametrize("nats", [1, 4])
def test_odm_is_better_than_proportional_rates_and_no_better_than_equal_ones(scales, least, nats):
    def score(used):
        return -(np.array(least) + nats * np.exp(-used / (2000 * np.array(scales))))

    options = {"counts": [9000, 900, 100], "tasks": 3}
    proportional, _ = curves(score, None, rates="proportional", **options)
    equal, _ = curves(score, None, rates="equal", **options)
    found, history = curves(score, ODM(), rates="proportional", **options)
    assert found > proportional + 0.1 * nats
    assert found == pytest.approx(equal, abs=0.02 * nats)
    assert np.abs(history[-1].plan.probabilities - 1 / 3).max() < 0.1
    from_equal, _ = curves(score, ODM(), rates="equal", **options)
    assert from_equal == pytest.approx(equal, abs=0.01 * nats)

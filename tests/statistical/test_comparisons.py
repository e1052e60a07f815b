"""Intervals cover what they should, and tests are as rarely wrong as they say."""

import numpy as np
import pytest
from scipy import stats

from equipoise.metrics import TaskPredictions
from equipoise.statistics import (
    difference_over_seeds,
    holm,
    mean_interval,
    mean_ranks,
    metric_replicates,
    signed_rank,
    standard_error_of_mean,
)

pytestmark = pytest.mark.statistical


def within(hits, trials, share):
    """Whether so many hits are what independent trials give, but once in ten thousand."""
    low, high = stats.binom.interval(0.9999, trials, share)
    return low <= hits <= high


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_interval_over_seeds_covers(seeds):
    random = np.random.default_rng(seeds)
    found = [mean_interval(random.normal(0.7, 0.02, seeds).tolist()) for _ in range(1000)]
    assert within(sum(each.low <= 0.7 <= each.high for each in found), 1000, 0.95)


def arms(random, chances, patients=150, rows=4):
    """Patients who are easy or hard for every model; each model is right with its own chance."""
    easy = np.repeat(random.normal(size=patients), rows)
    groups = np.repeat(np.arange(patients), rows).astype(str).tolist()
    true = random.choice(["a", "b"], patients * rows)
    found = []
    for chance in chances:
        hidden = np.sqrt(0.5) * easy + np.sqrt(0.5) * random.normal(size=len(easy))
        said = np.where(hidden < stats.norm.ppf(chance), true, np.where(true == "a", "b", "a"))
        found.append({"t": TaskPredictions("t", true.tolist(), said.tolist(), ("a", "b"), groups=groups)})
    return found


def test_difference_over_seeds_covers():
    random = np.random.default_rng(1)
    chances = [0.68, 0.72, 0.70, 0.75, 0.77, 0.73]
    truth = np.mean(chances[3:]) - np.mean(chances[:3])
    hits, widths, values = 0, [], []
    for trial in range(150):
        held = arms(random, chances)
        found = difference_over_seeds(held[:3], held[3:], bootstrap=200, seed=trial).mean["accuracy"]
        hits += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        values.append(found.value)
    assert hits >= 150 * 0.92
    # What is added to the rows of each label, and to one of two candidates alone, makes intervals a little too wide.
    assert 0.95 < np.mean(widths) / (2 * 1.96 * np.std(values)) < 1.2


def test_standard_error_is_the_spread_of_means_over_seeds():
    # Each comparison trains four models anew, of which each has its luck, and tests them on other patients.
    random = np.random.default_rng(2)
    values, errors = [], []
    for trial in range(120):
        held = arms(random, np.clip(random.normal(0.7, 0.05, 4), 0.5, 0.9))
        accuracies = [np.mean(np.array(each["t"].targets) == np.array(each["t"].predicted)) for each in held]
        values.append(np.mean(accuracies))
        errors.append(standard_error_of_mean(accuracies, metric_replicates(held, "accuracy", 100, trial)))
    # The variance over seeds holds a little of the luck of the rows, so the error is a little too large.
    assert 0.9 < np.sqrt(np.mean(np.square(errors))) / np.std(values) < 1.3


@pytest.mark.parametrize("pairs", [8, 25, 80])
def test_signed_rank_is_uniform_where_nothing_differs(pairs):
    random = np.random.default_rng(pairs)
    found = np.array([signed_rank(random.standard_t(3, pairs).tolist()).p_value for _ in range(1000)])
    for level in (0.05, 0.25, 0.5):
        # With eight pairs there are few values: so often is the p-value at most the largest that is possible below.
        below = found[found <= level].max() if pairs == 8 else level
        assert within((found <= below).sum(), 1000, below)


def test_holm_is_wrong_in_one_family_of_twenty():
    random = np.random.default_rng(4)
    families = [min(holm(random.random(6).tolist())) <= 0.05 for _ in range(4000)]
    assert within(sum(families), 4000, 1 - (1 - 0.05 / 6) ** 6)


def test_ranks_show_a_difference_in_one_of_twenty_where_there_is_none():
    random = np.random.default_rng(5)
    shown = apart = 0
    for _ in range(500):
        found = mean_ranks(random.normal(size=(40, 5)))
        shown += found.p_value < 0.05
        apart += np.ptp(found.mean_ranks) >= found.critical_difference
    assert within(shown, 500, 0.05)
    assert within(apart, 500, 0.05)

"""Metrics of samples estimate those of all rows, and their intervals cover those of the population."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from equipoise.errors import DataWarning
from equipoise.metrics import TaskPredictions, evaluate
from equipoise.runs.samples import stratified_sample

pytestmark = pytest.mark.statistical

LABELS = tuple("abcde")
SHARES = np.array([0.62, 0.22, 0.1, 0.04, 0.02])
SKILL = np.array([2.2, 1.2, 0.8, 0.5, 0.3])
COSTS = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
ROWS_OF_GROUP = 4


def classified(rows: int, random: np.random.Generator) -> TaskPredictions:
    """Rows of patients who are easy or hard."""
    patients = np.repeat(np.arange(rows // ROWS_OF_GROUP), ROWS_OF_GROUP)
    true = random.choice(5, rows, p=SHARES)
    odds = random.normal(size=(rows, 5)) + np.log(SHARES) / 2
    odds[np.arange(rows), true] += SKILL[true] + random.normal(size=rows // ROWS_OF_GROUP)[patients]
    odds = np.exp(1.4 * odds)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    said = [LABELS[place] for place in probabilities.argmax(axis=1)]
    groups = [f"p{number}" for number in patients.tolist()]
    return TaskPredictions("t", [LABELS[place] for place in true], said, LABELS, probabilities, groups)


def texts(rows: int, random: np.random.Generator) -> TaskPredictions:
    right = [" ".join(random.choice(list("abcdefgh"), 8)) for _ in range(rows)]
    kept = random.beta(4, 1, rows)
    said = [
        " ".join(word if random.random() < share else "-" for word in text.split())
        for text, share in zip(right, kept, strict=True)
    ]
    return TaskPredictions("t", right, said)


def sampled(part: TaskPredictions, size: int, seed: int) -> TaskPredictions:
    places = [LABELS.index(target) for target in part.targets] if part.labels else [0] * len(part.targets)
    sample = stratified_sample(np.array(places), size, seed)
    return replace(part.take(sample.rows), weights=sample.weights)


def point(part: TaskPredictions) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = evaluate({"t": part}, costs={"t": COSTS} if part.labels else None, bootstrap=0).tasks["t"]
    values = {name: each.value for name, each in found.metrics.items()}
    for label in found.labels:
        values |= {f"recall of {label.label}": label.recall.value, f"precision of {label.label}": label.precision.value}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(("make", "rows", "size"), [(classified, 4000, 600), (texts, 400, 100)])
def test_the_mean_over_samples_is_the_metric_of_all_rows(
    make: Callable[[int, np.random.Generator], TaskPredictions], rows: int, size: int
):
    part = make(rows, np.random.default_rng(0))
    full = point(part)
    found = [point(sampled(part, size, seed)) for seed in range(250)]
    for name, value in full.items():
        drawn = np.array([each[name] for each in found])
        error = drawn.std(ddof=1) / len(drawn) ** 0.5
        sums = name in {"accuracy", "brier", "log_loss", "expected_cost", "exact_match", "rouge_l"}
        if sums or name.startswith("recall") or name == "balanced_accuracy":  # unbiased
            assert abs(drawn.mean() - value) < 4.5 * error + 1e-9, name
        elif name != "ece":  # consistent: the bias is small beside the standard error of one sample
            assert abs(drawn.mean() - value) < 0.45 * drawn.std() + 4.5 * error, name
        else:  # distances of means are too large on few rows
            assert value < drawn.mean() < value + 2.5 * drawn.std(), name


def test_without_weights_the_estimates_would_be_wrong():
    part = classified(4000, np.random.default_rng(0))
    full = point(part)
    found = [point(replace(sampled(part, 600, seed), weights=None)) for seed in range(20)]
    for name in ("accuracy", "log_loss", "mcc"):
        drawn = np.array([each[name] for each in found])
        assert abs(drawn.mean() - full[name]) > 2 * drawn.std(), name


@pytest.mark.parametrize("size", [500, 1600])
def test_intervals_of_samples_cover_the_population(size: int):
    random = np.random.default_rng(size)
    truth = point(classified(200_000, np.random.default_rng(99)))
    names = ("accuracy", "macro_f1", "balanced_accuracy", "mcc", "log_loss", "brier", "expected_cost")
    sets = 150
    covered = dict.fromkeys(names, 0)
    for seed in range(sets):
        part = sampled(classified(2400, random), size, seed)
        metrics = evaluate({"t": part}, costs={"t": COSTS}, bootstrap=200, seed=seed).tasks["t"].metrics
        for name in names:
            low, high = metrics[name].low, metrics[name].high
            assert low is not None
            assert high is not None
            covered[name] += low <= truth[name] <= high
    # Percentiles of a bootstrap are a little narrow with few rows of a label: 92 % instead of 95 %.
    low, _ = stats.binom.interval(0.9999, sets, 0.92)
    _, high = stats.binom.interval(0.9999, sets, 0.96)
    assert all(low <= hits <= high for hits in covered.values()), covered

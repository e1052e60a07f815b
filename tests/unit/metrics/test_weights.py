"""Rows that represent several: point values against repeated rows, and resamples of a sample."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from tests.support.errors import raises

from equipoise.errors import DataError, DataWarning
from equipoise.metrics import Scores, TaskPredictions, evaluate
from equipoise.metrics.known import LABEL_METRICS
from equipoise.metrics.resampling import Contributions, SampledStrata, group_codes, group_weights
from equipoise.metrics.rows import TaskRows

LABELS = ("a", "b", "c")
COSTS = np.array([[0.0, 1, 2], [3, 0, 1], [5, 2, 0]])


def predictions(rows: int = 60, seed: int = 0) -> dict[str, TaskPredictions]:
    random = np.random.default_rng(seed)
    true = random.choice([*LABELS, "unseen"], rows, p=[0.6, 0.25, 0.1, 0.05]).tolist()
    said = [own if random.random() < 0.6 else str(random.choice([*LABELS, "?"])) for own in true]
    words = [" ".join(random.choice(list("uvwxyz"), 7)) for _ in range(rows)]
    answers = [" ".join(each if random.random() < 0.8 else "-" for each in text.split()) for text in words]
    groups = [f"p{number}" for number in random.integers(0, rows // 3, rows)]
    return {
        "t": TaskPredictions("t", true, said, LABELS, random.dirichlet(np.ones(3), rows), groups),
        "say": TaskPredictions("say", words, answers, groups=groups),
    }


def scores(held: dict[str, TaskPredictions], bootstrap: int = 0) -> Scores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        counts = {"t": {"a": 500, "b": 50, "c": 5}}
        return evaluate(held, costs={"t": COSTS}, train_counts=counts, bootstrap=bootstrap)


def values(found: Scores) -> dict[str, float | None]:
    flat = {f"{task} {name}": each.value for task, of in found.tasks.items() for name, each in of.metrics.items()}
    for label in found.tasks["t"].labels:
        flat |= {f"{name} {label.label}": getattr(label, name).value for name in LABEL_METRICS}
    return flat


def test_a_row_of_weight_k_counts_as_k_rows():
    plain = predictions()
    times = np.random.default_rng(1).integers(1, 5, 60)
    weighted = {name: replace(part, weights=times.astype(float)) for name, part in plain.items()}
    repeated = {name: part.take(np.repeat(np.arange(60), times)) for name, part in plain.items()}
    found, wanted = values(scores(weighted)), values(scores(repeated))
    assert set(found) >= {
        "t macro_f1",
        "t mcc",
        "t ece",
        "t log_loss",
        "t expected_cost",
        "say bleu",
        "precision a",
        "auroc a",
    }
    assert found == pytest.approx(wanted, abs=1e-12)
    assert found != pytest.approx(values(scores(plain)), abs=1e-3)


def test_weights_of_1_change_nothing():
    plain = predictions()
    weighted = {name: replace(part, weights=np.ones(60)) for name, part in plain.items()}
    found, wanted = scores(weighted, bootstrap=100), scores(plain, bootstrap=100)
    assert (found.mean, found.tasks["t"].metrics) == (wanted.mean, wanted.tasks["t"].metrics)
    assert [task.sampled_from for task in found.tasks.values()] == [60, 60]
    assert [task.sampled_from for task in wanted.tasks.values()] == [None, None]


def test_a_stratum_without_a_row_left_out_is_resampled_as_ever():
    columns = TaskRows(predictions()["t"], np.arange(60))._columns  # pyright: ignore[reportPrivateUsage]
    strata = np.arange(60) % 2
    whole = Contributions.of(columns, np.arange(60) // 3)
    part = Contributions.of(columns, np.arange(60) // 3, np.where(strata, 4.0, 1.0), strata)
    assert part.sample is not None
    assert part.sample.share[0] == 1
    times = next(group_weights(20, 50, seed=0))
    only = np.asarray((times[:, part.groups] * (part.sample.stratum == 0)) @ part.added)
    kept = np.asarray((part.sample.scaled(times[:, part.groups]) * (part.sample.stratum == 0)) @ part.added)
    np.testing.assert_array_equal(only, kept)
    np.testing.assert_array_equal(whole.resampled(times), np.asarray(times @ whole.added))


def test_numbers_of_rows_vary_as_in_the_whole_test_set():
    # 400 rows without groups, of which every tenth was scored: multinomial with 400 draws, not 40.
    strata = np.repeat([0, 1], [30, 10])
    sample = Contributions.of(
        TaskRows(TaskPredictions("t", ["a"] * 40, ["a"] * 40, LABELS), np.arange(40))._columns,  # pyright: ignore[reportPrivateUsage]
        np.arange(40),
        np.full(40, 10.0),
        strata,
    ).sample
    assert isinstance(sample, SampledStrata)
    times = np.concatenate(list(group_weights(40, 20_000, seed=0)))
    scaled = sample.scaled(times) @ (10.0 * (strata == 0))
    assert scaled.mean() == pytest.approx(300, rel=0.01)
    assert scaled.var() == pytest.approx(400 * 0.75 * 0.25, rel=0.05)


def test_groups_keep_their_variance():
    # Groups of ten rows of one stratum, half of them scored: the variance of numbers of rows is that of whole groups.
    codes, strata = np.repeat(np.arange(40), 5), np.repeat(np.arange(40) % 2, 5)
    columns = TaskRows(TaskPredictions("t", ["a"] * 200, ["a"] * 200, LABELS), codes)._columns  # pyright: ignore[reportPrivateUsage]
    sample = Contributions.of(columns, codes, np.full(200, 2.0), strata).sample
    assert isinstance(sample, SampledStrata)
    # Of 100 = 10^2 in each of 20 groups, 2 x 1 in each of its 5 rows is due to the sample.
    np.testing.assert_allclose(sample.share**2, (100 - 5 * 2 * 1) / 100)


def test_weights_are_taken_along_and_checked():
    part = replace(predictions()["t"], weights=np.arange(1.0, 61.0))
    taken = part.take(np.array([4, 2])).weights
    assert taken is not None
    assert taken.tolist() == [5, 3]
    for wrong in (0.5, np.nan, np.inf):
        with raises(DataError, "wrong-weights"):
            replace(part, weights=np.array([*np.ones(59), wrong]))
    with raises(DataError, "wrong-length", "weights"):
        replace(part, weights=np.ones(59))


def test_groups_are_numbered_across_tasks_in_order_of_appearance():
    parts = list(predictions().values())
    codes, count = group_codes([*parts, TaskPredictions("u", ["x"] * 3, ["x"] * 3, LABELS)])
    assert codes[2].tolist() == [count - 3, count - 2, count - 1]
    assert len(np.unique(np.concatenate(codes))) == count

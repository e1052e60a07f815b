"""Samples of rows that are stratified by task and label, and the rows that are watched during training."""

import numpy as np
import pyarrow as pa
import pytest
from tests.support.errors import raises

from equipoise.data import Records
from equipoise.errors import ConfigError
from equipoise.runs.samples import (
    ROWS_TO_SCORE,
    ROWS_TO_WATCH,
    sample_records,
    scored_validation_rows,
    stratified_sample,
    validation_rows,
)

COUNTS = np.array([5000, 300, 40, 7, 1])


def strata(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(COUNTS)), COUNTS))


@pytest.mark.parametrize("size", [5, 6, 7, 50, 501, 5000, 5347, 5348, 9000])
def test_a_sample_has_its_size_and_represents_every_stratum(size: int):
    given = strata()
    sample = stratified_sample(given, size, seed=1)
    assert len(set(sample.rows.tolist())) == len(sample.rows) == min(size, len(given))
    np.testing.assert_allclose(np.bincount(given[sample.rows], sample.weights), COUNTS)


def test_half_is_shared_evenly_and_half_in_proportion():
    given = strata()
    sample = stratified_sample(given, 500, seed=1)
    # Evenly: 1 + 7 + 40 whole, and 101 of each other; in proportion: the other 250 of 4,899 to 199.
    assert np.bincount(given[sample.rows]).tolist() == [101 + 240, 101 + 10, 40, 7, 1]
    assert sample.weights.max() < 2 * len(given) / 500


def test_a_sample_follows_from_the_seed():
    rows = [stratified_sample(strata(), 100, seed).rows.tolist() for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_every_row_of_a_stratum_is_as_likely():
    given = np.repeat([0, 1], [20, 5])
    drawn = np.concatenate([stratified_sample(given, 10, seed).rows for seed in range(2000)])
    inside = np.bincount(drawn, minlength=25) / 2000
    np.testing.assert_allclose(inside[:20], 7 / 20, atol=0.04)
    np.testing.assert_allclose(inside[20:], 3 / 5, atol=0.04)


def test_fewer_rows_than_labels_are_refused():
    with raises(ConfigError, "sample-too-small", "at least 5", "found 4"):
        stratified_sample(strata(), 4, seed=0)


def test_an_open_ended_task_is_one_stratum():
    targets = [f"text {number}" for number in range(60)] + ["a"] * 30 + ["b"] * 10
    table = pa.table({"task": ["say"] * 60 + ["tone"] * 40, "input": ["x"] * 100, "target": targets})
    records = Records(table)
    sample = sample_records(records, ["say"], 20, seed=0)
    assert sample is not None
    tasks = np.array(records.take(sample.rows).column("task").to_pylist())
    weights = {name: set(sample.weights[tasks == name].tolist()) for name in ("say", "tone")}
    assert len(weights["say"]) == 1
    assert len(weights["tone"]) == 2
    assert sample_records(records, ["say"], 100, seed=0) is sample_records(records, ["say"], None, seed=0) is None


def test_watched_rows_are_limited_in_all():
    many = np.repeat(np.arange(100), 30)
    rows = validation_rows(many, seed=0)
    assert set(np.bincount(many[rows]).tolist()) == {5}
    assert len(validation_rows(np.arange(10_000), seed=0)) == ROWS_TO_WATCH
    assert len(validation_rows(np.repeat(np.arange(3), 100), seed=0)) == 60


def test_scored_validation_rows_represent_all():
    sample = scored_validation_rows(strata(), seed=1)
    assert len(sample.rows) == ROWS_TO_SCORE
    np.testing.assert_allclose(np.bincount(strata()[sample.rows], sample.weights), COUNTS)
    few = scored_validation_rows(np.repeat([0, 1], [20, 5]), seed=1)
    assert few.weights.tolist() == [1.0] * 25


def test_of_more_strata_than_rows_a_simple_random_sample_is_scored():
    rows = [scored_validation_rows(np.arange(3000) // 2, seed).rows.tolist() for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
    assert [len(each) for each in rows] == [ROWS_TO_SCORE] * 3
    assert scored_validation_rows(np.arange(3000) // 2, 1).weights.sum() == pytest.approx(3000)

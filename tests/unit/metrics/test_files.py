"""Predictions in a Parquet file, and back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.support.errors import raises

from equipoise.errors import DataError
from equipoise.metrics import TaskPredictions, evaluate, files, read_predictions, write_predictions

SINGLE = np.array([[0.1, 0.9], [1 / 3, 2 / 3], [1e-30, 1.0]], np.float32)
PREDICTIONS = {
    "tone": TaskPredictions(
        "tone",
        ["good", "bad", "bad"],
        ["good", "good", "?"],
        ("bad", "good"),
        SINGLE,
        groups=["p1", "p2", "p2"],
        rows=np.array([7, 2**40, 9]),
        ids=["i", "j", "k"],
        weights=np.array([2.5, 1.0, 1.0]),
    ),
    "say": TaskPredictions("say", ["one"], ["two"]),
}


def through(path: Path, *parts: TaskPredictions) -> dict[str, TaskPredictions]:
    write_predictions(parts, path / "predictions.parquet")
    return read_predictions(path / "predictions.parquet")


def test_columns_and_the_labels_once(tmp_path: Path):
    through(tmp_path, *PREDICTIONS.values())
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.column_names == [
        "row", "id", "group", "task", "kind", "target", "predicted", "weight", "probability",
    ]  # fmt: skip
    assert json.loads(table.schema.metadata[b"equipoise.labels"]) == {"tone": ["bad", "good"], "say": []}
    assert table.to_pylist()[1] == {
        "row": 2**40, "id": "j", "group": "p2", "task": "tone", "kind": "classification", "target": "bad",
        "predicted": "good", "weight": 1.0, "probability": SINGLE[1].tolist(),
    }  # fmt: skip
    assert table.to_pylist()[3] == {
        "row": 0, "id": None, "group": None, "task": "say", "kind": "open_ended", "target": "one",
        "predicted": "two", "weight": None, "probability": None,
    }  # fmt: skip


def test_scores_are_the_same_after_the_file(tmp_path: Path):
    found = through(tmp_path, *PREDICTIONS.values())
    assert list(found) == ["say", "tone"]
    assert evaluate(found, bootstrap=50) == evaluate(PREDICTIONS, bootstrap=50)
    tone = found["tone"]
    assert tone.rows is not None
    assert tone.probabilities is not None
    assert tone.weights is not None
    assert tone.rows.tolist() == [7, 2**40, 9]
    assert (tone.probabilities.dtype, tone.probabilities.tolist()) == (np.float32, SINGLE.tolist())
    assert (tone.ids, tone.weights.tolist()) == (["i", "j", "k"], [2.5, 1.0, 1.0])
    assert found["say"].weights is None


def test_rows_of_many_row_groups_stay_in_order(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "HELD", 20)
    random = np.random.default_rng(0)
    labels = tuple("abcde")
    groups = [None if number % 3 else f"p{number}" for number in range(50)]
    given = {
        name: TaskPredictions(
            name,
            random.choice(labels, 50).tolist(),
            random.choice(labels, 50).tolist(),
            labels,
            random.dirichlet(np.ones(5), 50).astype(np.float32),
            groups=groups,  # type: ignore[arg-type]
            rows=random.permutation(50),
        )
        for name in ("t", "s")
    }
    found = through(tmp_path, *given.values())
    assert pq.ParquetFile(tmp_path / "predictions.parquet").num_row_groups == 26
    for name, part in given.items():
        for column in ("targets", "predicted", "groups", "labels"):
            assert getattr(found[name], column) == getattr(part, column)
        np.testing.assert_array_equal(found[name].rows, part.rows)
        np.testing.assert_array_equal(found[name].probabilities, part.probabilities)


def test_no_predictions(tmp_path: Path):
    assert through(tmp_path) == {}
    assert through(tmp_path, replace(PREDICTIONS["say"], targets=[], predicted=[])) == {}


def test_another_file_is_refused(tmp_path: Path):
    pq.write_table(pa.table({"task": ["t"]}), tmp_path / "rows.parquet")
    with raises(DataError, "other-predictions"):
        read_predictions(tmp_path / "rows.parquet")

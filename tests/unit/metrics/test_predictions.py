"""The table of predictions, through a Parquet file and back."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from equipoise.metrics import TaskPredictions, evaluate, predictions_table, read_predictions

PREDICTIONS = {
    "tone": TaskPredictions(
        "tone",
        ["good", "bad", "bad"],
        ["good", "good", "?"],
        ("bad", "good"),
        np.array([[0.1, 0.9], [1 / 3, 2 / 3], [1e-300, 1.0]]),
        groups=["p1", "p2", "p2"],
        rows=np.array([7, 2**40, 9]),
        ids=["i", "j", "k"],
    ),
    "say": TaskPredictions("say", ["one"], ["two"]),
}


def test_columns():
    table = predictions_table(PREDICTIONS.values())
    assert table.column_names == [
        "row", "id", "group", "task", "kind", "target", "predicted", "probability", "labels",
    ]  # fmt: skip
    assert table.num_rows == 4
    assert table.to_pylist()[1] == {
        "row": 2**40, "id": "j", "group": "p2", "task": "tone", "kind": "classification", "target": "bad",
        "predicted": "good", "probability": [1 / 3, 2 / 3], "labels": ["bad", "good"],
    }  # fmt: skip
    assert table.to_pylist()[3] == {
        "row": 0, "id": None, "group": None, "task": "say", "kind": "open_ended", "target": "one",
        "predicted": "two", "probability": None, "labels": [],
    }  # fmt: skip


def test_scores_are_the_same_after_a_parquet_file(tmp_path: Path):
    pq.write_table(predictions_table(PREDICTIONS.values()), tmp_path / "predictions.parquet")
    found = read_predictions(pq.read_table(tmp_path / "predictions.parquet"))
    assert list(found) == ["say", "tone"]
    assert evaluate(found, bootstrap=50) == evaluate(PREDICTIONS, bootstrap=50)
    tone = found["tone"]
    assert tone.rows is not None
    assert tone.probabilities is not None
    assert tone.rows.tolist() == [7, 2**40, 9]
    assert tone.probabilities.tolist() == [[0.1, 0.9], [1 / 3, 2 / 3], [1e-300, 1.0]]
    assert tone.ids == ["i", "j", "k"]


def test_no_predictions():
    assert predictions_table([]).num_rows == 0
    assert read_predictions(predictions_table([])) == {}

"""Linear models as baselines: what they predict is what is scored, and thresholds help rare labels."""

import numpy as np
import pytest
import torch
from benchmarks.comparisons import baseline_table, linear
from benchmarks.comparisons.linear import Baseline, fitted, tfidf
from benchmarks.comparisons.thresholds import GRID, fitted_thresholds
from sklearn.metrics import f1_score, log_loss
from transformers import BertConfig, BertModel, BertTokenizer

from equipoise.data import Records
from equipoise.metrics import TaskPredictions, evaluate

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fever", "rash", "cough"]


@pytest.fixture(scope="module")
def records():
    """Rows of two tasks; few have the rare label, and it is no sure thing."""
    rng = np.random.default_rng(0)
    rows = []
    for task, word in (("lungs", "cough"), ("skin", "rash")):
        for number in range(300):
            is_rare = rng.random() < 0.1
            said = word if rng.random() < (0.7 if is_rare else 0.1) else "fever"
            split = ("train", "train", "validation", "test")[number % 4]
            rows.append((task, f"{said} {number % 7}", "ill" if is_rare else "well", f"{task}{number // 8}", split))
    columns = zip(*rows, strict=True)
    return Records.from_dict(dict(zip(("task", "input", "target", "group", "split"), map(list, columns), strict=True)))


def test_predictions_are_those_of_the_test_rows(records):
    found = fitted(records, tfidf, "balanced")
    test = records.where(split="test")
    for task, each in found.items():
        chosen = test.take(each.test.rows)
        assert set(chosen.column("task").to_pylist()) == {task}
        assert chosen.column("target").to_pylist() == each.test.targets
        assert chosen.column("group").to_pylist() == each.test.groups
    scored = evaluate({task: each.test for task, each in found.items()}, bootstrap=0).tasks["skin"].metrics
    said = found["skin"].test
    assert scored["macro_f1"].value == pytest.approx(f1_score(said.targets, said.predicted, average="macro"))
    expected = log_loss(said.targets, said.probabilities, labels=list(said.labels))
    assert scored["log_loss"].value == pytest.approx(expected)


def test_thresholds_find_a_rare_label(records):
    plain = Baseline("plain").predictions(records)
    tuned = Baseline("tuned", has_thresholds=True).predictions(records)
    assert all("ill" not in each.predicted for each in plain.values())
    before, after = (evaluate(each, bootstrap=0).mean["macro_f1"].value for each in (plain, tuned))
    assert after > before + 0.1
    assert all(np.array_equal(plain[task].probabilities, tuned[task].probabilities) for task in plain)


def test_thresholds_of_two_labels_are_the_best_of_the_grid():
    rng = np.random.default_rng(1)
    ill = rng.random(400) < 0.1
    probability = 1 / (1 + np.exp(-(rng.normal(size=400) + 2 * ill - 3)))
    probabilities = np.stack([probability, 1 - probability], axis=1)
    targets = np.where(ill, "ill", "well")

    def score(ratio):
        return f1_score(targets, np.where(probability > ratio * (1 - probability), "ill", "well"), average="macro")

    thresholds = fitted_thresholds(probabilities, targets.tolist(), ("ill", "well"))
    assert score(thresholds[0] / thresholds[1]) == pytest.approx(max(score(np.exp(each)) for each in GRID))


def test_thresholds_stay_where_they_do_not_help():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fitted_thresholds(probabilities, ["a", "b"], ("a", "b")).tolist() == [1, 1]


def test_an_embedding_does_not_depend_on_the_padding(tmp_path, monkeypatch):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
        BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes)).save_pretrained(tmp_path)
    BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}).save_pretrained(tmp_path)
    monkeypatch.setattr(linear, "minilm_folder", lambda: tmp_path)
    columns = {"task": ["skin"] * 3, "target": ["well"] * 3}
    both = Records.from_dict({**columns, "input": ["fever", "fever rash cough rash", "cough"]})
    look_up = linear.embeddings(both)()[0]
    alone = linear.embeddings(Records.from_dict({**columns, "input": ["fever"] * 3}))()[0]
    np.testing.assert_allclose(look_up.transform(["cough", "fever"])[1], alone.transform(["fever"])[0], atol=1e-6)
    assert look_up.transform(["cough"]).shape == (1, 8)


def test_predictions_are_kept(records, tmp_path, monkeypatch):
    source = type("Source", (), {"records": staticmethod(lambda: records)})
    monkeypatch.setattr(baseline_table, "SOURCES", {"made-up": source})
    first = baseline_table.predictions_of("made-up", "tfidf", tmp_path)
    assert (tmp_path / "made-up-tfidf.parquet").is_file()
    monkeypatch.setattr(baseline_table, "SOURCES", {})
    again = baseline_table.predictions_of("made-up", "tfidf", tmp_path)
    assert again["skin"].predicted == first["skin"].predicted


def test_twins_of_training_rows_are_left_out():
    rows = [("a", "x", "yes", "train"), ("b", "y", "no", "train"), ("a", "x", "no", "test"), ("a", "y", "yes", "test")]
    columns = zip(*rows, strict=True)
    records = Records.from_dict(dict(zip(("task", "input", "target", "split"), map(list, columns), strict=True)))
    said = TaskPredictions("a", ["no", "yes"], ["no", "no"], ("no", "yes"), rows=np.array([0, 1]))
    assert baseline_table.without_twins(records, {"a": said})["a"].targets == ["yes"]

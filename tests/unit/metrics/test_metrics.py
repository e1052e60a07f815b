"""Metrics against scikit-learn, on test sets and on explicit resamples of their groups."""

import json
import time
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from tests.support.errors import raises, warns

from equipoise.errors import ConfigError, DataError, DataWarning
from equipoise.metrics import (
    Bands,
    Estimate,
    Scores,
    TaskPredictions,
    classification_report,
    evaluate,
    open_report,
)
from equipoise.metrics.resampling import group_codes
from equipoise.metrics.rows import TaskRows

LABELS = ("a", "b", "c", "d")
UNSEEN = "never trained on"
INVALID = "no label"


def oracle(true: list[str], said: list[str], probability: np.ndarray | None = None) -> dict[str, float]:
    """Write the metrics down with scikit-learn and plain numpy, row by row."""
    measured = [label for label in LABELS if label in true]
    # "no label" may not become a class of the truth; for MCC it is one category of the predictions.
    said = [label if label in LABELS else INVALID for label in said]
    nan = float("nan")

    def macro(function: Any) -> float:
        return function(true, said, labels=measured, average="macro", zero_division=0) if measured else nan

    recalls = sklearn_metrics.recall_score(true, said, labels=measured, average=None) if measured else np.array([])
    found = {
        "accuracy": sklearn_metrics.accuracy_score(true, said) if true else nan,
        "balanced_accuracy": macro(sklearn_metrics.recall_score),
        "macro_f1": macro(sklearn_metrics.f1_score),
        "g_mean": recalls.prod() ** (1 / len(recalls)) if measured else nan,
        "mcc": sklearn_metrics.matthews_corrcoef(true, said) if len({*true, *said}) > 1 else 0.0 if true else nan,
        "worst_recall": recalls.min() if measured else nan,
    }
    if probability is None:
        return found
    known = [i for i, label in enumerate(true) if label in LABELS]
    places = [LABELS.index(true[i]) for i in known]
    found["log_loss"] = (
        sklearn_metrics.log_loss(places, probability[known], labels=range(len(LABELS))) if known else nan
    )
    right = np.array([[label == other for other in LABELS] for label in true], float).reshape(-1, len(LABELS))
    found["brier"] = float(np.mean(((probability - right) ** 2).sum(1) + (1 - right.sum(1)))) if true else nan
    confidence, best = probability.max(1), probability.argmax(1)
    hit = np.array([LABELS[b] == label for b, label in zip(best, true, strict=True)], float)
    ece = 0.0
    for low in np.arange(15) / 15:
        chosen = (confidence > low) & (confidence <= low + 1 / 15)
        if chosen.any():
            ece += chosen.mean() * abs(hit[chosen].mean() - confidence[chosen].mean())
    found["ece"] = ece if true else nan
    ranked = {name: list(each.values()) for name, each in curves(true, probability).items()}
    return found | {name: sum(each) / len(each) if each else nan for name, each in ranked.items()}


def curves(true: list[str], probability: np.ndarray, alarm_rate: float = 0.05) -> dict[str, dict[str, float]]:
    """Rank the rows by each label against the rest with scikit-learn; labels without a row, or with all, have none."""
    found: dict[str, dict[str, float]] = {"auroc": {}, "average_precision": {}, "recall_at_alarm_rate": {}}
    for place, label in enumerate(LABELS):
        positive, score = np.array(true) == label, probability[:, place]
        if 0 < positive.sum() < len(positive):
            alarms, recall, _ = sklearn_metrics.roc_curve(positive, score, drop_intermediate=False)
            found["auroc"][label] = sklearn_metrics.roc_auc_score(positive, score)
            found["average_precision"][label] = sklearn_metrics.average_precision_score(positive, score)
            found["recall_at_alarm_rate"][label] = recall[alarms <= alarm_rate + 1e-12].max()
    return found


def dirichlet(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(len(LABELS), 0.4), size=count)


def values(metrics: dict[str, Estimate]) -> dict[str, float]:
    return {name: float("nan") if held.value is None else held.value for name, held in metrics.items()}


def report(true: list[str], said: list[str], **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return classification_report(true, said, labels=LABELS, **({"bootstrap": 0} | options))


pairs = st.lists(
    st.tuples(st.sampled_from([*LABELS, UNSEEN]), st.sampled_from([*LABELS, INVALID, UNSEEN])), min_size=1, max_size=40
)


@settings(deadline=None)
@given(pairs)
def test_equals_scikit_learn(rows: list[tuple[str, str]]):
    true, said = [row[0] for row in rows], [row[1] for row in rows]
    probability = dirichlet(len(rows))
    scores = report(true, said, probabilities=probability)
    assert values(scores.metrics) == pytest.approx(oracle(true, said, probability), nan_ok=True, abs=1e-12)
    labelled = sklearn_metrics.precision_recall_fscore_support(true, said, labels=LABELS, zero_division=0)
    for place, held in enumerate(scores.labels):
        assert held.support == labelled[3][place] == true.count(held.label)
        assert held.predicted == said.count(held.label)
        expected = labelled[0][place], labelled[1][place], labelled[2][place]
        found = held.precision.value, held.recall.value, held.f1.value
        assert found == (pytest.approx(expected) if held.support else (None, None, None))
        for name, ranked in curves(true, probability).items():
            assert getattr(held, name).value == (pytest.approx(ranked[held.label]) if held.label in ranked else None)
    assert scores.unseen_labels == ({UNSEEN: true.count(UNSEEN)} if UNSEEN in true else {})
    assert scores.invalid_predictions == sum(label not in LABELS for label in said)


@settings(deadline=None, max_examples=30)
@given(pairs, st.integers(1, 12), st.integers(0, 2**32))
def test_closed_forms_equal_scikit_learn_on_explicit_resamples(rows: list[tuple[str, str]], most: int, seed: int):
    true, said = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    probability = dirichlet(len(rows), seed)
    names = np.random.default_rng(seed).integers(0, most, len(rows)).astype(str)
    given_rows = TaskPredictions("t", true.tolist(), said.tolist(), LABELS, probability, names.tolist())
    (codes,), groups = group_codes([given_rows])
    numbers = TaskRows(given_rows, codes)
    # Integers, so that scikit-learn can be given the rows of a resample one by one.
    weights = np.random.default_rng(seed).integers(0, 3, (5, groups))
    sums = numbers.contributions.resampled(weights.astype(np.float64))
    metrics, ranks = numbers.replicate(sums), numbers.ranked(sums)
    for draw in range(5):
        chosen = np.repeat(np.arange(len(rows)), weights[draw, codes])
        expected = oracle(true[chosen].tolist(), said[chosen].tolist(), probability[chosen])
        found = {name: float(value[draw]) for name, value in metrics.items()}
        assert found == pytest.approx(expected, nan_ok=True, abs=1e-9)
        for name, ranked in curves(true[chosen].tolist(), probability[chosen]).items():
            assert ranks[name][draw] == pytest.approx([ranked.get(label, np.nan) for label in LABELS], nan_ok=True)


def test_calibration_bins_include_their_upper_edge():
    # 1/3 = 5/15 is the end of its bin and 0.34 is in the next one, so the two gaps do not cancel.
    probability = np.array([[1 / 3, 2 / 9, 2 / 9, 2 / 9], [0.34, 0.22, 0.22, 0.22]])
    found = report(["a", "b"], ["a", "a"], probabilities=probability).metrics["ece"].value
    assert found == pytest.approx(((1 - 1 / 3) + 0.34) / 2)


def test_perfect():
    scores = report(list("abcd"), list("abcd"), probabilities=np.eye(4))
    assert values(scores.metrics) == {
        "accuracy": 1.0, "balanced_accuracy": 1.0, "macro_f1": 1.0, "g_mean": 1.0, "mcc": 1.0,
        "worst_recall": 1.0, "log_loss": 0.0, "ece": 0.0, "brier": 0.0, "auroc": 1.0, "average_precision": 1.0,
        "recall_at_alarm_rate": 1.0,
    }  # fmt: skip


def test_all_wrong():
    found = values(report(list("aabb"), list("bbaa")).metrics)
    assert found == {
        "accuracy": 0.0, "balanced_accuracy": 0.0, "macro_f1": 0.0, "g_mean": 0.0, "mcc": -1.0, "worst_recall": 0.0,
    }  # fmt: skip


def test_a_single_class():
    found = values(report(list("aaaa"), list("aaab")).metrics)
    assert found["balanced_accuracy"] == found["worst_recall"] == found["accuracy"] == 0.75
    assert found["mcc"] == 0.0


def test_a_label_without_test_rows_is_not_measured_and_not_zero():
    scores = report(list("aabb"), list("aacb"))
    held = {label.label: label for label in scores.labels}
    assert (held["c"].support, held["c"].predicted) == (0, 1)
    assert held["c"].recall.value is held["c"].precision.value is held["c"].f1.value is None
    assert scores.metrics["balanced_accuracy"].value == 0.75  # mean of a and b alone


def test_predictions_outside_the_labels_are_wrong_and_no_class():
    scores = report(list("aabb"), ["a", INVALID, "b", "another"])
    assert scores.invalid_predictions == 2
    assert len(scores.labels) == len(LABELS)
    assert scores.metrics["accuracy"].value == 0.5
    assert scores.metrics["macro_f1"].value == pytest.approx(2 / 3)  # precision 1, recall 1/2, for two labels


def test_a_label_without_training_rows_is_named_and_wrong():
    with warns(DataWarning, "labels-without-training-rows") as caught:
        scores = classification_report(
            ["a", "b", UNSEEN, UNSEEN], ["a", "b", "a", UNSEEN], labels=("a", "b"), task="tone", bootstrap=0
        )
    assert "Task 'tone'" in str(caught[0].message)
    assert "'never trained on' (2 test rows)" in str(caught[0].message)
    assert scores.unseen_labels == {UNSEEN: 2}
    assert scores.metrics["accuracy"].value == 0.5
    assert scores.metrics["balanced_accuracy"].value == 1.0
    assert scores.labels[0].precision.value == 0.5


def test_bands_are_cut_by_training_rows():
    counts = {"a": 101, "b": 100, "c": 20, "d": 19}
    scores = report(list("aabbccd"), list("abbbcad"), train_counts=counts)
    assert [label.band for label in scores.labels] == ["many", "medium", "medium", "few"]
    assert [label.train_count for label in scores.labels] == [101, 100, 20, 19]
    bands = {name: held.value for name, held in scores.metrics.items() if name.startswith("recall_")}
    assert bands == {"recall_many": 0.5, "recall_medium": 0.75, "recall_few": 1.0}
    other = report(list("aabbccd"), list("abbbcad"), train_counts=counts, bands=Bands(few_below=2, many_above=2))
    assert other.metrics["recall_few"].value is None
    assert other.metrics["recall_many"].value == pytest.approx((0.5 + 1 + 0.5 + 1) / 4)
    with raises(ConfigError, "overlapping-bands"):
        Bands(few_below=50, many_above=20)


def test_no_rows():
    scores = evaluate({"t": TaskPredictions("t", [], [], LABELS, np.empty((0, 4)))}, bootstrap=3)
    assert set(values(scores.tasks["t"].metrics)) >= {"accuracy", "mcc", "log_loss"}
    assert all(held.value is None for held in scores.tasks["t"].metrics.values())
    assert all(held.value is None for held in scores.mean.values())


def clustered(patients: int = 60, per_patient: int = 8, seed: int = 0) -> TaskPredictions:
    """Make rows of a patient all right or all wrong: as many independent facts as patients."""
    random = np.random.default_rng(seed)
    right = np.repeat(random.random(patients) < 0.7, per_patient)
    true = random.choice(["a", "b"], patients * per_patient)
    said = np.where(right, true, np.where(true == "a", "b", "a"))
    groups = np.repeat(np.arange(patients), per_patient).astype(str)
    return TaskPredictions("t", true.tolist(), said.tolist(), ("a", "b"), groups=groups.tolist())


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def test_groups_are_resampled_and_not_rows():
    held = clustered()
    by_group = evaluate({"t": held}).tasks["t"].metrics["accuracy"]
    by_row = evaluate({"t": TaskPredictions("t", held.targets, held.predicted, held.labels)}).tasks["t"]
    assert by_row.groups == 480
    # The interval of a proportion of 60, and not of 480, with normal theory as the yardstick.
    p = by_group.value or 0.0
    assert width(by_group) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 60), rel=0.1)
    assert width(by_row.metrics["accuracy"]) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 480), rel=0.1)


@pytest.mark.statistical
def test_interval_covers():
    truth = 0.7
    hits = 0
    for seed in range(200):
        held = evaluate({"t": clustered(seed=seed)}, bootstrap=300, seed=seed).tasks["t"].metrics["accuracy"]
        hits += (held.low or 0.0) <= truth <= (held.high or 0.0)
    assert 0.89 <= hits / 200 <= 0.98  # 95 % nominal; percentile intervals of 60 clusters run slightly short


def test_tasks_with_the_same_groups_are_resampled_together():
    # Task u is right where t is wrong: on the same resample their mean accuracy is always 1/2.
    t = clustered()
    swapped = {"a": "b", "b": "a"}
    u = TaskPredictions("u", t.targets, [swapped[label] for label in t.predicted], t.labels, groups=t.groups)
    together = evaluate({"t": t, "u": u}).mean["accuracy"]
    assert (together.low, together.high) == pytest.approx((0.5, 0.5))
    alone = TaskPredictions("u", u.targets, u.predicted, u.labels, groups=[f"other {name}" for name in t.groups or ()])
    assert width(evaluate({"t": t, "u": alone}).mean["accuracy"]) > 0.1


def test_mean_over_tasks_is_unweighted_and_leaves_out_what_is_not_measured():
    tasks = {
        "t": TaskPredictions("t", list("aaaa"), list("aaaa"), ("a", "b")),
        "u": TaskPredictions("u", list("ab"), list("ba"), ("a", "b"), np.array([[0.5, 0.5]] * 2)),
        "say": TaskPredictions("say", ["x"], ["x"]),
        "none": TaskPredictions("none", [], [], ("a", "b")),
    }
    mean = evaluate(tasks, bootstrap=10).mean
    assert mean["accuracy"].value == 0.5
    assert mean["log_loss"].value == pytest.approx(np.log(2))
    assert mean["exact_match"].value == 1.0


def test_seeds():
    first, again, other = (evaluate({"t": clustered()}, bootstrap=50, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.mean["accuracy"].value == other.mean["accuracy"].value
    assert first.mean["accuracy"].low != other.mean["accuracy"].low


def test_rows_without_a_group_are_groups_of_their_own():
    held = TaskPredictions("t", list("abab"), list("abab"), ("a", "b"), groups=["p", "p", None, None])  # type: ignore[list-item]
    assert evaluate({"t": held}, bootstrap=5).tasks["t"].groups == 3


def test_json_round_trip():
    with pytest.warns(DataWarning):
        scores = evaluate(
            {
                "t": TaskPredictions("t", ["a", "b", UNSEEN], list("aab"), LABELS, dirichlet(3)),
                "say": TaskPredictions("say", ["one two"], ["one"]),
            },
            train_counts={"t": {"a": 300, "b": 30, "c": 3}},
            bootstrap=20,
        )
    text = json.dumps(scores.to_dict(), allow_nan=False)
    assert Scores.from_dict(json.loads(text)) == scores
    assert Estimate(float("nan"), 0.0, float("nan")) == Estimate(None, 0.0, None)


def test_many_resamples_are_fast():
    random = np.random.default_rng(0)
    names = [f"l{n}" for n in range(6)]
    patients = np.arange(1400).astype(str).tolist()
    tasks = {
        f"t{n}": TaskPredictions(
            f"t{n}",
            random.choice(names, 1400).tolist(),
            random.choice(names, 1400).tolist(),
            tuple(names),
            random.dirichlet(np.ones(6), 1400),
            patients,
        )
        for n in range(8)
    }
    start = time.process_time()
    evaluate(tasks, bootstrap=1000)
    assert time.process_time() - start < 5.0


def test_open_metrics_equal_their_libraries():
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import corpus_bleu

    right = ["the cat sat on the mat today", "a dog barked at night", "nothing at all", ""]
    said = ["the cat sat on a mat today", " a dog barked at night ", "", "x"]
    scores = open_report(right, said, groups=["p", "p", "q", "q"], bootstrap=200)
    assert scores.kind == "open_ended"
    assert (scores.rows, scores.groups, scores.labels) == (4, 2, ())
    found = values(scores.metrics)
    assert found["exact_match"] == 0.25
    rouge = RougeScorer(["rougeL"])
    assert found["rouge_l"] == pytest.approx(
        np.mean([rouge.score(r, s)["rougeL"].fmeasure for r, s in zip(right, said, strict=True)])
    )
    assert found["bleu"] == pytest.approx(corpus_bleu(said, [right]).score)
    # Two groups, of which the second has no word right.
    bleu = scores.metrics["bleu"]
    assert bleu.low is not None
    assert bleu.high is not None
    assert bleu.low < 20
    assert bleu.high > corpus_bleu(said[:2], [right[:2]]).score
    assert bleu.rows == 4


def test_refusals():
    with raises(DataError, "no-labels"):
        classification_report(["a"], ["a"])
    with raises(DataError, "wrong-length") as length:
        TaskPredictions("t", ["a", "b"], ["a"])
    assert "`predicted` of task 't' must have one entry for each of the 2 targets" in str(length.value)
    with raises(DataError, "wrong-shape") as shape:
        TaskPredictions("t", ["a"], ["a"], LABELS, np.ones((1, 3)))
    assert "must have the shape (rows, labels) = (1, 4), found (1, 3)" in str(shape.value)

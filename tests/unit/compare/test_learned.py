"""Whether anything was learned: only what is better than answers that ignore the input was."""

import numpy as np
import pytest

from equipoise.compare.evidence import Resampling
from equipoise.compare.learned import constant_answers, has_learned, learned, shuffled_answers
from equipoise.metrics import TaskPredictions, evaluate

LABELS = tuple("abcdefgh")
COUNTS = {"rare": {"a": 900, "b": 100}, "many": dict.fromkeys(LABELS, 50)}
RESAMPLING = Resampling(COUNTS, {}, bootstrap=200, seed=0)


def predictions(task, right, said, labels, sure=0.9):
    place = {label: number for number, label in enumerate(labels)}
    probabilities = np.full((len(said), len(labels)), (1 - sure) / (len(labels) - 1))
    probabilities[np.arange(len(said)), [place[label] for label in said]] = sure
    return {task: TaskPredictions(task, right, said, labels, probabilities)}


def rare(hits, seed):
    """200 rows, 20 of them of a rare label, of which some are found."""
    random = np.random.default_rng(seed)
    right = ["b"] * 20 + ["a"] * 180
    found = set(random.permutation(20)[:hits].tolist())
    return predictions("rare", right, ["b" if row in found else "a" for row in range(200)], ("a", "b"))


def at_random(seed, right_of=0.0):
    """Eight labels, answered at random but for a part of the rows."""
    rows, random = np.random.default_rng(99), np.random.default_rng(seed)
    right = rows.choice(LABELS, 240).tolist()
    said = [each if random.random() < right_of else random.choice(LABELS) for each in right]
    return predictions("many", right, [str(each) for each in said], LABELS)


def found_of(by_name, metric="macro_f1", resampling=RESAMPLING):
    return learned(list(by_name), by_name.__getitem__, metric, resampling)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_majority_answer_is_nothing(seeds):
    found = found_of({"natural": [rare(0, seed) for seed in range(seeds)]})
    assert found.gain.value == 0
    assert found.value == found.constant == found.shuffled
    assert not has_learned(found, "macro_f1")


@pytest.mark.parametrize("seeds", [1, 3])
def test_what_finds_the_rare_label_has_learned(seeds):
    found = found_of({"natural": [rare(12, seed) for seed in range(seeds)]})
    assert found.gain.low > 0.1
    assert found.constant == pytest.approx(evaluate(rare(0, 0), bootstrap=0).mean["macro_f1"].value)
    assert found.reference == pytest.approx(max(found.constant, found.shuffled))


def test_answers_at_random_beat_the_majority_answer_and_are_nothing():
    """Where the labels are equally frequent the majority answer has a macro-F1 of 2/9/8, any at random of 1/8."""
    found = found_of({"natural": [at_random(seed) for seed in range(3)]})
    assert found.value > found.constant + 0.05
    assert found.shuffled == pytest.approx(found.value, abs=0.04)
    assert not has_learned(found, "macro_f1")
    assert has_learned(found_of({"natural": [at_random(seed, 0.3) for seed in range(3)]}), "macro_f1")


def test_the_seeds_may_be_chance():
    """Two of three trainings learned nothing."""
    found = found_of({"natural": [rare(0, 0), rare(0, 1), rare(12, 2)]})
    assert found.gain.value > 0
    assert not has_learned(found, "macro_f1")


def test_tasks_that_were_learned_are_named_where_all_together_were_not():
    """The seeds disagree on one task by more than the other gains."""
    sets = [{**rare(hits, seed), **at_random(seed, right)} for seed, (hits, right) in enumerate([(8, 0.7), (8, 0.0)])]
    found = found_of({"natural": sets})
    assert not has_learned(found, "macro_f1")
    assert found.tasks == ("rare",)
    assert found_of({"natural": [{**rare(12, 0), **at_random(0)}]}).tasks == ()  # together they were


def test_one_candidate_that_learned_is_enough_and_else_the_best_is_named():
    nothing, something = [rare(0, 0), rare(0, 1)], [rare(15, 0), rare(15, 1)]
    assert found_of({"best": nothing, "other": something}).candidate == "other"
    assert found_of({"best": nothing, "other": nothing}).candidate == "best"


def test_probabilities_are_set_against_the_training_shares():
    calibrated = rare(0, 0)
    part = calibrated["rare"]
    part.probabilities[:] = [0.9, 0.1]
    found = found_of({"natural": [calibrated]}, "log_loss")
    assert found.gain.value == pytest.approx(0)
    assert found.constant == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))
    assert not has_learned(found, "log_loss")
    assert has_learned(found_of({"natural": [rare(20, 0)]}, "log_loss"), "log_loss")


def test_costs_are_set_against_the_cheapest_answer():
    costs = {"rare": np.array([[0.0, 1.0], [30.0, 0.0]])}
    resampling = Resampling(COUNTS, costs, 200, 0)
    found = found_of({"natural": [rare(0, 0)]}, "expected_cost", resampling)
    assert found.constant == pytest.approx(0.9)  # always "b": 180 of 200 rows cost 1
    assert not has_learned(found, "expected_cost")
    assert has_learned(found_of({"natural": [rare(20, 0)]}, "expected_cost", resampling), "expected_cost")


def test_texts_are_set_against_none():
    right = [f"finding {row}" for row in range(40)]
    empty = {"note": TaskPredictions("note", right, ["x"] * 40)}
    said = {"note": TaskPredictions("note", right, right[:30] + ["x"] * 10)}
    assert not has_learned(found_of({"natural": [empty]}, "exact_match"), "exact_match")
    found = found_of({"natural": [said]}, "exact_match")
    assert found.constant == 0
    assert has_learned(found, "exact_match")


def test_constant_and_shuffled_answers_keep_rows_and_groups():
    part = predictions("rare", list("aabb"), list("abab"), ("a", "b"))["rare"]
    for found in (constant_answers({"rare": part}, COUNTS, {})["rare"], shuffled_answers({"rare": part}, 3)["rare"]):
        assert list(found.targets) == list(part.targets)
        assert found.labels == part.labels
    assert sorted(shuffled_answers({"rare": part}, 3)["rare"].predicted) == sorted(part.predicted)

"""What is said of the finalists: only what both lucks leave, paired by task and seed."""

import numpy as np
import pytest

from equipoise.compare.result import CandidateInfo, Finalist, Versus
from equipoise.compare.verdict import against_baseline, ranks_of, recommend, shown
from equipoise.metrics import Estimate, TaskPredictions

RIGHT = ["a", "b"] * 40


def predictions(hits, seed):
    """Answers that are right on about so many of 80 rows."""
    rng = np.random.default_rng(seed)
    wrong = set(rng.permutation(80)[hits:].tolist())
    said = [("b" if label == "a" else "a") if row in wrong else label for row, label in enumerate(RIGHT)]
    return {task: TaskPredictions(task, RIGHT, said, ("a", "b")) for task in ("s", "t")}


def finalist(by_seed):
    from equipoise.compare.corrections import scores_of

    scored = [scores_of(each) for each in by_seed]
    test = {"accuracy": tuple(means["accuracy"] for means, _ in scored)}
    tasks = {task: {"accuracy": tuple(of[task]["accuracy"] for _, of in scored)} for task in ("s", "t")}
    return Finalist(test, test, tasks)


@pytest.fixture(scope="module")
def arms():
    return {
        "natural": [predictions(48, seed) for seed in range(3)],
        "good": [predictions(72, seed + 10) for seed in range(3)],
        "same": [predictions(48, seed) for seed in range(3)],
    }


@pytest.fixture(scope="module")
def versus(arms):
    finalists = {name: finalist(each) for name, each in arms.items()}
    return against_baseline(finalists, arms.__getitem__, "accuracy", train_counts={}, costs={}, bootstrap=200, seed=0)


def test_difference_is_the_mean_over_seeds_and_tasks(versus):
    assert versus["good"].seeds["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].groups["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].tasks["s"]["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].groups["accuracy"].low > 0.15


def test_signed_rank_is_over_tasks_and_seeds_with_holm(versus):
    test = versus["good"].signed_rank
    assert test.pairs == 6
    assert test.effect == 1.0
    assert test.p_value == pytest.approx(2 / 2**6)
    assert test.adjusted == test.p_value  # the other one ties throughout, so this is the only test


def test_twin_of_the_baseline_has_no_test_and_no_difference(versus):
    assert versus["same"].signed_rank is None
    assert shown(versus["same"], "accuracy") == "no difference"


def estimate(low, high):
    return Estimate((low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("seeds", "groups", "metric", "said"),
    [
        ((0.1, 0.2), (0.1, 0.3), "macro_f1", "better"),
        ((-0.2, -0.1), (-0.3, -0.1), "macro_f1", "worse"),
        ((-0.2, -0.1), (-0.3, -0.1), "log_loss", "better"),
        ((0.1, 0.2), (-0.1, 0.3), "macro_f1", "no difference"),
        ((-0.1, 0.2), (0.1, 0.3), "macro_f1", "no difference"),
        ((0.1, 0.2), (-0.3, -0.1), "macro_f1", "no difference"),
        ((0.0, 0.2), (0.1, 0.3), "macro_f1", "no difference"),
    ],
)
def test_a_difference_needs_both_intervals_on_one_side_of_zero(seeds, groups, metric, said):
    both = Versus({metric: estimate(*seeds)}, {metric: estimate(*groups)}, {}, None)
    assert shown(both, metric) == said


def test_one_seed_is_judged_by_the_groups_alone():
    one = Versus({"macro_f1": Estimate(0.2)}, {"macro_f1": estimate(0.1, 0.3)}, {}, None)
    assert shown(one, "macro_f1") == "better"
    assert shown(None, "macro_f1") == "baseline"


def test_ranks_are_over_tasks_and_seeds(arms):
    finalists = {name: finalist(each) for name, each in arms.items()}
    ranks = ranks_of(finalists, "accuracy")
    assert list(ranks.mean) == ["good", "natural", "same"]
    assert ranks.mean == {"good": 1.0, "natural": 2.5, "same": 2.5}
    assert ranks.blocks == 6
    assert ranks_of({name: finalists[name] for name in ("good", "natural")}, "accuracy") is None


def test_recommendation_is_the_simplest_within_one_standard_error():
    info = {name: CandidateInfo(name, "none", "", steps, {}) for name, steps in {"natural": 0, "a": 1, "b": 2}.items()}
    validation = {"natural": (0.40, 0.42), "a": (0.60, 0.62), "b": (0.63, 0.63)}
    assert recommend(validation, info, "macro_f1", 0.03) == "a"
    assert recommend(validation, info, "macro_f1", 0.01) == "b"
    assert recommend(validation, info, "macro_f1", 0.5) == "natural"
    assert recommend(validation, info, "log_loss", 0.01) == "natural"

"""What is said of the finalists: only what seeds and test rows leave, paired by task and seed."""

from dataclasses import replace

import numpy as np
import pytest

from equipoise.compare.evidence import Resampling, evidence_of, rope_of
from equipoise.compare.findings import Learned, Versus
from equipoise.compare.result import CandidateInfo, Finalist
from equipoise.compare.verdict import against_baseline, ranks_of, recommend, shown
from equipoise.metrics import Estimate, TaskPredictions

RIGHT = ["a", "b"] * 40
RESAMPLING = Resampling({}, {}, bootstrap=200, seed=0)
LEARNED = Learned("good", 0.9, 0.5, 0.5, Estimate(0.4, 0.3, 0.5))


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
    return against_baseline(finalists, arms.__getitem__, "accuracy", 0.01, RESAMPLING)


def test_difference_is_the_mean_over_seeds_and_tasks(versus):
    assert versus["good"].seeds["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].groups["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].tasks["s"]["accuracy"].value == pytest.approx(0.3)
    assert versus["good"].groups["accuracy"].low > 0.15


def test_another_finalist_may_be_the_baseline(arms, versus):
    two = {name: finalist(arms[name]) for name in ("natural", "good")}
    (name, found), *_ = against_baseline(two, arms.__getitem__, "accuracy", 0.01, RESAMPLING, "good").items()
    assert name == "natural"
    for part in ("seeds", "groups"):
        assert getattr(found, part)["accuracy"].value == pytest.approx(-0.3)
    assert found.signed_rank.effect == -1.0


def test_signed_rank_is_over_tasks_and_seeds_with_holm(versus):
    test = versus["good"].signed_rank
    assert test.pairs == 6
    assert test.effect == 1.0
    assert test.p_value == pytest.approx(2 / 2**6)
    assert test.adjusted == test.p_value  # the other one ties throughout, so this is the only test


def test_twin_of_the_baseline_has_no_test_and_is_the_same(versus):
    assert versus["same"].signed_rank is None
    assert versus["same"].evidence.probabilities.same == 1
    assert versus["same"].evidence.needed is None
    assert shown(versus["same"], LEARNED, "accuracy") == "same"


def test_evidence_has_both_variances(versus):
    found = versus["good"]
    seeds, groups, both = found.seeds["accuracy"], found.groups["accuracy"], found.evidence.difference
    assert both.value == pytest.approx(seeds.value)
    error = (groups.high - groups.low) / 2 / 1.96
    assert both.high - both.value > error * 1.9  # no narrower than either part alone
    assert both.high - both.value > (seeds.high - seeds.value) / 4.3  # Student's t of two degrees of freedom
    assert found.evidence.groups == 160  # each row of both tasks is a group
    assert found.evidence.least > 0.01
    assert 0.01 < found.evidence.needed.difference < found.evidence.least
    assert found.evidence.over_tasks is None  # two tasks
    assert found.evidence.improvement.value == 1
    assert found.evidence.interquartile[1].value > found.evidence.interquartile[0].value
    assert found.difference("accuracy") == both
    assert shown(found, LEARNED, "accuracy") == "better"


def made(gains, sign=1):
    """Natural sampling and a candidate on four tasks, with these differences by seed."""
    before = {"m": tuple(0.5 for _ in gains)}, {"m": tuple(0.5 + sign * gain for gain in gains)}
    return [Finalist({}, test, {str(task): test for task in range(4)}) for test in before]


def judged(gains, error, metric="macro_f1", seeds_rows=400):
    sign = -1 if metric == "log_loss" else 1
    both = [
        replace(each, test={metric: each.test["m"]}, tasks={task: {metric: each.test["m"]} for task in each.tasks})
        for each in made(gains, sign)
    ]
    evidence = evidence_of(*both, metric, 0.01, error, seeds_rows, RESAMPLING)
    return Versus({}, {metric: Estimate(sign * gains[0], -1, 1)}, {}, None, evidence)


@pytest.mark.parametrize("metric", ["macro_f1", "log_loss"])
@pytest.mark.parametrize(
    ("gains", "error", "said"),
    [
        ((0.10, 0.11, 0.12), 0.02, "better"),
        ((-0.10, -0.11, -0.12), 0.02, "worse"),
        ((0.001, 0.002, -0.001), 0.002, "same"),
        ((0.10, 0.11, 0.12), 0.10, "inconclusive"),  # the rows may be chance
        ((0.01, 0.11, 0.21), 0.02, "inconclusive"),  # the seeds may be
        ((0.012, 0.013, 0.012), 0.002, "inconclusive"),  # above 0 for sure, and perhaps practically the same
        ((0.20,), 0.01, "inconclusive"),  # one seed
        ((-0.20,), 0.01, "inconclusive"),
        ((0.0,), 0.001, "inconclusive"),
    ],
)
def test_a_case_is_shown_if_seeds_and_rows_leave_it(gains, error, said, metric):
    assert shown(judged(gains, error, metric), LEARNED, "macro_f1") == said


def test_differences_are_in_the_units_of_the_metric():
    found = judged((0.10, 0.11, 0.12), 0.02, "log_loss").evidence
    assert found.difference.value == pytest.approx(-0.11)
    assert found.difference.low < found.difference.value < found.difference.high < 0
    assert found.over_tasks.better > 0.95
    assert found.improvement.value == 1
    assert found.interquartile[0].value == 0.5
    assert rope_of("bleu", 0.02) == 2


def test_evidence_needs_two_seeds_groups_and_resamples():
    assert judged((0.1,), 0.02).evidence is None
    assert judged((0.1, 0.1), None).evidence is None
    assert judged((0.1, 0.1), 0.02, seeds_rows=1).evidence is None
    assert judged((0.1,), 0.02).difference("macro_f1") == Estimate(0.1, -1, 1)


def test_nothing_learned_comes_before_everything_and_the_baseline_before_the_rows():
    nothing = replace(LEARNED, gain=Estimate(0.1, -0.01, 0.2))
    better = judged((0.10, 0.11, 0.12), 0.02)
    assert shown(better, nothing, "macro_f1") == "nothing-learned"
    assert shown(None, nothing, "macro_f1") == "nothing-learned"
    assert shown(None, LEARNED, "macro_f1") == "baseline"


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

"""Who goes on: by the mean over seeds, the baseline always, the simpler of equals."""

from equipoise.experiment.compare.result import CandidateInfo
from equipoise.experiment.compare.selecting import keep, mean_of


def infos(**steps):
    return {name: CandidateInfo(name.split("_")[0], "none", "", number, {}) for name, number in steps.items()}


def test_best_trainings_go_on_beside_the_baseline():
    scores = {"natural": (0.1, 0.1), "a": (0.5, 0.7), "b": (0.9, 0.2), "c": (0.3, 0.3)}
    assert keep(scores, infos(natural=0, a=1, b=1, c=1), "macro_f1", 2) == ("natural", "a", "b")


def test_smaller_is_better_for_the_log_loss():
    scores = {"natural": (3.0,), "a": (2.0,), "b": (1.0,)}
    assert keep(scores, infos(natural=0, a=1, b=1), "log_loss", 1) == ("natural", "b")


def test_training_is_judged_by_its_best_correction_and_kept_once():
    scores = {"natural": (0.1,), "a": (0.2,), "a_tau": (0.9,), "b": (0.5,), "b_tau": (0.4,)}
    candidates = infos(natural=0, a=1, a_tau=3, b=1, b_tau=3)
    assert keep(scores, candidates, "macro_f1", 1) == ("natural", "a")
    assert keep(scores, candidates, "macro_f1", 9) == ("natural", "a", "b")


def test_of_equals_the_simpler_goes_on_then_the_one_named_first():
    scores = {"natural": (0.1,), "late": (0.5,), "plain": (0.5,), "first": (0.5,)}
    assert keep(scores, infos(natural=0, late=2, plain=1, first=1), "macro_f1", 1) == ("natural", "plain")


def test_seed_that_could_not_be_measured_puts_a_candidate_last():
    assert mean_of((0.9, None), "macro_f1") < mean_of((0.0, 0.0), "macro_f1")
    assert mean_of((), "macro_f1") == -float("inf")

"""Who goes on: by the mean over seeds, the baseline always, the simpler of equals, and within what a stage may cost."""

import pytest

from equipoise.experiment.compare.result import CandidateInfo, RunCost
from equipoise.experiment.compare.selecting import keep, mean_of, prices, ranking

EQUAL = dict.fromkeys(("natural", "a", "b", "c"), 1.0)


def infos(**steps):
    return {name: CandidateInfo(name.split("_")[0], "none", "", number, {}) for name, number in steps.items()}


def test_best_trainings_go_on_beside_the_baseline():
    scores = {"natural": (0.1, 0.1), "a": (0.5, 0.7), "b": (0.9, 0.2), "c": (0.3, 0.3)}
    assert ranking(scores, infos(natural=0, a=1, b=1, c=1), "macro_f1") == ("a", "b", "c")
    assert keep(["a", "b", "c"], 2, EQUAL) == ("natural", "a", "b")


def test_smaller_is_better_for_the_log_loss():
    scores = {"natural": (3.0,), "a": (2.0,), "b": (1.0,)}
    assert ranking(scores, infos(natural=0, a=1, b=1), "log_loss") == ("b", "a")


def test_training_is_judged_by_its_best_correction_and_kept_once():
    scores = {"natural": (0.1,), "a": (0.2,), "a_tau": (0.9,), "b": (0.5,), "b_tau": (0.4,)}
    candidates = infos(natural=0, a=1, a_tau=3, b=1, b_tau=3)
    assert ranking(scores, candidates, "macro_f1") == ("a", "b")


def test_of_equals_the_simpler_goes_on_then_the_one_named_first():
    scores = {"natural": (0.1,), "late": (0.5,), "plain": (0.5,), "first": (0.5,)}
    assert ranking(scores, infos(natural=0, late=2, plain=1, first=1), "macro_f1") == ("plain", "first", "late")


def test_seed_that_could_not_be_measured_puts_a_candidate_last():
    assert mean_of((0.9, None), "macro_f1") < mean_of((0.0, 0.0), "macro_f1")
    assert mean_of((), "macro_f1") == -float("inf")


def test_fewer_go_on_where_they_are_costly_but_always_the_best():
    price = {"natural": 0.5, "a": 3.0, "b": 3.0, "c": 0.5}
    assert keep(["a", "b", "c"], 2, price) == ("natural", "a")  # 3.5 of 3 are spent
    assert keep(["c", "a", "b"], 2, price) == ("natural", "c", "a")  # at 1.0 there is room for two thirds of a
    assert keep(["a", "b", "c"], 4, price) == ("natural", "a", "b")
    assert keep(["a", "c"], 1, price) == ("natural", "a")


def test_what_goes_on_costs_no_more_than_its_places_and_half_a_training():
    price = {"natural": 0.9, "a": 1.2, "b": 1.1, "c": 0.8}
    assert keep(["a", "b", "c"], 2, price) == ("natural", "a", "b")  # 3.2 of 3: a tenth more is no reason


def test_price_is_that_of_a_draw_however_many_a_run_made():
    runs = [RunCost(name, seed, draws, "", {}, 0, flops * draws)
            for name, draws, flops in (("natural", 10, 2.0), ("a", 40, 6.0)) for seed in (0, 1)]  # fmt: skip
    assert prices(runs) == pytest.approx({"natural": 0.5, "a": 1.5})


def test_everything_goes_on_where_there_is_place():
    assert keep(["a", "b", "c"], 9, EQUAL) == ("natural", "a", "b", "c")

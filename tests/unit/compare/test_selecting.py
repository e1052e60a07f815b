"""Which trainings a stage keeps: by the mean over seeds, the baseline always, the simpler of equals, at its price."""

import pytest

from equipoise.compare.result import CandidateInfo, RunCost
from equipoise.compare.selecting import best_natural, keep, mean_of, prices, ranking

EQUAL = dict.fromkeys(("natural", "a", "b", "c"), 1.0)


def ranked(scores, candidates, metric):
    """By the scores alone."""
    training = {info.training for info in candidates.values()}
    return ranking(scores, candidates, metric, 0.0, dict.fromkeys(training, 1.0))


def infos(**steps):
    return {name: CandidateInfo(name.split("_")[0], "none", "", number, {}) for name, number in steps.items()}


def test_best_trainings_go_on_beside_the_baseline():
    scores = {"natural": (0.1, 0.1), "a": (0.5, 0.7), "b": (0.9, 0.2), "c": (0.3, 0.3)}
    assert ranked(scores, infos(natural=0, a=1, b=1, c=1), "macro_f1") == ("a", "b", "c")
    assert keep(["a", "b", "c"], 2, EQUAL) == ("natural", "a", "b")


def test_smaller_is_better_for_the_log_loss():
    scores = {"natural": (3.0,), "a": (2.0,), "b": (1.0,)}
    assert ranked(scores, infos(natural=0, a=1, b=1), "log_loss") == ("b", "a")


def test_training_is_judged_by_its_best_correction_and_kept_once():
    scores = {"natural": (0.1,), "a": (0.2,), "a_tau": (0.9,), "b": (0.5,), "b_tau": (0.4,)}
    candidates = infos(natural=0, a=1, a_tau=3, b=1, b_tau=3)
    assert ranked(scores, candidates, "macro_f1") == ("a", "b")


def test_of_equals_the_simpler_goes_on_then_the_one_named_first():
    scores = {"natural": (0.1,), "late": (0.5,), "plain": (0.5,), "first": (0.5,)}
    assert ranked(scores, infos(natural=0, late=2, plain=1, first=1), "macro_f1") == ("plain", "first", "late")


def test_seed_that_could_not_be_measured_puts_a_candidate_last():
    assert mean_of((0.9, None), "macro_f1") < mean_of((0.0, 0.0), "macro_f1")
    assert mean_of((), "macro_f1") == -float("inf")


def test_of_those_within_one_standard_error_the_cheap_come_first():
    scores = {"natural": (0.1,), "costly": (0.50,), "costly_tau": (0.52,), "cheap": (0.47,), "cheaper": (0.46,)}
    candidates = infos(natural=0, costly=1, costly_tau=3, cheap=1, cheaper=1)
    price = {"natural": 0.5, "costly": 1.8, "cheap": 0.9, "cheaper": 0.8}
    assert ranking(scores, candidates, "macro_f1", 0.01, price) == ("costly", "cheap", "cheaper")
    assert ranking(scores, candidates, "macro_f1", 0.055, price) == ("cheap", "costly", "cheaper")
    assert ranking(scores, candidates, "macro_f1", 0.065, price) == ("cheap", "cheaper", "costly")


def test_costly_trainings_get_what_the_others_leave():
    price = {"natural": 0.5, "a": 2.6, "b": 2.6, "c": 0.6, "d": 0.6, "e": 2.6}
    assert keep(["a", "b", "c", "d", "e"], 4, price) == ("natural", "a", "c", "d")  # 3.3 of 5 left, and b costs 2.6
    assert keep(["c", "d", "a", "b", "e"], 4, price) == ("natural", "c", "d", "a")
    assert keep(["a", "b", "c", "d"], 6, price) == ("natural", "a", "b", "c", "d")


def test_the_first_goes_on_whatever_it_costs_and_takes_the_places_of_others():
    price = {"natural": 0.5, "a": 2.6, "b": 2.6, "c": 0.6}
    assert keep(["a", "b", "c"], 2, price) == ("natural", "a")


def test_place_that_a_costly_one_cannot_pay_for_goes_to_the_next():
    price = {"natural": 0.5, "a": 0.6, "b": 2.6, "c": 0.6}
    assert keep(["a", "b", "c"], 2, price) == ("natural", "a", "c")


def test_price_is_that_of_a_draw_however_many_a_run_made():
    runs = [RunCost(name, seed, draws, "", {}, 0, flops * draws)
            for name, draws, flops in (("natural", 10, 2.0), ("a", 40, 6.0)) for seed in (0, 1)]  # fmt: skip
    assert prices(runs) == pytest.approx({"natural": 0.5, "a": 1.5})


def test_everything_goes_on_where_there_is_place():
    assert keep(["a", "b", "c"], 9, EQUAL) == ("natural", "a", "b", "c")


def test_a_tenth_more_than_the_mean_is_not_expensive():
    price = {"natural": 1.0, "equal": 1.1, "sqrt": 1.1, "log": 0.9, "focal": 0.9}
    assert keep(["equal", "sqrt", "log", "focal"], 2, price) == ("natural", "equal", "sqrt")
    scores = {"natural": (0.1,), "equal": (0.51,), "log": (0.5,)}
    assert ranking(scores, infos(natural=0, equal=1, log=1), "macro_f1", 0.1, price) == ("equal", "log")


def test_all_go_on_where_there_is_a_place_for_each_whatever_rounding_says():
    price = prices(RunCost(name, 0, 3, "", {}, 0, flops) for name, flops in
                   (("natural", 0.1), ("a", 0.7), ("b", 3.3)))  # fmt: skip
    assert keep(["a", "b"], 2, price) == ("natural", "a", "b")


def test_natural_sampling_at_its_best_is_the_best_of_its_recipes_with_any_correction():
    steps = {"natural": 0, "small": 1, "sqrt": 2}
    info = {
        f"{name}{after}": CandidateInfo(name, after or "none", "", number + (2 if after else 0), {})
        for name, number in steps.items()
        for after in ("", "+tau")
    }
    scores = {"natural": (0.5,), "natural+tau": (0.6,), "small": (0.55,), "small+tau": (0.6,), "sqrt": (0.9,)}
    assert best_natural(scores, info, "macro_f1", ["natural", "small"]) == "natural+tau"  # the simpler of equals
    assert best_natural(scores | {"small": (0.7,)}, info, "macro_f1", ["natural", "small"]) == "small"
    assert best_natural(scores | {"small": (0.4,)}, info, "log_loss", ["natural", "small"]) == "small"

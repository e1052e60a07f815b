"""A task that gets worse while the mean over the tasks gets better is named once."""

import warnings
from typing import Any

import pytest
from tests.support.errors import warns
from transformers import TrainerState

from equipoise.errors import RunWarning
from equipoise.runs.validation import TurnedTasks, turned

ROWS = {"a": 100, "b": 100}  # noise is 0.1


def history(a: list[float], mean: list[float]) -> list[dict[str, float]]:
    return [
        {"step": 10 * (k + 1), "eval_macro_f1": m, "eval_a_macro_f1": x, "eval_b_macro_f1": 2 * m - x}
        for k, (x, m) in enumerate(zip(a, mean, strict=True))
    ]


RISING = [0.5, 0.55, 0.6, 0.65, 0.7]


@pytest.mark.parametrize(
    ("a", "mean", "found"),
    [
        ([0.5, 0.8, 0.6, 0.6, 0.6], RISING, {"a": 20}),
        ([0.5, 0.8, 0.6, 0.75, 0.6], RISING, {}),  # within noise in between
        ([0.5, 0.8, 0.72, 0.72, 0.72], RISING, {}),  # no more than noise
        ([0.5, 0.5, 0.8, 0.6, 0.6], RISING, {}),  # two in a row
        ([0.5, 0.8, 0.6, 0.6, 0.6], [0.5, 0.7, 0.65, 0.6, 0.6], {}),  # all get worse
        ([0.8, 0.6, 0.6], RISING[:3], {}),
    ],
)
def test_three_in_a_row_below_the_best_beyond_noise(a: list[float], mean: list[float], found: dict[str, int]) -> None:
    assert turned(history(a, mean), ROWS) == found


def test_it_is_said_once() -> None:
    callback = TurnedTasks(ROWS)
    state = TrainerState(log_history=history([0.5, 0.8, 0.6, 0.6, 0.6], RISING), is_world_process_zero=True)
    with warns(RunWarning, "task-turned") as caught:
        callback.on_evaluate(None, state)
    assert "'a' is below its best, that of step 20" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        callback.on_evaluate(None, state)
        one: Any = TurnedTasks({"a": 100})  # the mean is its own
        one.on_evaluate(None, state)

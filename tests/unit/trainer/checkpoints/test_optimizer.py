"""The state of an optimiser and a schedule that do not fit is refused; what has other rules is left alone."""

from typing import Any

import pytest
import torch
from tests.support.errors import raises
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from transformers import Adafactor

from equipoise.errors import StateError
from equipoise.trainer.checkpoints.optimizer import check_optimizer, check_schedule

STEPS = 3
OPTIMIZERS = {
    "adamw": torch.optim.AdamW,
    "amsgrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
    "momentum": lambda parameters: torch.optim.SGD(parameters, momentum=0.9),
    "sgd": torch.optim.SGD,
    "adafactor": Adafactor,
}


def trained(make: Any, steps: int = STEPS) -> torch.optim.Optimizer:
    parameters = [torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 3), (4,))]
    optimizer = make(parameters)
    for _ in range(steps):
        sum(each.square().sum() for each in parameters).backward()
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_was_trained_fits(name) -> None:
    check_optimizer(trained(OPTIMIZERS[name]), STEPS, all_trained=True)


@pytest.mark.parametrize(
    ("name", "moment"),
    [("adamw", "exp_avg"), ("amsgrad", "max_exp_avg_sq"), ("momentum", "momentum_buffer"),
     ("adafactor", "exp_avg_sq_row"), ("adafactor", "exp_avg_sq_col")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda old: torch.zeros(7), r"`{moment}` of a parameter of shape [2, 3] must have shape"),
        (lambda old: "many", "found str"),
        (lambda old: old * float("nan"), "is NaN, and the parameter is not"),
    ],
)
def test_a_moment_that_does_not_fit_is_refused(name, moment, change, sentence) -> None:
    optimizer = trained(OPTIMIZERS[name])
    state = next(iter(optimizer.state.values()))
    state[moment] = change(state[moment])
    with raises(StateError, "damaged-state", sentence.format(moment=moment)):
        check_optimizer(optimizer, STEPS, all_trained=True)


def test_a_model_that_has_diverged_is_not_damaged() -> None:
    optimizer = trained(torch.optim.AdamW)
    for parameter, state in optimizer.state.items():
        state["exp_avg"] *= float("nan")
        parameter.data *= float("nan")
    check_optimizer(optimizer, STEPS, all_trained=True)


@pytest.mark.parametrize("found", ["3", -1, [1, 2], torch.ones(2), float("nan")])
def test_a_count_that_is_none_is_refused(found) -> None:
    optimizer = trained(torch.optim.AdamW)
    next(iter(optimizer.state.values()))["step"] = found
    with raises(StateError, "damaged-state", "must be a number of steps"):
        check_optimizer(optimizer, STEPS, all_trained=True)


def test_heads_that_take_turns_have_fewer_steps_each_and_never_more() -> None:
    optimizer = trained(torch.optim.AdamW)
    check_optimizer(optimizer, 2 * STEPS, all_trained=False)
    with raises(StateError, "damaged-state", "up to 3 steps, and the run 2"):
        check_optimizer(optimizer, 2, all_trained=False)
    with raises(StateError, "damaged-state", "up to 3 steps, and the run 6"):
        check_optimizer(optimizer, 2 * STEPS, all_trained=True)


def test_a_schedule_is_where_the_run_is() -> None:
    optimizer = trained(torch.optim.SGD)
    schedule = LambdaLR(optimizer, lambda step: 1.0)
    schedule.last_epoch = STEPS
    assert check_schedule(schedule, STEPS, may_skip=False) == STEPS
    assert check_schedule(schedule, STEPS + 1, may_skip=True) == STEPS, "a step in float16 was skipped"
    for step, may_skip in ((STEPS + 1, False), (STEPS - 1, True)):
        with raises(StateError, "damaged-state", f"is at step {STEPS}, and the run at step {step}"):
            check_schedule(schedule, step, may_skip=may_skip)
    assert check_schedule(ReduceLROnPlateau(optimizer), STEPS, may_skip=False) == STEPS


def test_optimisers_of_other_packages_are_left_alone() -> None:
    class Mine(torch.optim.AdamW):
        """Not of torch."""

    check_optimizer(trained(Mine), STEPS + 1, all_trained=True)

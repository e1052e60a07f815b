"""Each task weighting against the formula of its paper, written here a second time."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from tests.support.errors import raises

from equipoise.errors import ConfigError, StateError
from equipoise.losses.tasks import (
    DWA,
    FAMO,
    RLW,
    FixedWeights,
    Sum,
    TaskWeighting,
    Uncertainty,
    means,
    sum_by_task,
    task_weighting,
)

TASKS = ["mood", "topic", "triage"]
WEIGHT_SUMS = np.array([2.0, 5.0, 1.0])
TOTALS = np.array([3.0, 2.5, 4.0])
LOSSES = TOTALS / WEIGHT_SUMS
GONE = np.array([2.0, 0.0, 1.0])  # a step without topic


def every_method() -> list[TaskWeighting]:
    return [
        Sum(TASKS),
        FixedWeights(TASKS, weights={"mood": 0.5, "topic": 0.2, "triage": 0.3}),
        Uncertainty(TASKS),
        DWA(TASKS, steps_per_epoch=2),
        RLW(TASKS, seed=3),
        FAMO(TASKS),
    ]


@pytest.fixture(params=range(6), ids=[method.name for method in every_method()])
def method(request) -> TaskWeighting:
    return every_method()[request.param]


def step(method: TaskWeighting, number: int, totals: np.ndarray, weight_sums: np.ndarray) -> np.ndarray:
    """One training step on losses that do not depend on the weights; 1 % better afterwards, triage not."""
    losses = means(totals, weight_sums)
    coefficients = method.coefficients(number, weight_sums, losses if method.needs_losses else None)
    if method.follows_losses:
        method.update(totals, weight_sums)
    if method.parameters():
        torch.optim.SGD(method.parameters(), lr=0.1).step()
    if method.needs_losses:
        method.after_step(losses * np.array([0.99, 0.99, 1.0]))
    return coefficients


def random_steps(count: int, least: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    numbers = np.random.default_rng(5)
    return [
        (weight_sums * numbers.uniform(0.5, 2, 3), weight_sums)
        for weight_sums in numbers.integers(least, 4, (count, 3)).astype(np.float64)
    ]


# --- what all have in common


def test_an_absent_task_has_the_coefficient_zero_and_nothing_is_nan(method) -> None:
    found = step(method, 0, TOTALS * (GONE > 0), GONE)
    if method.name != "sum":
        assert found[1] == 0
    assert np.isfinite(found).all()
    assert np.isfinite(step(method, 1, TOTALS, WEIGHT_SUMS)).all()


def test_a_step_without_any_weight_changes_nothing_and_stays_finite(method) -> None:
    assert_array_equal(step(method, 0, np.zeros(3), np.zeros(3)), 0)


@pytest.mark.parametrize("number", range(6))
def test_state_goes_through_json_and_resumes_as_if_uninterrupted(number) -> None:
    whole, first, second = (every_method()[number] for _ in range(3))
    steps = random_steps(12)
    expected = [step(whole, place, *sums) for place, sums in enumerate(steps)]
    found = [step(first, place, *sums) for place, sums in enumerate(steps[:5])]
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    found += [step(second, place, *sums) for place, sums in enumerate(steps) if place >= 5]
    assert_array_equal(found, expected)


def test_the_steps_of_that_test_move_what_is_saved() -> None:
    for method in (Uncertainty(TASKS), DWA(TASKS, steps_per_epoch=2), FAMO(TASKS)):
        fresh = method.state_dict()["state"]
        for place, sums in enumerate(random_steps(5)):
            step(method, place, *sums)
        assert method.state_dict()["state"] != fresh


def test_the_state_of_other_tasks_is_refused(method) -> None:
    with raises(StateError, "other-run") as caught:
        method.load_state_dict(method.state_dict() | {"tasks": ["mood"]})
    assert "tasks was ['mood'] and is ['mood', 'topic', 'triage']" in str(caught.value)
    with raises(StateError, "other-run") as caught:
        method.load_state_dict(method.state_dict() | {"name": "other"})
    assert f"name was 'other' and is {method.name!r}" in str(caught.value)


def test_the_state_of_other_options_is_refused() -> None:
    with raises(StateError, "other-run") as caught:
        DWA(TASKS, steps_per_epoch=2).load_state_dict(DWA(TASKS, steps_per_epoch=2, temperature=3).state_dict())
    assert "options was {'steps_per_epoch': 2, 'temperature': 3.0}" in str(caught.value)


@pytest.mark.parametrize("state", [None, [], {}, {"name": "sum"}])
def test_a_value_that_is_no_state_is_refused(method, state) -> None:
    with raises(StateError, "not-a-state"):
        method.load_state_dict(state)
    with raises(StateError, "not-a-state"):
        method.load_state_dict(method.state_dict() | {"state": {"more": 1}})


@pytest.mark.parametrize(
    ("method", "part", "value"),
    [
        (Uncertainty(TASKS), "s", [1.0, 2.0]),
        (Uncertainty(TASKS), "s", [1.0, 2.0, "3"]),
        (Uncertainty(TASKS), "s", [1.0, 2.0, float("nan")]),
        (FAMO(TASKS), "xi", [1.0, True, 2.0]),
        (FAMO(TASKS), "steps", -1),
        (DWA(TASKS, steps_per_epoch=2), "steps", 2),
        (DWA(TASKS, steps_per_epoch=2), "epochs", [[1.0, None, 1.0]] * 3),
        (DWA(TASKS, steps_per_epoch=2), "epochs", [[1.0, None]]),
        (DWA(TASKS, steps_per_epoch=2), "totals", None),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(method, part, value) -> None:
    before = method.state_dict()
    with raises(StateError, "damaged-state"):
        method.load_state_dict(before | {"state": before["state"] | {part: value}})
    assert method.state_dict() == before


# --- sum, fixed, random


def test_sum_is_the_mean_over_all_examples() -> None:
    assert_allclose(Sum(TASKS).coefficients(0, WEIGHT_SUMS) @ TOTALS, TOTALS.sum() / WEIGHT_SUMS.sum())
    assert_allclose(Sum(TASKS).weights(0, WEIGHT_SUMS), WEIGHT_SUMS / 8)


def test_fixed_weights_weigh_the_mean_losses_in_the_order_of_the_tasks() -> None:
    method = FixedWeights(TASKS, weights={"triage": 4, "mood": 1, "topic": 2})
    assert_allclose(method.coefficients(0, WEIGHT_SUMS) @ TOTALS, 1 * LOSSES[0] + 2 * LOSSES[1] + 4 * LOSSES[2])


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({"mood": 1, "topic": 1}, "other-tasks"),
        ({"mood": 1, "topic": 1, "triage": 1, "more": 1}, "other-tasks"),
        ({"mood": 1, "topic": 1, "triage": -1}, "bad-option"),
        ({"mood": 1, "topic": 1, "triage": float("nan")}, "bad-option"),
        ({"mood": 1, "topic": 1, "triage": "1"}, "bad-option"),
        ({"mood": 0, "topic": 0, "triage": 0}, "all-zero"),
    ],
)
def test_fixed_weights_that_cannot_be_used_are_refused(weights, code) -> None:
    with raises(ConfigError, code) as caught:
        FixedWeights(TASKS, weights=weights)
    assert "`weights" in str(caught.value)


def test_random_weights_depend_on_seed_and_step_alone() -> None:
    here, other_rank = RLW(TASKS, seed=1), RLW(TASKS, seed=1)
    for number in range(5):
        here.weights(number, WEIGHT_SUMS)
    assert_array_equal(here.weights(7, WEIGHT_SUMS), other_rank.weights(7, GONE))
    assert not np.array_equal(here.weights(7, WEIGHT_SUMS), here.weights(8, WEIGHT_SUMS))
    assert not np.array_equal(here.weights(7, WEIGHT_SUMS), RLW(TASKS, seed=2).weights(7, WEIGHT_SUMS))


def test_random_weights_are_the_softmax_of_standard_normals() -> None:
    method = RLW(TASKS, seed=0)
    drawn = np.array([method.weights(number, WEIGHT_SUMS) for number in range(4000)])
    assert_allclose(drawn.sum(axis=1), 1)
    # log w_a - log w_b = n_a - n_b ~ N(0, 2): mean 0 +- 1.41 / sqrt(4000), variance 2 +- 2 sqrt(2 / 4000)
    for a, b in ((0, 1), (1, 2)):
        difference = np.log(drawn[:, a]) - np.log(drawn[:, b])
        assert abs(difference.mean()) < 4 * 2**0.5 / 4000**0.5
        assert abs(difference.var() - 2) < 4 * 2 * (2 / 4000) ** 0.5


# --- uncertainty


def uncertainty_objective(losses: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    """LibMTL, UW.py: (losses/(2*loss_scale.exp())+loss_scale/2).sum()."""
    return (losses / (2 * s.exp()) + s / 2).sum()


def test_uncertainty_starts_at_libmtls_constant() -> None:
    assert_allclose(Uncertainty(TASKS).weights(0, WEIGHT_SUMS), 1 / (2 * np.exp(-0.5)), rtol=1e-6)


def test_uncertainty_has_the_gradients_of_its_objective() -> None:
    method = Uncertainty(TASKS, initial=0.3)
    with torch.no_grad():
        method.parameters()[0].copy_(torch.tensor([0.3, -0.7, 1.1]))
    losses = torch.tensor(LOSSES, requires_grad=True)
    s = method.parameters()[0].detach().double().requires_grad_()
    assert torch.autograd.gradcheck(uncertainty_objective, (losses, s))
    uncertainty_objective(losses, s).backward()
    method.update(TOTALS, WEIGHT_SUMS)
    assert_allclose(method.weights(0, WEIGHT_SUMS), losses.grad, rtol=1e-6)
    assert_allclose(method.parameters()[0].grad, s.grad, rtol=1e-6)


def test_uncertainty_settles_at_the_logarithm_of_the_loss() -> None:
    method = Uncertainty(TASKS)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.5)
    for _ in range(300):
        method.update(TOTALS, WEIGHT_SUMS)
        optimizer.step()
    assert_allclose(method.parameters()[0].detach(), np.log(LOSSES), atol=1e-5)


def test_uncertainty_leaves_the_number_of_an_absent_task_where_it_is() -> None:
    method = Uncertainty(TASKS)
    method.update(TOTALS * (GONE > 0), GONE)
    gradient = method.parameters()[0].grad
    assert gradient[1] == 0
    assert gradient[0] != 0


# --- DWA


def dwa_weights(last: np.ndarray, before: np.ndarray, temperature: float) -> np.ndarray:
    """Liu et al. (2019), equation 7."""
    ratio = last / before
    raised = np.exp(ratio / temperature)
    return len(ratio) * raised / raised.sum()


def test_dwa_is_one_for_two_epochs_and_then_the_papers() -> None:
    method, steps, length = DWA(TASKS, steps_per_epoch=4), random_steps(16, least=1), 4
    averages = [
        sum(totals for totals, _ in epoch) / sum(weight_sums for _, weight_sums in epoch)
        for epoch in (steps[first : first + length] for first in range(0, 16, length))
    ]
    for number, (totals, weight_sums) in enumerate(steps):
        epoch = number // length
        expected = np.ones(3) if epoch < 2 else dwa_weights(averages[epoch - 1], averages[epoch - 2], 2.0)
        assert_allclose(method.weights(number, weight_sums), expected)
        method.update(totals, weight_sums)
    assert not np.allclose(method.weights(16, WEIGHT_SUMS), 1)


def test_dwa_takes_a_ratio_of_one_where_an_epoch_had_no_loss() -> None:
    method = DWA(TASKS, steps_per_epoch=1)
    for totals, weight_sums in ((TOTALS * (GONE > 0), GONE), (TOTALS / 2, WEIGHT_SUMS)):
        method.update(totals, weight_sums)
    assert_allclose(method.weights(2, WEIGHT_SUMS), dwa_weights(np.array([0.5, 1.0, 0.5]), np.ones(3), 2.0))


# --- FAMO


def libmtl_famo(steps: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """The gradient of the loss by the losses, step for step, by torch's autograd and Adam as LibMTL has it."""
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.025, weight_decay=1e-3)
    weights = []
    for before, after in steps:
        losses = torch.tensor(before, requires_grad=True)
        z = torch.softmax(w, -1).detach()
        shifted = losses + 1e-8
        c = (z / shifted).sum().detach()
        (shifted.log() * z / c).sum().backward()
        weights.append(losses.grad.numpy())
        delta = (losses.detach() + 1e-8).log() - (torch.tensor(after) + 1e-8).log()
        (w.grad,) = torch.autograd.grad(torch.softmax(w, -1), w, grad_outputs=delta)
        optimizer.step()
    return weights


def test_famo_is_libmtls_over_many_steps() -> None:
    numbers = np.random.default_rng(0)
    steps = [(numbers.uniform(0.1, 3, 3), numbers.uniform(0.1, 3, 3)) for _ in range(40)]
    method, found = FAMO(TASKS), []
    for number, (before, after) in enumerate(steps):
        found.append(method.weights(number, WEIGHT_SUMS, before))
        method.after_step(after)
    assert_allclose(found, libmtl_famo(steps), rtol=1e-6)


def test_famos_first_step_by_hand() -> None:
    method = FAMO(["a", "b"])
    weights = method.weights(0, np.ones(2), np.array([1.0, 4.0]))
    assert_allclose(weights, [0.8, 0.2], rtol=1e-6)  # z = 1/2: in proportion to 1 and 1/4
    method.after_step(np.array([0.5, 4.0]))
    # delta = (log 2, 0); z (delta - z.delta) = (log 2 / 4, -log 2 / 4); Adam's first step is the learning rate
    assert_allclose(method.state_dict()["state"]["xi"], [-0.025, 0.025], rtol=1e-6)


def test_famo_sets_an_absent_task_aside() -> None:
    method, pair = FAMO(TASKS), FAMO(["mood", "triage"])
    found = method.weights(0, GONE, np.array([1.0, np.nan, 4.0]))
    assert_allclose(found, np.insert(pair.weights(0, np.ones(2), np.array([1.0, 4.0])), 1, 0))
    method.after_step(np.array([1.0, np.nan, 4.0]))
    assert_allclose(method.state_dict()["state"]["xi"], 0, atol=1e-12)


# --- registry and sums


@pytest.mark.parametrize(
    ("chosen", "code", "said"),
    [
        ("uncertanty", "unknown-name", "Did you mean 'uncertainty'"),
        ({"name": "dwa", "temprature": 2}, "unknown-option", "Did you mean 'temperature'"),
        ({"name": "dwa", "temperature": 0}, "bad-option", "`temperature` must be above 0, found 0"),
        ({"name": "dwa", "steps_per_epoch": 0}, "bad-option", "`steps_per_epoch` must be at least 1, found 0"),
        ({"name": "famo", "learning_rate": 0}, "bad-option", "`learning_rate`"),
        ({"name": "uncertainty", "initial": float("inf")}, "bad-option", "`initial`"),
        ({"name": "sum", "weights": {}}, "unknown-option", "no options"),
        ("fixed", "missing-option", "'weights'"),
        ({"weights": {"mood": 1}}, "unknown-name", "None"),
        (7, "unknown-name", "7"),
        ({"name": "dwa", "temperature": "hot"}, "bad-option", "'hot'"),
    ],
)
def test_a_choice_that_cannot_be_used_is_refused_with_its_reason(chosen, code, said) -> None:
    with raises(ConfigError, code) as caught:
        task_weighting(chosen, TASKS)
    assert said in str(caught.value)


def test_the_registry_makes_each_from_its_name_and_options(method) -> None:
    made = task_weighting({"name": method.name, **method.options}, TASKS)
    assert type(made) is type(method)
    assert made.options == method.options


def test_what_a_run_knows_fills_in_where_the_choice_is_silent() -> None:
    assert task_weighting("rlw", TASKS, seed=9).options == {"seed": 9}
    assert task_weighting("dwa", TASKS, steps_per_epoch=40).options["steps_per_epoch"] == 40
    assert task_weighting({"name": "rlw", "seed": 1}, TASKS, seed=9).options == {"seed": 1}


def test_sums_by_task_let_the_gradient_through(device: str) -> None:
    rows = torch.tensor([1.0, 2.0, 4.0], requires_grad=True, device=device)
    sums = sum_by_task(rows, torch.tensor([2, 0, 2], device=device), 3)
    assert sums.tolist() == [2, 0, 5]
    (sums * torch.tensor([1.0, 10.0, 100.0], device=device)).sum().backward()
    assert rows.grad.tolist() == [100, 1, 100]


def test_the_gradient_is_that_of_the_whole_step_however_it_is_cut(method, device: str) -> None:
    rows = torch.tensor([1.0, 2.0, 4.0, 3.0, 0.5, 0.25], requires_grad=True, device=device)
    weight = torch.tensor([1.0, 0.5, 2.0, 1.0, 1.0, 3.0], device=device)
    task = torch.tensor([0, 1, 1, 2, 0, 2], device=device)
    weight_sums = sum_by_task(weight, task, 3).double().cpu().numpy()
    losses = means(sum_by_task(weight * rows.detach(), task, 3).double().cpu().numpy(), weight_sums)
    coefficients = method.coefficients(0, weight_sums, losses if method.needs_losses else None)
    for cut in (slice(0, 1), slice(1, 4), slice(4, 6)):
        shares = sum_by_task(weight[cut] * rows[cut], task[cut], 3)
        (shares * torch.tensor(coefficients, device=device)).sum().backward()
    expected = coefficients[task.cpu().numpy()] * weight.cpu().numpy()
    assert_allclose(rows.grad.cpu(), expected, rtol=1e-6)
    assert rows.grad.abs().max() > 0

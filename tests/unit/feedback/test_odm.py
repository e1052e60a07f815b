import math

import numpy as np
import pytest

from equipoise import Census, Plan
from equipoise.feedback import ODM, Decision, Feedback, Scores
from equipoise.rates import Rates

COUNTS = {"a": {"x": 600, "y": 100}, "b": 200, "c": 90, "d": 10}


def algorithm_1(losses_of_draws, counts_of_draws):
    """The rates after each turn, as the paper has it: losses summed over the draws of a task, divided by its rate.

    Both are lists over turns of {task: ...}: the mean loss of a draw of the task, and how many draws it had. The sum
    grows with the draws of a turn, which the paper's single unit is not; it is divided by them.
    """
    tasks = sorted(counts_of_draws[0])
    k, reward, all_rates = len(tasks), dict.fromkeys(tasks, 0.0), []
    epsilons = [1 / k] + [min(1 / k, math.sqrt(math.log(k) / (k * t))) for t in range(1, len(losses_of_draws) + 1)]
    for t, (losses, counts) in enumerate(zip(losses_of_draws, counts_of_draws, strict=True), 1):
        draws = sum(counts.values())
        for task in tasks:
            if counts[task]:
                total, rate = losses[task] * counts[task], counts[task] / draws
                reward[task] = 0.9 * reward[task] + 0.1 * total / rate / draws
        gibbs = {task: math.exp(epsilons[t - 1] * reward[task]) for task in tasks}
        rest = 1 - k * epsilons[t]
        all_rates.append([rest * gibbs[task] / sum(gibbs.values()) + epsilons[t] for task in tasks])
    return all_rates


def run(losses, first):
    history = [Decision(0, first)]
    for turn, known in enumerate(losses, 1):
        scores = Scores(task_losses=known)
        history.append(Decision(64 * turn, ODM().next_plan(history, scores), scores))
    return history


def rates(plan):
    return np.array([plan.probabilities[plan.span(task)].sum() for task in plan.tasks])


@pytest.mark.parametrize("scale", [1, 40])
def test_algorithm_1_of_the_paper(scale):
    first = Plan.build(Census.from_counts(COUNTS), rates="proportional")
    random = np.random.default_rng(3)
    losses = [dict(zip("abcd", (scale * random.random(4)).tolist(), strict=True)) for _ in range(30)]
    history = run(losses, first)
    counts = [dict(zip("abcd", (1000 * rates(d.plan)).tolist(), strict=True)) for d in history[:-1]]
    expected = np.array(algorithm_1(losses, counts))
    np.testing.assert_allclose([rates(d.plan) for d in history[1:]], expected, rtol=1e-9)
    assert np.ptp(expected, axis=1).max() > 0.002 * scale, "not all equal"


def test_the_rates_are_equal_for_the_first_k_ln_k_decisions():
    first = Plan.build(Census.from_counts(COUNTS), rates="proportional")
    history = run([dict.fromkeys("abcd", 1.0) | {"d": 9.0}] * 8, first)
    until = math.floor(4 * math.log(4))
    assert until == 5
    for decision in history[1 : 1 + until]:
        np.testing.assert_allclose(rates(decision.plan), 0.25, rtol=1e-12)
    for decision in history[1 + until :]:
        assert rates(decision.plan)[3] > 0.25 > rates(decision.plan)[0]


def test_a_task_without_draws_keeps_its_reward():
    first = Plan.build(Census.from_counts(COUNTS))
    losses = [dict.fromkeys("abcd", 50.0)] * 6 + [dict.fromkeys("abc", 50.0)]
    found = rates(run(losses, first)[-1].plan)
    assert found[3] < found[0]
    assert found[3] > rates(run([*losses[:6], dict.fromkeys("abc", 50.0) | {"d": 0.0}], first)[-1].plan)[3]


def test_shares_of_labels_stay():
    first = Plan.build(Census.from_counts(COUNTS), rates="proportional", weights="sqrt")
    last = run([dict.fromkeys("abcd", 2.0) | {"a": 30.0}] * 9, first)[-1].plan
    before, after = (plan.probabilities[plan.span("a")] for plan in (first, last))
    np.testing.assert_allclose(after / after.sum(), before / before.sum(), rtol=1e-12)


def test_k_counts_the_tasks_that_are_drawn():
    all_three = {"name": "fixed", "rates": {"a": 0.5, "b": 0.25, "c": 0.25}}
    left_out = {"name": "fixed", "rates": {"a": 0.5, "b": 0.25, "c": 0.25, "d": 0}}
    losses = [{"a": 1.0, "b": 20.0, "c": 5.0}] * 9
    small = run(losses, Plan.build(Census.from_counts({t: COUNTS[t] for t in "abc"}), rates=Rates.of(all_three)))
    large = run(losses, Plan.build(Census.from_counts(COUNTS), rates=Rates.of(left_out)))
    np.testing.assert_allclose(rates(large[-1].plan), [*rates(small[-1].plan), 0], rtol=1e-12)


def test_one_task_has_all_draws():
    first = Plan.build(Census.from_counts({"a": {"x": 6, "y": 1}}))
    np.testing.assert_allclose(run([{"a": 2.0}] * 3, first)[-1].plan.probabilities, first.probabilities)
    assert Feedback.of("odm") == ODM()

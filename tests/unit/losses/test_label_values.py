"""Each label loss against its paper's equation in plain numpy, and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from tests.support.label_losses import BY_TEXT, COSTS, COUNTS, priors_of

from equipoise.losses.labels import (
    LDAM,
    BalancedSoftmax,
    ClassBalancedFocal,
    CostSensitive,
    CrossEntropy,
    Focal,
    LogitAdjusted,
    VectorScaling,
    Weighted,
)
from equipoise.weights import Balanced, CostMatrix, EffectiveNumber, Natural

N = np.array(list(COUNTS.values()), dtype=np.float64)
PI = N / N.sum()


def example_scores(n=12, spread=3.0):
    random = np.random.default_rng(8)
    return -spread * random.exponential(size=(n, 3)), random.integers(0, 3, n)


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


def shown(loss, priors, scores, targets, device):
    return loss.prepare(priors).values(*on(device, scores, targets)).cpu().numpy()


def on(device, *arrays):
    return [torch.from_numpy(each).to(device) for each in arrays]


def by_equation(equation):
    scores, targets = example_scores()
    return scores, targets, np.array([equation(z, y) for z, y in zip(scores, targets, strict=True)])


def test_cross_entropy_is_scikit_learns_log_loss(device):
    scores, targets = example_scores()
    probabilities = np.array([softmax(z) for z in scores])
    part = CrossEntropy().prepare(priors_of()).sums(*on(device, scores, targets), torch.ones(12, device=device))
    assert part.mean().item() == pytest.approx(log_loss(targets, probabilities, labels=[0, 1, 2]), rel=1e-12)


def test_weighted_is_scikit_learns_weighted_log_loss(device):
    # scikit-learn divides by the sum of the sample weights, as a total over its mass does.
    scores, targets = example_scores()
    probabilities = np.array([softmax(z) for z in scores])
    weight = (N.sum() / (3 * N))[targets]
    expected = log_loss(targets, probabilities, labels=[0, 1, 2], sample_weight=weight)
    terms = Weighted(Balanced()).prepare(priors_of())
    part = terms.sums(*on(device, scores, targets), torch.ones(12, device=device))
    assert part.mean().item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_is_equation_4_of_lin(gamma, device):
    scores, targets, expected = by_equation(lambda z, y: -((1 - softmax(z)[y]) ** gamma) * np.log(softmax(z)[y]))
    np.testing.assert_allclose(shown(Focal(gamma), priors_of(), scores, targets, device), expected, rtol=1e-12)


def test_class_balanced_focal_is_focal_with_effective_numbers(device):
    scores, targets, expected = by_equation(lambda z, y: -((1 - softmax(z)[y]) ** 0.5) * np.log(softmax(z)[y]))
    terms = ClassBalancedFocal(beta=0.99, gamma=0.5).prepare(priors_of())
    weights = (1 - 0.99) / (1 - 0.99**N)
    part = terms.sums(*on(device, scores, targets), torch.ones(12, device=device))
    w = weights[targets]
    assert part.mean().item() == pytest.approx((w * expected).sum() / w.sum(), rel=1e-12)
    # The factor is of the unweighted probability, so weights and values separate.
    np.testing.assert_allclose(
        shown(ClassBalancedFocal(0.99, 0.5), priors_of(), scores, targets, device), expected, rtol=1e-12
    )


def test_balanced_softmax_is_equation_4_of_ren(device):
    scores, targets, expected = by_equation(lambda z, y: -np.log(N[y] * np.exp(z[y]) / (N * np.exp(z)).sum()))
    np.testing.assert_allclose(shown(BalancedSoftmax(), priors_of(), scores, targets, device), expected, rtol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_logit_adjustment_is_equation_10_of_menon(tau, device):
    def equation(z, y):  # log(1 + sum over y' != y of (pi_y' / pi_y)^tau e^(z_y' - z_y))
        others = [k for k in range(3) if k != y]
        return np.log1p(sum((PI[k] / PI[y]) ** tau * np.exp(z[k] - z[y]) for k in others))

    scores, targets, expected = by_equation(equation)
    np.testing.assert_allclose(shown(LogitAdjusted(tau), priors_of(), scores, targets, device), expected, rtol=1e-12)


def test_ldam_is_the_loss_of_cao(device):
    margins = 0.7 * (1 / N**0.25) / (1 / N**0.25).max()

    def equation(z, y):
        e = np.exp(2 * z)
        won = np.exp(2 * (z[y] - margins[y]))
        return -np.log(won / (won + e.sum() - e[y]))

    scores, targets, expected = by_equation(equation)
    np.testing.assert_allclose(shown(LDAM(0.7, scale=2.0), priors_of(), scores, targets, device), expected, rtol=1e-12)


def test_ldam_weighs_late_alone(device):
    loss = LDAM(reweight_from=0.8, beta=0.99)
    terms, each = loss.prepare(priors_of()), torch.arange(3, device=device)
    assert terms.weights(each, 0.0).tolist() == terms.weights(each, 0.799).tolist() == [1, 1, 1]
    late = terms.weights(each, 0.8, torch.float64).cpu().numpy()
    expected = EffectiveNumber(beta=0.99)(N.astype(int), "abc", "t")
    np.testing.assert_allclose(late / late[0], expected / expected[0], rtol=1e-12)
    assert LDAM(reweight_from=1.0).prepare(priors_of()).weights(each, 1.0).tolist() == [1, 1, 1]


def test_vector_scaling_is_the_loss_of_kini(device):
    def equation(z, y):
        logits = (N / N.max()) ** 0.3 * z + 0.9 * np.log(PI)
        return -np.log(softmax(logits)[y])

    scores, targets, _ = by_equation(equation)
    scores = scores - scores.mean(axis=1, keepdims=True)  # where the logits of a linear layer lie
    expected = [equation(z, y) for z, y in zip(scores, targets, strict=True)]
    np.testing.assert_allclose(
        shown(VectorScaling(0.3, 0.9), priors_of(), scores, targets, device), expected, rtol=1e-12
    )


def test_cost_sensitive_is_the_cross_entropy_of_savings(device):
    costs = np.array([[0, 1, 3], [2, 0, 1], [9, 4, 0]])
    scores, targets, expected = by_equation(
        lambda z, y: -sum((costs[y].max() - costs[y, k]) * np.log(softmax(z)[k]) for k in range(3))
    )
    part = CostSensitive(COSTS).prepare(priors_of()).sums(*on(device, scores, targets), torch.ones(12, device=device))
    savings = (costs.max(axis=1, keepdims=True) - costs).sum(axis=1)[targets]
    assert part.mean().item() == pytest.approx(expected.sum() / savings.sum(), rel=1e-12)


def test_costs_of_errors_that_are_alike_are_cross_entropy(device):
    same = {"t": {y: {k: 5 for k in "abc" if k != y} for y in "abc"}}
    scores, targets = example_scores()
    loss = CostSensitive(same)
    np.testing.assert_allclose(
        shown(loss, priors_of(), scores, targets, device),
        shown(CrossEntropy(), priors_of(), scores, targets, device),
        rtol=1e-12,
    )
    np.testing.assert_allclose(loss.prepare(priors_of()).class_weights, 1, rtol=1e-12)
    elsewhere = CostSensitive({"another": {"x": {"y": 1}, "y": {"x": 9}}})
    np.testing.assert_allclose(elsewhere.prepare(priors_of()).class_weights, 1, rtol=1e-12)


def test_costs_of_two_labels_are_class_weights(device):
    costs = {"t": {"a": {"b": 1}, "b": {"a": 6}}}
    priors = priors_of({"a": 90, "b": 10})
    pair = CostSensitive(costs).prepare(priors), Weighted(CostMatrix(costs)).prepare(priors)
    np.testing.assert_allclose(pair[0].class_weights, pair[1].class_weights, rtol=1e-12)
    scores, targets = (
        torch.randn(6, 2, dtype=torch.float64, device=device),
        torch.tensor([0, 1, 0, 1, 1, 0], device=device),
    )
    torch.testing.assert_close(pair[0].values(scores, targets), pair[1].values(scores, targets))


@pytest.mark.parametrize("loss", [Focal(0.0), Weighted(Natural()), LogitAdjusted(0.0), LDAM(0.0), VectorScaling(0, 0)])
def test_switched_off_is_cross_entropy(loss, device):
    scores, targets = example_scores()
    expected = shown(CrossEntropy(), priors_of(), scores, targets, device)
    np.testing.assert_allclose(shown(loss, priors_of(), scores, targets, device), expected, rtol=1e-12)
    np.testing.assert_allclose(loss.prepare(priors_of()).class_weights, 1, rtol=1e-12)


def test_vector_scaling_without_factors_is_logit_adjustment(device):
    scores, targets = example_scores()
    found = shown(VectorScaling(0.0, 0.7), priors_of(), scores, targets, device)
    np.testing.assert_allclose(found, shown(LogitAdjusted(0.7), priors_of(), scores, targets, device), rtol=1e-12)


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_a_constant_in_the_scores_changes_nothing(loss, device):
    scores, targets = example_scores()
    moved = scores + np.linspace(-50, 50, 12)[:, None]
    np.testing.assert_allclose(
        shown(loss, priors_of(), moved, targets, device), shown(loss, priors_of(), scores, targets, device), rtol=1e-9
    )

"""What the losses learn: minimised over all functions of a small discrete input, against the theory."""

import numpy as np
import pytest
import torch
from tests.support.label_losses import COUNTS, priors_of, with_absent

from equipoise.losses.labels import (
    BalancedSoftmax,
    ClassBalancedFocal,
    CostSensitive,
    CrossEntropy,
    Focal,
    LogitAdjusted,
    VectorScaling,
    Weighted,
)
from equipoise.weights import Balanced, InverseFrequency, Natural, Power

# P(x|y) of four inputs, labels in rows.
INPUT = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.5, 0.1, 0.3], [0.2, 0.1, 0.2, 0.5]])
NATURAL = np.array(list(COUNTS.values())) / sum(COUNTS.values())


def posterior(prior):
    joint = prior[:, None] * INPUT
    return (joint / joint.sum(axis=0)).T


def learned(loss, priors, device, steps=200):
    """Scores [x, label] that minimise the expected loss: draws from q, weights p*/q times c."""
    terms, labels = loss.prepare(priors), len(priors.labels)
    # P(x, y) of a draw; labels without examples have no row in INPUT.
    drawn = torch.from_numpy(priors.drawn[: len(INPUT), None] * INPUT).flatten().to(device)
    targets = torch.arange(len(INPUT), device=device).repeat_interleave(INPUT.shape[1])
    importance = np.divide(priors.target, priors.drawn, out=np.zeros(labels), where=priors.drawn > 0)
    weight = drawn * torch.from_numpy(importance).to(device)[targets]
    scores = torch.zeros(INPUT.shape[1], labels, dtype=torch.float64, device=device, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [scores], max_iter=steps, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        mean = terms.sums(scores.repeat(len(INPUT), 1), targets, weight).mean()
        mean.backward()
        return mean

    optimiser.step(closure)
    return scores.detach().cpu().numpy()


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


PLANS = {
    "natural": priors_of(),
    "square root": priors_of(weights=Power(0.5)),
    "balanced": priors_of(weights=Balanced()),
    "natural for a balanced target": priors_of(target_weights=Balanced()),
    "balanced for a natural target": priors_of(weights=Balanced(), target_weights=Natural()),
}
UNIFORM = np.full(3, 1 / 3)


@pytest.mark.parametrize("priors", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize(
    ("loss", "prior"),
    [
        (CrossEntropy(), lambda priors: priors.target),
        (BalancedSoftmax(), lambda priors: UNIFORM),
        (LogitAdjusted(), lambda priors: UNIFORM),
        (LogitAdjusted(aim="target"), lambda priors: priors.target),
        (LogitAdjusted(tau=0.5), lambda priors: priors.drawn**0.5 / (priors.drawn**0.5).sum()),
        (VectorScaling(gamma=0.0), lambda priors: UNIFORM),
        (Weighted(Natural()), lambda priors: NATURAL),
        (Weighted(InverseFrequency()), lambda priors: UNIFORM),
        (Weighted(Power(0.5)), lambda priors: NATURAL**0.5 / (NATURAL**0.5).sum()),
        (Weighted(Balanced(), on_top=True), lambda priors: priors.target / NATURAL / (priors.target / NATURAL).sum()),
    ],
    ids=lambda value: "" if callable(value) and not hasattr(value, "prepare") else str(value),
)
def test_softmax_is_the_posterior_under_the_shares_aimed_at(loss, prior, priors, device):
    expected = prior(priors)
    np.testing.assert_allclose(softmax(learned(loss, priors, device)), posterior(expected), atol=1e-6)
    if not isinstance(loss, VectorScaling):
        np.testing.assert_allclose(loss.learned_prior(priors), expected, rtol=1e-9)


def test_weights_shift_the_log_odds_by_their_logarithm(device):
    plain, weighted = (learned(loss, PLANS["natural"], device) for loss in (CrossEntropy(), Weighted(Power(0.5))))
    shift = weighted - plain
    expected = -0.5 * np.log(NATURAL)
    np.testing.assert_allclose(shift - shift[:, :1], np.tile(expected - expected[0], (4, 1)), atol=1e-5)


@pytest.mark.parametrize("loss", [BalancedSoftmax(), LogitAdjusted(), Weighted(Balanced())], ids=str)
def test_decisions_have_the_smallest_balanced_error(loss, device):
    decided = learned(loss, PLANS["natural"], device).argmax(axis=1)
    errors = [
        np.mean([INPUT[y, np.array(rule) != y].sum() for y in range(3)]) for rule in np.ndindex(3, 3, 3, 3)
    ]  # every function from inputs to labels
    found = np.mean([INPUT[y, decided != y].sum() for y in range(3)])
    assert found == pytest.approx(min(errors), abs=1e-12)
    plain = learned(CrossEntropy(), PLANS["natural"], device).argmax(axis=1)
    assert np.mean([INPUT[y, plain != y].sum() for y in range(3)]) > found + 0.1


@pytest.mark.parametrize("priors", PLANS.values(), ids=PLANS)
def test_costs_decide_as_the_smallest_expected_cost(priors, device):
    costs = np.array([[0, 1, 3], [2, 0, 1], [9, 4, 0]])
    table = {"t": {y: {k: int(costs[i, j]) for j, k in enumerate("abc") if j != i} for i, y in enumerate("abc")}}
    scores = learned(CostSensitive(table), priors, device)
    truth = posterior(priors.target)
    assert scores.argmax(axis=1).tolist() == (truth @ costs).argmin(axis=1).tolist()
    savings = truth @ (costs.max(axis=1, keepdims=True) - costs)
    np.testing.assert_allclose(softmax(scores), savings / savings.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("loss", [Focal(2.0), ClassBalancedFocal(beta=0.0, gamma=2.0)], ids=str)
def test_focal_decides_alike_and_is_less_sure(loss, device):
    probabilities, truth = softmax(learned(loss, PLANS["natural"], device)), posterior(NATURAL)
    assert (probabilities.argmax(axis=1) == truth.argmax(axis=1)).all()
    assert (probabilities.max(axis=1) < truth.max(axis=1) - 1e-3).all()


@pytest.mark.parametrize("loss", [BalancedSoftmax(), LogitAdjusted(tau=0.5), Weighted(Balanced())], ids=str)
def test_a_label_that_is_never_drawn_is_learned_to_be_wrong_and_moves_no_other(loss, device):
    priors = priors_of()
    probabilities = softmax(learned(loss, with_absent(priors), device))
    assert probabilities[:, 3].max() < 1e-6
    np.testing.assert_allclose(probabilities[:, :3], posterior(loss.learned_prior(priors)), atol=1e-5)
    np.testing.assert_allclose(loss.learned_prior(with_absent(priors)), [*loss.learned_prior(priors), 0], rtol=1e-12)

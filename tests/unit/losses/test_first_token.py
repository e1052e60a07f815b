"""Logit adjustment on tokens: what it equals over labels, and when it is refused."""

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.label_losses import priors_of

from equipoise.errors import ConfigError
from equipoise.losses import TokenLoss
from equipoise.losses.first_token import FirstTokenAdjustment
from equipoise.losses.labels import LogitAdjusted
from equipoise.weights import Balanced

TOKENS = [[4, 1], [5, 6, 1], [7, 1]]


def label_scores(logits):
    """Sequence log-likelihoods of the labels; logits [prefix][V] after the empty prefix and after token 5."""
    first, second = (torch.log_softmax(row, -1) for row in logits)
    return torch.stack([first[4], first[5] + second[6], first[7]])


def test_shifts_the_first_tokens_of_labels_alone(device):
    adjusting = FirstTokenAdjustment.of(LogitAdjusted(tau=0.7), priors_of(), TOKENS)
    logits = torch.randn(2, 3, 9, dtype=torch.float64, device=device)
    moved = adjusting(logits) - logits
    expected = np.zeros(9)
    expected[[4, 5, 7]] = 0.7 * np.log(priors_of().drawn * 3)
    np.testing.assert_allclose(moved[:, 0].cpu().numpy(), np.tile(expected, (2, 1)), atol=1e-12)
    assert not moved[:, 1:].any()


def test_equals_the_adjustment_of_label_scores(device):
    # Of a model that gives only labels, the adjusted token probabilities multiply to the adjusted label ones.
    logits = torch.full((2, 9), -1e4, dtype=torch.float64, device=device)
    logits[0, [4, 5, 7]] = torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64, device=device)
    logits[1, 6] = 0.0
    priors = priors_of()
    adjusting = FirstTokenAdjustment.of(LogitAdjusted(), priors, TOKENS)
    adjusted = label_scores(adjusting(logits[None])[0])
    expected = torch.log_softmax(label_scores(logits) + torch.from_numpy(np.log(priors.drawn)).to(device), -1)
    torch.testing.assert_close(adjusted, expected)


def test_loss_of_a_batch_is_that_over_labels(device):
    priors = priors_of()
    adjusting = FirstTokenAdjustment.of(LogitAdjusted(), priors, [[4], [5], [7]])
    scores = torch.randn(3, 3, dtype=torch.float64, device=device)
    logits = torch.full((3, 1, 9), -1e4, dtype=torch.float64, device=device)
    logits[:, 0, [4, 5, 7]] = scores
    targets = torch.tensor([0, 1, 2], device=device)
    found = TokenLoss()(
        adjusting(logits),
        torch.tensor([[4], [5], [7]], device=device),
        torch.ones(3, dtype=torch.float64, device=device),
    )
    expected = LogitAdjusted().prepare(priors).sums(scores, targets, torch.ones(3, device=device))
    torch.testing.assert_close(found.mean(), expected.mean())


def test_takes_the_label_part_out_of_importance_weights():
    priors = priors_of(target_weights=Balanced())
    adjusting = FirstTokenAdjustment.of(LogitAdjusted(aim="target"), priors, TOKENS)
    np.testing.assert_allclose(adjusting.class_weights * priors.target, priors.drawn, rtol=1e-12)


def test_half_precision_logits_keep_the_digits_of_the_shift(device):
    adjusting = FirstTokenAdjustment.of(LogitAdjusted(), priors_of(), TOKENS)
    adjusted = adjusting(torch.zeros(1, 1, 9, dtype=torch.bfloat16, device=device))
    assert adjusted.dtype == torch.float32
    assert adjusted[0, 0, 7].item() == pytest.approx(np.log(9 / 709 * 3), rel=1e-6)


@pytest.mark.parametrize(
    ("tokens", "code", "said"),
    [
        ([[4, 1], [5, 1], [4, 6, 1]], "shared-first-token", "in task 't' labels 'a' and 'c' both begin with token 4"),
        ([[4, 1], [], [7, 1]], "no-token", "label 'b' of task 't' must have a token"),
        ([[4, 1], [5, 1]], "wrong-length", "token ids of the 3 labels of task 't', found 2"),
    ],
)
def test_refuses_labels_that_their_first_token_does_not_decide(tokens, code, said):
    with raises(ConfigError, code) as caught:
        FirstTokenAdjustment.of(LogitAdjusted(), priors_of(), tokens)
    assert said in str(caught.value)


def test_the_shift_of_a_shared_first_token_would_depend_on_the_input():
    # Why they are refused: labels "xp", "xq" and "y", at two inputs.
    prior = np.array([0.6, 0.08, 0.32])
    shifts = []
    for p in np.array([[0.55, 0.2, 0.25], [0.7, 0.05, 0.25]]):
        wanted = p / prior
        shifts.append(np.log(wanted[:2].sum() / wanted[2]) - np.log(p[:2].sum() / p[2]))
    assert abs(shifts[0] - shifts[1]) > 0.3

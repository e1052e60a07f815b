"""The token losses against numpy, and their independence of how examples are cut into batches."""

from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from tests.support.errors import raises

from equipoise.errors import ConfigError, DataError
from equipoise.losses import Per, TokenLoss, WeightedSum

VOCABULARY = 7
LOSSES = {
    "argvalues": [
        TokenLoss(per, gamma, smoothing)
        for per in get_args(Per)
        for gamma in (0.0, 0.5, 2.0)
        for smoothing in (0.0, 0.1)
    ],
    "ids": str,
}


def batch(
    examples: int = 6, positions: int = 5, device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(examples, positions, VOCABULARY, generator=generator)
    labels = torch.randint(0, VOCABULARY, (examples, positions), generator=generator)
    lengths = torch.randint(1, positions + 1, (examples, 1), generator=generator)
    labels[torch.arange(positions) >= lengths] = -100
    weight = torch.rand(examples, generator=generator) + 0.1
    return logits.to(device), labels.to(device), weight.to(device)


def by_hand(logits: NDArray, labels: NDArray, weight: NDArray, loss: TokenLoss) -> tuple[float, float]:
    total = mass = 0.0
    for row_logits, row_labels, w in zip(logits.astype(np.float64), labels, weight, strict=True):
        tokens = [(np.exp(z) / np.exp(z).sum(), y) for z, y in zip(row_logits, row_labels, strict=True) if y != -100]
        for p, y in tokens:
            target = np.full(VOCABULARY, loss.label_smoothing / VOCABULARY)
            target[y] += 1 - loss.label_smoothing
            total += w * (1 - p[y]) ** loss.gamma * -(target * np.log(p)).sum()
        mass += w * (len(tokens) if loss.per == "token" else bool(tokens))
    return total, mass


@pytest.mark.parametrize("loss", **LOSSES)
def test_equals_numpy(loss: TokenLoss, device: str):
    logits, labels, weight = batch(device=device)
    part = loss(logits, labels, weight)
    total, mass = by_hand(logits.cpu().numpy(), labels.cpu().numpy(), weight.cpu().numpy(), loss)
    assert part.total.item() == pytest.approx(total, rel=1e-6)
    assert part.weight.item() == pytest.approx(mass, rel=1e-6)
    assert loss.weight(labels, weight).item() == pytest.approx(mass, rel=1e-6)


def test_without_options_is_the_log_loss_of_scikit_learn(device):
    logits, labels, weight = (part[:, :1] if part.ndim > 1 else part for part in batch(device=device))
    p = torch.softmax(logits[:, 0].double(), dim=-1).cpu().numpy()
    expected = log_loss(labels[:, 0].cpu().numpy(), p, labels=range(VOCABULARY), sample_weight=weight.cpu().numpy())
    assert TokenLoss()(logits.double(), labels, weight.double()).mean().item() == pytest.approx(expected, rel=1e-6)


def test_smoothing_is_that_of_torch(device):
    logits, labels, weight = batch(device=device)
    expected = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), labels.flatten(), label_smoothing=0.2)
    found = TokenLoss("token", label_smoothing=0.2)(logits, labels, torch.ones_like(weight))
    assert found.mean().item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_focal_factor_is_of_the_probability_whatever_the_weight(device):
    logits, labels, _ = batch(device=device)
    once, twice = (TokenLoss(gamma=2.0)(logits, labels, w * torch.ones(6, device=device)).total.item() for w in (1, 2))
    assert twice == pytest.approx(2 * once, rel=1e-6)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_focal_is_finite_where_the_model_is_sure(gamma: float, dtype: torch.dtype, device: str):
    logits = torch.zeros(3, 1, VOCABULARY, dtype=dtype, device=device)
    logits[:, 0, 2] = torch.tensor([1e4, 18.0, -1e4], dtype=dtype, device=device)
    logits.requires_grad_()
    part = TokenLoss(gamma=gamma, label_smoothing=0.1)(
        logits, torch.full((3, 1), 2, device=device), torch.ones(3, device=device)
    )
    part.mean().backward()
    assert part.total.isfinite()
    assert logits.grad.isfinite().all()


def test_sequence_is_the_default(device):
    logits, labels, weight = batch(device=device)
    assert TokenLoss()(logits, labels, weight).weight.item() == pytest.approx(weight.sum().item())


@pytest.mark.parametrize("loss", **LOSSES)
@pytest.mark.parametrize("cuts", [[6], [1] * 6, [2, 4], [3, 2, 1]])
def test_loss_and_gradient_do_not_depend_on_the_cut(loss: TokenLoss, cuts: list[int], device: str):
    logits, labels, weight = batch(device=device)
    whole = logits.clone().requires_grad_()
    expected = loss(whole, labels, weight).mean()
    expected.backward()

    cut = logits.clone().requires_grad_()
    parts = [loss(z, y, w) for z, y, w in zip(cut.split(cuts), labels.split(cuts), weight.split(cuts), strict=True)]
    found = sum(parts[1:], parts[0]).mean()
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(cut.grad, whole.grad)


def test_two_ranks_with_accumulation_give_the_gradient_of_one_batch(device):
    # Each rank divides its sums by the mass of all ranks and micro-batches; the gradients then add up.
    logits, labels, weight = batch(examples=8, device=device)
    whole = logits.clone().requires_grad_()
    TokenLoss()(whole, labels, weight).mean().backward()

    cut = logits.clone().requires_grad_()
    mass = sum(
        TokenLoss().weight(y, w) for y, w in zip(labels.split([3, 1, 2, 2]), weight.split([3, 1, 2, 2]), strict=True)
    )
    for micro in torch.arange(8, device=device).split([3, 1, 2, 2]):
        (TokenLoss()(cut[micro], labels[micro], weight[micro]).total / mass).backward()
    torch.testing.assert_close(cut.grad, whole.grad)


def test_equal_examples_count_equally_whatever_their_length(device):
    logits = torch.zeros(2, 3, VOCABULARY, requires_grad=True, device=device)
    labels = torch.tensor([[1, 1, 1], [1, -100, -100]], device=device)
    part = TokenLoss()(logits, labels, torch.ones(2, device=device))
    part.mean().backward()
    per_token = logits.grad.abs().sum(dim=-1)
    assert per_token[0, 0].item() == pytest.approx(per_token[1, 0].item())
    assert part.weight.item() == 2.0


def test_weight_two_is_the_example_twice(device):
    logits, labels, _ = batch(examples=2, device=device)
    weighted = TokenLoss()(logits, labels, torch.tensor([2.0, 1.0], device=device)).mean()
    repeated = TokenLoss()(logits[[0, 0, 1]], labels[[0, 0, 1]], torch.ones(3, device=device)).mean()
    assert weighted.item() == pytest.approx(repeated.item())


@pytest.mark.parametrize("loss", **LOSSES)
def test_rows_without_a_target_change_nothing(loss: TokenLoss, device: str):
    logits, labels, weight = batch(device=device)
    expected = loss(logits, labels, weight)
    logits = torch.cat([logits, torch.randn(2, *logits.shape[1:], device=device)]).requires_grad_()
    labels = torch.cat([labels, torch.full((2, labels.shape[1]), -100, device=device)])
    found = loss(logits, labels, torch.cat([weight, torch.tensor([5.0, 9.0], device=device)]))
    found.total.backward()
    assert (found.total.item(), found.weight.item()) == pytest.approx((expected.total.item(), expected.weight.item()))
    assert logits.grad[-2:].abs().sum() == 0


@pytest.mark.parametrize("loss", **LOSSES)
@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (3, 4)])
def test_nothing_to_learn_is_zero_and_not_nan(shape: tuple[int, int], loss: TokenLoss, device: str):
    logits = torch.randn(*shape, VOCABULARY, requires_grad=True, device=device)
    part = loss(logits, torch.full(shape, -100, device=device), torch.ones(shape[0], device=device))
    part.mean().backward()
    assert (part.total.item(), part.weight.item(), part.mean().item()) == (0.0, 0.0, 0.0)
    assert not logits.grad.any()


@pytest.mark.parametrize("loss", **LOSSES)
def test_gradient(loss: TokenLoss, device: str):
    logits, labels, weight = batch(examples=3, positions=3, device=device)
    logits = logits.double().requires_grad_()

    def mean(z: torch.Tensor) -> torch.Tensor:
        return loss(z, labels, weight).mean()

    assert torch.autograd.gradcheck(mean, (logits,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(dtype: torch.dtype, device: str):
    logits, labels, weight = batch(device=device)
    half = (logits * 20).to(dtype).requires_grad_()
    part = TokenLoss()(half, labels, weight)
    assert part.total.dtype == torch.float32
    expected = TokenLoss()(half.detach().float(), labels, weight)
    assert part.total.item() == pytest.approx(expected.total.item(), rel=1e-6)
    part.mean().backward()
    assert half.grad.dtype == dtype
    assert half.grad.isfinite().all()


def test_mass_has_no_gradient(device):
    logits, labels, weight = batch(device=device)
    assert not TokenLoss()(logits, labels, weight.requires_grad_()).weight.requires_grad


def test_sums_add():
    parts = WeightedSum(torch.tensor(1.0), torch.tensor(2.0)) + WeightedSum(torch.tensor(3.0), torch.tensor(6.0))
    assert (parts.total.item(), parts.weight.item(), parts.mean().item()) == (4.0, 8.0, 0.5)


def test_refusals():
    logits, labels, weight = batch()
    for make, kind, code, said in (
        (lambda: TokenLoss("word"), ConfigError, "unknown-unit", "found 'word'"),  # type: ignore[arg-type]
        (lambda: TokenLoss(gamma=-1), ConfigError, "out-of-range", "`gamma` must be at least 0, found -1"),
        (lambda: TokenLoss(label_smoothing=1), ConfigError, "out-of-range", "must be in [0, 1), found 1"),
        (lambda: TokenLoss()(logits[:, :-1], labels, weight), DataError, "wrong-shape", "`logits` must have the shape"),
        (lambda: TokenLoss()(logits, labels, weight[:-1]), DataError, "wrong-shape", "one weight for each row"),
    ):
        with raises(kind, code) as caught:
            make()
        assert said in str(caught.value)

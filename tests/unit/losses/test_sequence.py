"""The sequence loss against numpy, and its independence of how examples are cut into batches."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from equipoise.errors import ConfigError, DataError
from equipoise.losses import Per, SumMass, loss_mass, sequence_loss

VOCABULARY = 7


def batch(examples: int = 6, positions: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(examples, positions, VOCABULARY, generator=generator)
    labels = torch.randint(0, VOCABULARY, (examples, positions), generator=generator)
    lengths = torch.randint(1, positions + 1, (examples, 1), generator=generator)
    labels[torch.arange(positions) >= lengths] = -100
    return logits, labels, torch.rand(examples, generator=generator) + 0.1


def by_hand(logits: NDArray, labels: NDArray, weight: NDArray, per: Per) -> tuple[float, float]:
    total = mass = 0.0
    for row_logits, row_labels, w in zip(logits.astype(np.float64), labels, weight, strict=True):
        tokens = [(z, y) for z, y in zip(row_logits, row_labels, strict=True) if y != -100]
        total += w * sum(-np.log(np.exp(z[y]) / np.exp(z).sum()) for z, y in tokens)
        mass += w * (len(tokens) if per == "token" else bool(tokens))
    return total, mass


@pytest.mark.parametrize("per", ["sequence", "token"])
def test_equals_numpy(per: Per):
    logits, labels, weight = batch()
    part = sequence_loss(logits, labels, weight, per)
    total, mass = by_hand(logits.numpy(), labels.numpy(), weight.numpy(), per)
    assert part.total.item() == pytest.approx(total, rel=1e-6)
    assert part.mass.item() == pytest.approx(mass, rel=1e-6)
    assert loss_mass(labels, weight, per).item() == pytest.approx(mass, rel=1e-6)


def test_sequence_is_the_default():
    logits, labels, weight = batch()
    assert sequence_loss(logits, labels, weight).mass.item() == pytest.approx(weight.sum().item())


@pytest.mark.parametrize("per", ["sequence", "token"])
@pytest.mark.parametrize("cuts", [[6], [1] * 6, [2, 4], [3, 2, 1]])
def test_loss_and_gradient_do_not_depend_on_the_cut(per: Per, cuts: list[int]):
    logits, labels, weight = batch()
    whole = logits.clone().requires_grad_()
    expected = sequence_loss(whole, labels, weight, per).mean()
    expected.backward()

    cut = logits.clone().requires_grad_()
    parts = [
        sequence_loss(z, y, w, per)
        for z, y, w in zip(cut.split(cuts), labels.split(cuts), weight.split(cuts), strict=True)
    ]
    found = sum(parts[1:], parts[0]).mean()
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(cut.grad, whole.grad)


def test_two_ranks_with_accumulation_give_the_gradient_of_one_batch():
    # Each rank divides its sums by the mass of all ranks and micro-batches; the gradients then add up.
    logits, labels, weight = batch(examples=8)
    whole = logits.clone().requires_grad_()
    sequence_loss(whole, labels, weight).mean().backward()

    cut = logits.clone().requires_grad_()
    mass = sum(loss_mass(y, w) for y, w in zip(labels.split([3, 1, 2, 2]), weight.split([3, 1, 2, 2]), strict=True))
    for micro in torch.arange(8).split([3, 1, 2, 2]):
        (sequence_loss(cut[micro], labels[micro], weight[micro]).total / mass).backward()
    torch.testing.assert_close(cut.grad, whole.grad)


def test_equal_examples_count_equally_whatever_their_length():
    logits = torch.zeros(2, 3, VOCABULARY, requires_grad=True)
    labels = torch.tensor([[1, 1, 1], [1, -100, -100]])
    part = sequence_loss(logits, labels, torch.ones(2))
    part.mean().backward()
    per_token = logits.grad.abs().sum(dim=-1)
    assert per_token[0, 0].item() == pytest.approx(per_token[1, 0].item())
    assert part.mass.item() == 2.0


def test_weight_two_is_the_example_twice():
    logits, labels, _ = batch(examples=2)
    weighted = sequence_loss(logits, labels, torch.tensor([2.0, 1.0])).mean()
    repeated = sequence_loss(logits[[0, 0, 1]], labels[[0, 0, 1]], torch.ones(3)).mean()
    assert weighted.item() == pytest.approx(repeated.item())


@pytest.mark.parametrize("per", ["sequence", "token"])
def test_rows_without_a_target_change_nothing(per: Per):
    logits, labels, weight = batch()
    expected = sequence_loss(logits, labels, weight, per)
    logits = torch.cat([logits, torch.randn(2, *logits.shape[1:])]).requires_grad_()
    labels = torch.cat([labels, torch.full((2, labels.shape[1]), -100)])
    found = sequence_loss(logits, labels, torch.cat([weight, torch.tensor([5.0, 9.0])]), per)
    found.total.backward()
    assert (found.total.item(), found.mass.item()) == pytest.approx((expected.total.item(), expected.mass.item()))
    assert logits.grad[-2:].abs().sum() == 0


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (3, 4)])
def test_nothing_to_learn_is_zero_and_not_nan(shape: tuple[int, int]):
    logits = torch.randn(*shape, VOCABULARY, requires_grad=True)
    part = sequence_loss(logits, torch.full(shape, -100), torch.ones(shape[0]))
    part.mean().backward()
    assert (part.total.item(), part.mass.item(), part.mean().item()) == (0.0, 0.0, 0.0)
    assert not logits.grad.any()


def test_gradient():
    logits, labels, weight = batch(examples=3, positions=3)
    logits = logits.double().requires_grad_()

    def mean(z: torch.Tensor) -> torch.Tensor:
        return sequence_loss(z, labels, weight).mean()

    assert torch.autograd.gradcheck(mean, (logits,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(dtype: torch.dtype):
    logits, labels, weight = batch()
    half = (logits * 20).to(dtype).requires_grad_()
    part = sequence_loss(half, labels, weight)
    assert part.total.dtype == torch.float32
    expected = sequence_loss(half.detach().float(), labels, weight)
    assert part.total.item() == pytest.approx(expected.total.item(), rel=1e-6)
    part.mean().backward()
    assert half.grad.dtype == dtype
    assert half.grad.isfinite().all()


def test_mass_has_no_gradient():
    logits, labels, weight = batch()
    assert not sequence_loss(logits, labels, weight.requires_grad_()).mass.requires_grad


def test_sums_add():
    parts = SumMass(torch.tensor(1.0), torch.tensor(2.0)) + SumMass(torch.tensor(3.0), torch.tensor(6.0))
    assert (parts.total.item(), parts.mass.item(), parts.mean().item()) == (4.0, 8.0, 0.5)


def test_refusals():
    logits, labels, weight = batch()
    with pytest.raises(ConfigError, match=r"`per` must be .* found 'word'"):
        sequence_loss(logits, labels, weight, "word")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="`logits` must have the shape"):
        sequence_loss(logits[:, :-1], labels, weight)
    with pytest.raises(DataError, match="`example_weight` must hold one weight for each row"):
        sequence_loss(logits, labels, weight[:-1])

"""Label losses as numbers: gradients, cuts of the batch, precision, extreme scores and priors."""

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.label_losses import BY_TEXT, COSTS, COUNTS, LOSSES, priors_of, with_absent

from equipoise.errors import DataError
from equipoise.losses.labels import BalancedSoftmax, CostSensitive, Focal, LabelPriors, LogitAdjusted, Weighted
from equipoise.weights import Balanced, Power


def batch(n=8, labels=3, dtype=torch.float64, device="cpu"):
    generator = torch.Generator().manual_seed(4)
    scores = -3 * torch.rand(n, labels, generator=generator, dtype=torch.float64).to(dtype)
    weight = 0.2 + torch.rand(n, generator=generator, dtype=torch.float64)
    return scores.to(device), (torch.arange(n) % labels).to(device), weight.to(device)


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_gradient(loss, device):
    scores, targets, _ = batch(device=device)
    terms = loss.prepare(priors_of(weights=Power(0.5)))
    assert torch.autograd.gradcheck(lambda z: terms.values(z, targets), scores.requires_grad_())


@pytest.mark.parametrize("cuts", [[8], [1] * 8, [3, 5], [2, 2, 2, 2]])
@pytest.mark.parametrize("loss", **BY_TEXT)
def test_sums_and_gradients_add_up_over_any_cut(loss, cuts, device):
    # Micro-batches and ranks are cuts: weights first, then each part's gradient over the weight of all.
    terms = loss.prepare(priors_of(weights=Power(0.5)))
    scores, targets, weight = batch(device=device)
    whole = scores.clone().requires_grad_()
    expected = terms.sums(whole, targets, weight, 0.9)
    expected.mean().backward()

    cut = scores.clone().requires_grad_()
    pieces = torch.arange(8, device=device).split(cuts)
    mass = sum((weight[rows] * terms.weights(targets[rows], 0.9, torch.float64)).sum() for rows in pieces)
    total = 0.0
    for rows in pieces:
        part = terms.sums(cut[rows], targets[rows], weight[rows], 0.9)
        (part.total / mass).backward()
        total += part.total.item()
    assert mass.item() == pytest.approx(expected.weight.item(), rel=1e-12)
    assert total == pytest.approx(expected.total.item(), rel=1e-12)
    torch.testing.assert_close(cut.grad, whole.grad, rtol=1e-12, atol=1e-15)


def test_an_example_alone_in_its_micro_batch_keeps_its_class_weight(device):
    terms = Weighted(Balanced()).prepare(priors_of({"a": 90, "b": 10}))
    scores = torch.zeros(2, 2, dtype=torch.float64, device=device)
    parts = [
        terms.sums(scores[i : i + 1], torch.tensor([i], device=device), torch.ones(1, device=device)) for i in range(2)
    ]
    assert [part.total.item() / np.log(2) for part in parts] == pytest.approx([5 / 9, 5.0])
    assert [part.weight.item() for part in parts] == pytest.approx([5 / 9, 5.0])


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_half_precision_scores_are_computed_in_single(loss, device):
    terms = loss.prepare(priors_of())
    scores, targets, _ = batch(dtype=torch.bfloat16, device=device)
    values = terms.values(scores.requires_grad_(), targets)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, terms.values(scores.detach().float(), targets), rtol=0, atol=0)
    values.sum().backward()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("loss", **BY_TEXT)
def test_finite_with_extreme_scores_and_priors(loss, dtype, device):
    rare = np.array([1 - 2.0**-50, 2.0**-50, 0.0])
    extreme = LabelPriors("t", ("a", "b", "c"), np.array([10**12, 1, 0]), rare, rare)
    for priors in (priors_of(), extreme, with_absent(priors_of())):
        fitted = LOSSES[0] if isinstance(loss, CostSensitive) and len(priors.labels) > 3 else loss
        terms, labels = fitted.prepare(priors), len(priors.labels)
        edges = torch.tensor([0.0, -1e-3, -20.0, -1e4], dtype=dtype, device=device)
        scores = torch.cartesian_prod(*[edges] * labels).requires_grad_()
        for label in range(labels):
            targets = torch.full((len(scores),), label, device=device)
            part = terms.sums(scores, targets, torch.ones(len(scores), device=device), 0.9)
            (gradient,) = torch.autograd.grad(part.total, scores)
            assert part.total.isfinite()
            assert part.weight.isfinite()
            assert gradient.isfinite().all()
            assert (terms.values(scores, targets) >= 0).all()


@pytest.mark.parametrize("loss", [*LOSSES, Focal(gamma=0.0)], ids=str)
def test_a_task_of_one_label_costs_nothing(loss, device):
    priors = priors_of({"only": 7})
    fitted = CostSensitive({"another": COSTS["t"]}) if isinstance(loss, CostSensitive) else loss
    scores = torch.tensor([[-3.0], [-1e4]], requires_grad=True, device=device)
    part = fitted.prepare(priors).sums(scores, torch.tensor([0, 0], device=device), torch.ones(2, device=device), 0.9)
    part.total.backward()
    assert (part.total.item(), part.weight.item()) == (0.0, 2.0)
    assert not scores.grad.any()


@pytest.mark.parametrize("loss", **BY_TEXT)
def test_no_rows(loss, device):
    scores = torch.zeros(0, 3, requires_grad=True, device=device)
    part = loss.prepare(priors_of()).sums(
        scores, torch.zeros(0, dtype=torch.int64, device=device), torch.zeros(0, device=device)
    )
    part.mean().backward()
    assert (part.total.item(), part.weight.item(), part.mean().item()) == (0.0, 0.0, 0.0)


def test_values_keep_their_digits_where_the_model_is_sure(device):
    # -log p is 1e-13 here, below the digits of 1 - p; a log-softmax in single precision gives it as 0.
    terms = LOSSES[3].prepare(priors_of({"a": 1, "b": 1}))
    value = terms.values(torch.tensor([[0.0, -30.0]], device=device), torch.tensor([0], device=device))
    assert value.item() == pytest.approx(np.exp(-30.0) ** 3, rel=1e-5)


@pytest.mark.parametrize(
    ("scores", "targets", "code", "said"),
    [
        (torch.zeros(2, 4), torch.tensor([0, 1]), "wrong-shape", "must have the shape (examples, 3)"),
        (torch.zeros(2, 3), torch.tensor([0]), "wrong-shape", "found (2, 3) and (1,)"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), "unknown-label", "columns from 0 to 2, found 0 to 3"),
        (torch.zeros(2, 3), torch.tensor([-1, 0]), "unknown-label", "columns from 0 to 2, found -1 to 0"),
    ],
)
def test_refuses_what_does_not_belong_together(scores, targets, code, said):
    with raises(DataError, code) as caught:
        BalancedSoftmax().prepare(priors_of()).values(scores, targets)
    assert said in str(caught.value)


def test_weights_refuse_unknown_labels_too(device):
    with raises(DataError, "unknown-label"):
        LogitAdjusted().prepare(priors_of(COUNTS)).weights(torch.tensor([-1], device=device))

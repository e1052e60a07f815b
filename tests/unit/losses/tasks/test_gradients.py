"""Gradient methods: the direction that their papers give for two gradients, and what is refused."""

import sys

import pytest
import torch
from tests.support.errors import raises
from torch.testing import assert_close

from equipoise.errors import ConfigError, StateError
from equipoise.losses.tasks import task_weighting
from equipoise.losses.tasks.gradients import GradientMethod, Gradients

pytest.importorskip("torchjd")


@pytest.fixture
def conflict(device) -> torch.Tensor:
    return torch.tensor([[1.0, 0.0], [-1.0, 1.0]], device=device)  # g_1 g_2 = -1


@pytest.fixture
def agree(device) -> torch.Tensor:
    return torch.tensor([[1.0, 0.0], [1.0, 1.0]], device=device)


def aggregated(method: GradientMethod, rows: torch.Tensor, parts: int = 1) -> torch.Tensor:
    """The gradient of two parameters when the losses have these rows; each part adds its share of the rows."""
    first, second = (torch.zeros(1, device=rows.device, requires_grad=True) for _ in range(2))
    for _ in range(parts):
        method.backward(rows @ torch.cat([first, second]) / parts, [first, second])
    method.finish([first, second])
    return torch.cat([first.grad, second.grad])


@pytest.mark.parametrize("parts", [1, 4])
def test_pcgrad_projects_each_gradient_on_the_normal_plane_of_the_other(parts, conflict, agree) -> None:
    g, h = conflict
    expected = (g - (g @ h) / (h @ h) * h) + (h - (g @ h) / (g @ g) * g)
    assert_close(aggregated(GradientMethod("PCGrad"), conflict, parts), expected)
    assert_close(aggregated(GradientMethod("PCGrad"), agree, parts), agree.sum(0))


@pytest.mark.parametrize("parts", [1, 4])
def test_upgrad_projects_each_gradient_on_the_dual_cone_and_averages(parts, conflict, agree, device) -> None:
    pytest.importorskip("quadprog")
    # The projections of (1, 0) and (-1, 1) on {x : G x >= 0} = {x_1 >= 0, x_2 >= x_1}.
    expected = (torch.tensor([0.5, 0.5], device=device) + torch.tensor([0.0, 1.0], device=device)) / 2
    assert_close(aggregated(GradientMethod("UPGrad"), conflict, parts), expected, atol=1e-3, rtol=0)
    assert_close(aggregated(GradientMethod("UPGrad"), agree, parts), agree.mean(0), atol=1e-3, rtol=0)


def test_mgda_takes_the_shortest_vector_of_the_convex_hull(conflict, device) -> None:
    # a (1, 0) + (1 - a) (-1, 1) is shortest at a = 3/5
    expected = torch.tensor([0.2, 0.4], device=device)
    assert_close(aggregated(GradientMethod("MGDA"), conflict), expected, atol=1e-2, rtol=0)


def test_cagrad_helps_both_tasks(conflict) -> None:
    pytest.importorskip("cvxpy")
    assert (conflict @ conflict.mean(0)).min() == 0
    assert (conflict @ aggregated(GradientMethod("CAGrad", c=0.5), conflict) > 0).all()


@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem that is not DPP")  # torchjd's NashMTL
def test_nash_mtl_gives_each_task_the_inverse_of_what_it_gets(conflict, device) -> None:
    pytest.importorskip("cvxpy")
    pytest.importorskip("ecos")
    rows = torch.tensor([[1.0, 0.0], [-0.9, 1.0]], device=device)
    update = aggregated(GradientMethod("NashMTL", n_tasks=2), rows)
    weights = torch.linalg.solve(rows.T, update)
    gains = weights * (rows @ update)  # all alike where G G' a = 1 / a, Navon et al. (2022), claim 3.2
    assert_close(gains[0], gains[1], rtol=0.05, atol=0)
    plain = rows @ rows.sum(0)
    assert plain[1] / plain[0] > 2, "with equal weights they would differ"


@pytest.mark.parametrize(
    ("chosen", "code", "said"),
    [
        ("gradients", "missing-option", "'aggregator'"),
        ({"name": "gradients", "aggregator": "UPGard"}, "unknown-name", "Did you mean 'UPGrad'"),
        ({"name": "gradients", "aggregator": "Aggregator"}, "unknown-name", "must be a class of torchjd.aggregation"),
        ({"name": "gradients", "aggregator": "PCGrad", "c": 1}, "bad-option", "PCGrad cannot be made of the options"),
    ],
)
def test_a_choice_that_cannot_be_used_is_refused(chosen, code, said) -> None:
    with raises(ConfigError, code) as caught:
        task_weighting(chosen, ["a", "b"])
    assert said in str(caught.value)


def test_options_of_the_aggregator_are_passed_on(agree, device) -> None:
    made = task_weighting({"name": "gradients", "aggregator": "Constant", "weights": [1.0, 3.0]}, ["a", "b"])
    assert isinstance(made, Gradients)
    assert made.options == {"aggregator": "Constant", "weights": [1.0, 3.0]}
    assert_close(aggregated(made.method, agree), torch.tensor([4.0, 3.0], device=device))


def test_without_torchjd_the_message_says_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with raises(ConfigError, "not-installed") as caught:
        GradientMethod("UPGrad")
    assert 'pip install "equipoise[gradients]"' in str(caught.value)


def test_a_list_of_options_becomes_a_tensor(agree, device) -> None:
    found = aggregated(GradientMethod("Constant", weights=[1.0, 3.0]), agree)
    assert_close(found, torch.tensor([4.0, 3.0], device=device))


def test_options_follow_the_parameters_to_their_device() -> None:
    found = aggregated(GradientMethod("Constant", weights=[1.0, 3.0]), torch.ones(2, 2, device="meta"))
    assert found.device.type == "meta"


def test_an_aggregator_with_memory_cannot_be_resumed() -> None:
    assert not GradientMethod("PCGrad").keeps_state
    state = Gradients(["a"], aggregator="PCGrad").state_dict()
    Gradients(["a"], aggregator="PCGrad").load_state_dict(state)
    remembering = Gradients(["a"], aggregator="GradVac")
    with raises(StateError, "cannot-resume") as caught:
        remembering.load_state_dict(remembering.state_dict())
    assert "GradVac depends on earlier steps" in str(caught.value)

"""Losses that were not logged yet: the logs of a resumed run are those of the uninterrupted one, bit by bit."""

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.support.errors import raises
from torch import Tensor

from equipoise.errors import StateError
from equipoise.trainer.unlogged import UnloggedLosses

STEPS, EVERY = 24, 5


@pytest.fixture
def arguments(device) -> Any:
    def make(rank: int = 0, ranks: int = 1, filtered: bool = False) -> Any:
        return SimpleNamespace(process_index=rank, world_size=ranks, device=device, logging_nan_inf_filter=filtered)

    return make


@pytest.fixture
def number(device) -> Callable[[float], Tensor]:
    return partial(torch.tensor, device=device)


def logged(losses: Tensor, unlogged: UnloggedLosses, begin: int, save_at: int = 0, folder: Any = None) -> dict:
    """As the Trainer logs: a sum in float32 from where it begins, over the steps since its last log."""
    logs, total, last = {}, torch.zeros((), device=losses.device), begin
    for step in range(begin, STEPS):
        total += unlogged.add(losses[step].clone(), step)
        if (step + 1) % EVERY == 0:
            found = {"loss": total.item() / (step + 1 - last), "learning_rate": 0.1}
            logs[step + 1] = unlogged.log(found, step + 1)["loss"]
            total, last = torch.zeros_like(total), step + 1
        if step + 1 == save_at:
            unlogged.save(folder)
    return logs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("save_at", [1, 4, 5, 6, 13, 19])
def test_a_resumed_run_logs_the_same(tmp_path, device, arguments, save_at, dtype) -> None:
    losses = (torch.rand(STEPS, generator=torch.Generator().manual_seed(save_at)) * 3).to(device, dtype)
    whole = logged(losses, UnloggedLosses(arguments()), 0, save_at, tmp_path)
    resumed = UnloggedLosses(arguments())
    resumed.begin(tmp_path, save_at)
    found = logged(losses, resumed, save_at)
    assert found == {step: loss for step, loss in whole.items() if step > save_at}
    assert len(found) == STEPS // EVERY - save_at // EVERY


def test_on_other_ranks_each_takes_the_mean(tmp_path, arguments, number) -> None:
    for rank, loss in enumerate((1.0, 2.0)):
        held = UnloggedLosses(arguments(rank, 2))
        held.add(number(loss), 0)
        held.save(tmp_path)
    for rank, ranks, expected in ((0, 1, 1.5), (1, 2, 2.0), (3, 4, 1.5)):
        resumed = UnloggedLosses(arguments(rank, ranks))
        resumed.begin(tmp_path, 1)
        assert resumed.add(number(10.0), 1) == 10 + expected
        assert resumed.add(number(10.0), 2) == 10, "only the first step returns them"


@pytest.mark.parametrize("total", ["nothing", "0x1p9999"])
def test_a_damaged_file_is_refused(tmp_path, arguments, total) -> None:
    (tmp_path / "equipoise_loss_0.json").write_text(json.dumps({"since": 0, "total": total}))
    with raises(StateError, "damaged-file"):
        UnloggedLosses(arguments()).begin(tmp_path, 1)


def test_logs_of_others_are_left_alone(arguments, number) -> None:
    unlogged = UnloggedLosses(arguments())
    unlogged.add(number(3.0), 0)
    assert unlogged.log({"loss": 7.0}, 1) == {"loss": 7.0}
    assert unlogged.log({"eval_loss": 7.0}, 1) == {"eval_loss": 7.0}


def test_a_loss_that_is_filtered_counts_as_the_trainer_counts_it(arguments, number) -> None:
    unlogged = UnloggedLosses(arguments(filtered=True))
    assert unlogged.add(number(3.0), 0) == 3
    assert unlogged.add(number(float("nan")), 1) == 1.5
    assert torch.isnan(UnloggedLosses(arguments()).add(number(float("nan")), 0))


def test_a_checkpoint_without_them_is_damaged(tmp_path, arguments) -> None:
    with raises(StateError, "damaged-file", "equipoise_loss_0.json"):
        UnloggedLosses(arguments()).begin(tmp_path, 1)


@pytest.mark.parametrize("save_at", [4, 5, 13])
def test_the_mean_of_a_resumed_run_is_that_of_all_its_steps(tmp_path, device, arguments, save_at) -> None:
    losses = (torch.rand(STEPS, generator=torch.Generator().manual_seed(save_at)) * 3).to(device)
    means = []
    whole, resumed = UnloggedLosses(arguments()), UnloggedLosses(arguments())
    logs = logged(losses, whole, 0, save_at, tmp_path)
    history = [{"loss": loss, "learning_rate": 0.1, "step": step} for step, loss in logs.items()]
    state = SimpleNamespace(log_history=[{"eval_loss": 9.0, "step": 3}, *history], global_step=STEPS)
    means.append(whole.mean(state))
    resumed.begin(tmp_path, save_at)
    logged(losses, resumed, save_at)
    means.append(resumed.mean(state))
    assert means[0] == means[1] == pytest.approx(losses.mean().item(), rel=1e-6)

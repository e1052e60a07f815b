"""A rank works out its rows alone: nothing is sent, nothing is waited for, and together the ranks draw the stream."""

import socket
import types
from itertools import islice

import numpy as np
import pytest
import torch.distributed as dist
from benchmarks.comparisons.kinds import KINDS, lengths_of, sampler_of
from tests.support.schedules import INDEX, OTHER, PLAN, WITHOUT_OPEN

from equipoise import Schedule, Shard

pytestmark = pytest.mark.slow
RANKS, ACCUMULATION = 64, 2
BATCH = RANKS * ACCUMULATION
DRAWS = 80 * BATCH


def refuses(name):
    def refuse(*_, **__):
        pytest.fail(f"a sampler called {name}")

    return refuse


@pytest.fixture
def no_network(monkeypatch):
    """Every function of torch.distributed and every new socket fails, questions for the rank included."""
    named = [name for name, value in vars(dist).items() if type(value) is types.FunctionType]
    assert {"all_gather", "all_reduce", "barrier", "broadcast", "get_rank", "is_initialized"} <= set(named)
    for name in named:
        monkeypatch.setattr(dist, name, refuses(f"torch.distributed.{name}"))
    monkeypatch.setattr(socket.socket, "__init__", refuses("socket"))
    with pytest.raises(pytest.fail.Exception):
        dist.get_world_size()
    with pytest.raises(pytest.fail.Exception):
        socket.socket()


def sampler(kind, shard=Shard(), accumulation=ACCUMULATION, plan=PLAN):  # noqa: B008 - frozen
    given = {"lengths": lengths_of(len(INDEX)), "weights": np.arange(len(INDEX)) % 9 + 0.5}
    return sampler_of(kind, plan, INDEX, given, shard, draws=DRAWS, batch=BATCH, accumulation=accumulation)


def steps(sampler, each, replan=None):
    """Rows of each step of the rest of an epoch and of the next one, the state saved and loaded between."""
    found = []
    for _ in range(2):
        rows = iter(sampler)
        while step := list(islice(rows, each)):
            found.append(np.ravel(np.array(step)))
            if replan and len(found) == 7:
                sampler.replan(replan)
        sampler.load_state_dict(sampler.state_dict())
    return found


@pytest.mark.parametrize(("kind", "changing"), [*((kind, False) for kind in KINDS), ("TokenBatches", True)])
def test_64_ranks_draw_the_stream_of_one_process_and_call_nobody(kind, changing, no_network):
    """Of one plan; and of a schedule that is changed on all ranks while they read."""
    plan = Schedule([(0, PLAN), (5 * BATCH, OTHER), (60 * BATCH, PLAN), (100 * BATCH, OTHER)]) if changing else PLAN
    replan = WITHOUT_OPEN if changing else None
    each = ACCUMULATION if kind == "TokenBatches" else BATCH // RANKS
    ranks = [steps(sampler(kind, Shard(rank, RANKS), plan=plan), each, replan) for rank in range(RANKS)]
    alone = steps(sampler(kind, accumulation=BATCH, plan=plan), BATCH, replan)
    assert {len(of_rank) for of_rank in ranks} == {len(alone)}
    for step, expected in enumerate(alone):
        together = np.concatenate([of_rank[step] for of_rank in ranks])
        assert np.array_equal(np.sort(together), np.sort(expected))

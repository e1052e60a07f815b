"""Real processes: the ranks of a gloo group draw disjoint parts of the one stream, with drifting global randomness."""

import os

import numpy as np
import pytest
import torch
import torch.distributed as dist
from tests.support.errors import raises
from tests.support.plans import imbalanced
from tests.support.processes import on_ranks
from torch.utils.data import DataLoader

from equipoise import LengthSorted, PlanSampler, Shard
from equipoise.errors import ConfigError

pytestmark = pytest.mark.distributed
D, BATCH = 960, 16  # draws of an epoch and rows of a global step


def make(shard, kind):
    plan, index = imbalanced()
    sampler = PlanSampler(plan, index, 5, D, shard, replacement=kind == "independent")
    if kind == "sorted":
        return LengthSorted(sampler, np.arange(len(index)) % 97 + 1, BATCH, window=8)
    return sampler


def steps(sampler, world_size, epochs):
    loader = DataLoader(range(1096), batch_size=BATCH // world_size, sampler=sampler, num_workers=1)
    for epoch in epochs:
        sampler.set_epoch(epoch)
        for batch in loader:
            torch.rand(int(batch[0]) % 7)  # ranks use unequal amounts of global randomness
            yield batch


def train(rank, world_size, folder, kind, epochs):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world_size)
    torch.manual_seed(rank)
    rows = []
    for batch in steps(make(Shard(rank, world_size), kind), world_size, epochs):
        parts = [torch.empty_like(batch) for _ in range(world_size)]
        dist.all_gather(parts, batch)
        rows.append(torch.cat(parts))
    if rank == 0:
        np.save(f"{folder}/rows.npy", torch.stack(rows).numpy())
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.parametrize("kind", ["plan", "independent", "sorted"])
@pytest.mark.parametrize("world_size", [2, 4])
def test_all_ranks_together_see_the_global_batches_of_one_process(tmp_path, kind, world_size):
    on_ranks(train, (world_size, str(tmp_path), kind, [0, 1]), world_size)
    together = np.load(tmp_path / "rows.npy")
    single = make(Shard(), kind)
    expected = [row for epoch in (0, 1) for row in (single.set_epoch(epoch), *single)[1:]]
    assert np.array_equal(np.sort(together), np.sort(np.array(expected).reshape(-1, BATCH)))


def shards(rank, world_size, folder):
    assert not {"RANK", "WORLD_SIZE"} & os.environ.keys(), "mp.spawn sets neither"
    assert Shard.from_environment(os.environ) == Shard(0, 1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world_size)
    assert Shard.from_environment(os.environ) == Shard(rank, world_size)
    assert Shard.from_environment({"RANK": str(rank), "WORLD_SIZE": str(world_size)}) == Shard(rank, world_size)
    for found in ({"RANK": "0", "WORLD_SIZE": "1"}, {"RANK": str(1 - rank), "WORLD_SIZE": "2"}, {"WORLD_SIZE": "3"}):
        with raises(ConfigError, "other-process-group", f"rank {rank} of 2"):
            Shard.from_environment(found)
    dist.destroy_process_group()


def test_a_shard_is_that_of_the_process_group(tmp_path):
    on_ranks(shards, (2, str(tmp_path)), 2)

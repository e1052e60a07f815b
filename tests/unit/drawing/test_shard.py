import pytest
from tests.support.errors import raises

from equipoise import Shard
from equipoise.errors import ConfigError


@pytest.mark.parametrize(("rank", "world_size"), [(1, 1), (-1, 2), (0, 0), (4, 4)])
def test_rank_must_be_below_world_size(rank, world_size):
    with raises(ConfigError, "rank-out-of-range", f"found rank {rank} of {world_size}"):
        Shard(rank, world_size)


def test_environment_of_torchrun():
    assert Shard.from_environment({}) == Shard(0, 1)
    assert Shard.from_environment({"RANK": "3", "WORLD_SIZE": "8"}) == Shard(3, 8)
    with raises(ConfigError, "rank-out-of-range"):
        Shard.from_environment({"RANK": "9", "WORLD_SIZE": "8"})
    with raises(ConfigError, "not-an-integer", "found 'one'"):
        Shard.from_environment({"RANK": "one", "WORLD_SIZE": "8"})

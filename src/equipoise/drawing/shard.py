"""Which part of the stream one process takes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from equipoise.base.values import integer
from equipoise.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Shard:
    """Rank and world size, as plain values.

    Rank r of W takes positions r, r + W, r + 2W, ... of the one stream. So with batches of b for each rank, step t of
    all ranks together trains on positions ``t*b*W`` to ``(t+1)*b*W - 1``, whatever W is: with ``b*W`` kept, a run
    resumes with the same global batches on another number of ranks.

    Parameters
    ----------
    rank : int
        From 0 to ``world_size - 1``.
    world_size : int
        Number of processes, at least 1.

    Raises
    ------
    ConfigError
        If one is not an integer, or the rank is not below the world size.

    Examples
    --------
    >>> Shard()
    Shard(rank=0, world_size=1)
    >>> Shard.from_environment({"RANK": "1", "WORLD_SIZE": "4"})
    Shard(rank=1, world_size=4)
    """

    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        for name in ("rank", "world_size"):
            object.__setattr__(self, name, integer(name, getattr(self, name)))
        if self.world_size < 1 or not 0 <= self.rank < self.world_size:
            raise ConfigError(
                "rank-out-of-range",
                f"`rank` must be from 0 to world_size - 1, found rank {self.rank} of {self.world_size}. "
                "Under torchrun use Shard.from_environment(os.environ).",
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Shard":
        """Return the shard that torchrun describes by RANK and WORLD_SIZE.

        Where they are not set, it is that of the process group of torch if one is initialised, as under `mp.spawn`, and
        otherwise the only one.

        Raises
        ------
        ConfigError
            If RANK and WORLD_SIZE are not a shard, or not that of the initialised process group.
        """
        group = _of_process_group()
        if group is not None and not {"RANK", "WORLD_SIZE"} & environment.keys():
            return cls(*group)
        texts = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
        try:
            rank, world_size = map(int, texts)
        except ValueError:
            message = f"RANK and WORLD_SIZE must be integers, found {texts[0]!r} and {texts[1]!r}. torchrun sets them."
            raise ConfigError("not-an-integer", message) from None
        if group is not None and group != (rank, world_size):
            raise ConfigError(
                "other-process-group",
                f"RANK and WORLD_SIZE must be those of the process group, rank {group[0]} of {group[1]}, found rank "
                f"{rank} of {world_size}. Use Shard(dist.get_rank(), dist.get_world_size()).",
            )
        return cls(rank, world_size)


def _of_process_group() -> tuple[int, int] | None:
    """Return rank and size of the process group of torch, if torch is loaded and has one; it is not imported here."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()

"""Which part of the stream one process takes."""

from collections.abc import Mapping
from dataclasses import dataclass

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
        """Return the shard that torchrun describes by RANK and WORLD_SIZE; the only one where they are not set."""
        texts = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
        try:
            rank, world_size = map(int, texts)
        except ValueError:
            message = f"RANK and WORLD_SIZE must be integers, found {texts[0]!r} and {texts[1]!r}. torchrun sets them."
            raise ConfigError("not-an-integer", message) from None
        return cls(rank, world_size)

"""Batches of a sampler's stream, and the position of training in it, which the sampler has drawn ahead of."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from torch.utils.data import DataLoader, Dataset

from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.loaders.checks import check_rows, check_token_batches, inner_sampler
from equipoise.samplers import LengthSorted, PlanSampler, TokenBatches, WeightedSampler

StreamSampler = PlanSampler | WeightedSampler | LengthSorted | TokenBatches
MakeSampler = Callable[[Shard], StreamSampler]


class Drawn:
    """The batches of one rank of a sampler."""

    KEY = "sampler"
    """Of its state in that of a loader."""

    def __init__(
        self,
        dataset: Dataset[Any],
        make_sampler: MakeSampler | None,
        shard: Shard,
        batch_size: int | None,
        per_step: int,
        options: dict[str, Any],
    ) -> None:
        if make_sampler is None:
            raise ConfigError(
                "no-sampler",
                f"`make_sampler` must return the sampler of a shard, found None with a {type(dataset).__name__} as "
                "`dataset`. Data that can only be read in order are passed as a ShardedStream.",
            )
        self.sampler = sampler = make_sampler(shard)
        examples = len(cast(Any, dataset))  # `Dataset` has no length, every one with numbered rows has
        inner = inner_sampler(sampler)
        found = getattr(inner, "shard", None)
        if found != shard:
            raise ConfigError(
                "other-shard",
                f"`make_sampler` must return a sampler of the shard that is passed to it, {shard}, found {found}. "
                "Pass it on: shard=shard.",
            )
        self._shard, self._batch_size = shard, batch_size
        self._per_epoch = len(inner) * shard.world_size
        if isinstance(sampler, TokenBatches):
            check_token_batches(sampler, batch_size, per_step, examples)
            self.loader: DataLoader[Any] = DataLoader(dataset, batch_sampler=sampler, **options)
        else:
            if batch_size is None:
                reason = "`batch_size`, the rows of a batch of one rank, must be set with this sampler."
                raise ConfigError("no-batch-size", reason)
            check_rows(sampler, batch_size * per_step, examples)
            self.loader = DataLoader(dataset, batch_size, sampler=sampler, **options)
        self._begin_here()

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches from the next one to the end of the epoch."""
        if self._broken_off:
            self.continue_here()
        self._broken_off = True
        yield from self.loader
        # Batches are counted from where the sampler begins an epoch, and it begins the next one only when it is read.
        self._begin_here()
        self.sampler.set_epoch(self._began // self._per_epoch)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._position // self._per_epoch

    def set_epoch(self, epoch: int) -> None:
        """Move to the beginning of an epoch, unless training is inside it already."""
        now, inside = divmod(self._position, self._per_epoch)
        if self._batches and inside and epoch == now:
            return
        self.sampler.set_epoch(epoch)
        if not inside or epoch != now:
            self._began = epoch * self._per_epoch
        self._batches = 0

    def continue_here(self) -> None:
        """Let the next iteration over `loader` begin behind the last batch: the sampler has drawn ahead of it."""
        self.load_state_dict(self.state_dict())

    def done(self) -> None:
        """Count a batch that was trained on."""
        self._batches += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the sampler behind the last batch that was trained on."""
        if isinstance(self.sampler, TokenBatches):
            return self.sampler.state_dict(batches=self._batches)
        return self.sampler.state_dict(position=self._position)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration begin there; StateError if the state is not one of this sampler."""
        self.sampler.load_state_dict(state)
        self._begin_here()

    def _begin_here(self) -> None:
        self._began, self._batches, self._broken_off = self.sampler.position, 0, False

    @property
    def _position(self) -> int:
        """Draws that all ranks together have trained on."""
        if self._batch_size is None:  # batches of TokenBatches differ in rows
            return self.state_dict()["sampler"]["position"]
        return self._began + self._batches * self._batch_size * self._shard.world_size

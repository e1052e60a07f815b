"""The position of training in the stream of a sampler, counted by batches trained on: loaders read ahead of that."""

from typing import Any

from equipoise.loaders.checks import inner_sampler
from equipoise.samplers import LengthSorted, PlanSampler, TokenBatches, WeightedSampler

RowSampler = PlanSampler | WeightedSampler | LengthSorted


class TrainedRows:
    """Count the draws that were trained on, of the sampler of rows of this rank and in batches of `batch_size`."""

    def __init__(self, sampler: RowSampler, batch_size: int) -> None:
        self.sampler = sampler
        ranks = inner_sampler(sampler).shard.world_size
        self._at_once, self._per_epoch = batch_size * ranks, len(sampler) * ranks
        self.loaded()

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._position // self._per_epoch

    def batch_done(self) -> None:
        """Count a batch of every rank."""
        self._position += self._at_once

    def epoch_done(self) -> None:
        """Move to the next epoch, as the sampler does by itself."""

    def set_epoch(self, epoch: int) -> None:
        """Move to the beginning of an epoch, unless training is inside it already."""
        self.sampler.set_epoch(epoch)
        if epoch != self.epoch:
            self._position = epoch * self._per_epoch

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the sampler at the position of training."""
        return self.sampler.state_dict(position=self._position)

    def loaded(self) -> None:
        """Begin at the position of the sampler, which has loaded a state."""
        self._position = self.sampler.position


class TrainedTokenBatches:
    """Count the batches that were trained on, of the `TokenBatches` of this rank, which differ in rows."""

    def __init__(self, sampler: TokenBatches) -> None:
        self.sampler = sampler
        self._batches = 0  # of this rank since the beginning of the epoch or a loaded state

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self.state_dict()["sampler"]["position"] // self.sampler.sampler.draws_per_epoch

    def batch_done(self) -> None:
        """Count a batch of every rank."""
        self._batches += 1

    def epoch_done(self) -> None:
        """Move to the next epoch, as the sampler does by itself."""
        # Its batches are counted from where it begins an epoch, and it begins this one only when it is read.
        self.set_epoch(self.sampler.sampler.epoch)

    def set_epoch(self, epoch: int) -> None:
        """Move to the beginning of an epoch, unless training is inside it already."""
        position, per_epoch = self.state_dict()["sampler"]["position"], self.sampler.sampler.draws_per_epoch
        if self._batches and position % per_epoch and position // per_epoch == epoch:
            return
        self.sampler.set_epoch(epoch)
        self._batches = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the sampler at the position of training."""
        return self.sampler.state_dict(batches=self._batches)

    def loaded(self) -> None:
        """Begin at the position of the sampler, which has loaded a state."""
        self._batches = 0

"""A loader for hand-written loops: the batches of a rank in whole optimiser steps, and the state to resume from."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import torch
from torch.utils.data import Dataset

from equipoise.base.states import check_state, differences
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, RunError, StateError
from equipoise.iterable import ShardedStream
from equipoise.loaders.drawn import Drawn, MakeSampler, StreamSampler
from equipoise.loaders.read import Read

_STATE: dict[str, Any] = {"step": range(1 << 59), "global_batch": int | None}


class StreamLoader:
    """The batches of one rank of a stream, and the position of training in it.

    The stream is that of a sampler, or data that can only be read in order: a `ShardedStream`. Iterate over it once an
    epoch; a `ShardedStream` is read without an end, one epoch after the other, so count steps there. The loader counts
    the batches that it has returned, not those that its workers read ahead, so a state taken after an optimiser step
    resumes with the next one: in any epoch, and on another number of ranks if batch size x accumulation x ranks stays
    the same.

    Parameters
    ----------
    dataset : Dataset or ShardedStream
        With numbered rows; or a stream, of which nothing is set but what it reads and `transform`.
    make_sampler : callable, optional
        Returns the sampler of a `Shard`, which is that of this rank: a `PlanSampler`, `WeightedSampler`,
        `LengthSorted` or `TokenBatches`. An epoch must be whole optimiser steps. None with a `ShardedStream`.
    batch_size : int, optional
        Rows of a batch of one rank. Needed by all but `TokenBatches`, which makes the batches itself.
    accumulation : int, default 1
        Batches of a rank in an optimiser step.
    shard : Shard, default Shard(0, 1)
        Rank and world size. Under torchrun ``Shard.from_environment(os.environ)``.
    **options
        Further options of `torch.utils.data.DataLoader`: `collate_fn`, `num_workers`, `pin_memory`...

    Attributes
    ----------
    step : int
        Optimiser steps whose batches were all returned.
    sampler : sampler or None
        The one that `make_sampler` returned.
    loader : iterable
        What is underneath, which does not count: with a sampler a `torch.utils.data.DataLoader`.

    Raises
    ------
    ConfigError
        If the sampler draws another part of the stream or from another dataset, or its epoch is not whole steps; or if
        a `ShardedStream` divides itself, or has a sampler.

    Notes
    -----
    The seeds of the workers come from a separate generator, so that reading changes no random number of the model.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}), weights="natural")
    >>> index = StratumIndex.from_sizes(plan)
    >>> def make_sampler(shard):
    ...     return PlanSampler(plan, index, seed=0, shard=shard)
    >>> loader = StreamLoader(range(12), make_sampler, batch_size=2, accumulation=2)
    >>> for batches in loader.steps():  # the micro-batches of one optimiser step
    ...     if loader.step == 2:
    ...         break
    >>> resumed = StreamLoader(range(12), make_sampler, batch_size=4)
    >>> resumed.load_state_dict(loader.state_dict())
    >>> rest = torch.cat(list(resumed)).tolist()
    >>> rest == list(make_sampler(Shard()))[8:], resumed.step, resumed.epoch
    (True, 3, 1)
    >>> reading = StreamLoader(ShardedStream(range(5)), batch_size=2, accumulation=2)
    >>> [torch.cat(batches).tolist() for batches in islice(reading.steps(), 3)]
    [[0, 1, 2, 3], [4, 0, 1, 2], [3, 4, 0, 1]]
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        make_sampler: MakeSampler | None = None,
        *,
        batch_size: int | None = None,
        accumulation: int = 1,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        **options: Any,
    ) -> None:
        if accumulation < 1:
            raise ConfigError("no-accumulation", f"`accumulation` must be at least 1, found {accumulation}.")
        self.step = 0
        self.accumulation = accumulation
        self._shard = shard
        self._generator = torch.Generator()
        options["generator"] = self._generator
        per_step = accumulation * shard.world_size
        self.sampler: StreamSampler | None = None
        if isinstance(dataset, ShardedStream):
            if make_sampler is not None:
                reason = "`make_sampler` must be None with a ShardedStream, found one: a stream is read in its order."
                raise ConfigError("not-indexable", f"{reason} Leave it out.")
            self._source: Drawn | Read = Read(dataset, shard, batch_size, options)
        else:
            self._source = Drawn(dataset, make_sampler, shard, batch_size, per_step, options)
            self.sampler = self._source.sampler
        self.loader: Iterable[Any] = self._source.loader
        of_tokens = batch_size is None  # batches of TokenBatches differ in rows
        self.global_batch = None if of_tokens else batch_size * per_step
        self._begin()

    def __len__(self) -> int:
        """Return the number of batches of this rank in a whole epoch; TypeError with a `ShardedStream`."""
        return len(cast(Any, self.loader))

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of this rank, from the next one to the end of the epoch."""
        for batch in self._source:
            self.batch_done()
            yield batch

    def steps(self) -> Iterator[list[Any]]:
        """Iterate likewise over whole optimiser steps: lists of their micro-batches."""
        batches = iter(self)
        while step := list(islice(batches, self.accumulation)):
            yield step

    @property
    def epoch(self) -> int:
        """The epoch of the next batch, from which a loop resumes; of a `ShardedStream`, that of the last batch."""
        return self._source.epoch

    @property
    def batches_in_step(self) -> int:
        """Batches returned of an optimiser step that is not complete yet."""
        return self._in_step

    def set_epoch(self, epoch: int) -> None:
        """Move to the beginning of an epoch, counted from 0, unless training is inside it already; optional.

        Raises
        ------
        ConfigError
            With a `ShardedStream`, whose epochs are not those of a loop.
        """
        self._source.set_epoch(epoch)

    def continue_here(self) -> None:
        """Let the next iteration over `loader` begin with the next batch, whatever was read ahead."""
        self._source.continue_here()

    def batch_done(self) -> None:
        """Count a batch, if something else iterates over `loader`, as Lightning does."""
        self._source.done()
        self._in_step += 1
        if self._in_step == self.accumulation:
            self.step, self._in_step = self.step + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume from: JSON-serialisable, of constant size, the same on all ranks.

        Returns
        -------
        dict

        Raises
        ------
        RunError
            If an optimiser step is not complete: the gradients of its first micro-batches would be lost.
        """
        if self._in_step:
            raise RunError(
                "inside-step",
                f"A state can be saved only at the end of an optimiser step, found {self._in_step} of its "
                f"{self.accumulation} micro-batches done. Save after the step of the optimiser.",
            )
        return {"step": self.step, "global_batch": self.global_batch, self._source.KEY: self._source.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume at a state; the number of ranks may be another.

        Parameters
        ----------
        state : mapping
            The value that `state_dict` returned.

        Raises
        ------
        StateError
            If it is not such a state, or of another plan, seed, dataset, stream or global batch.
        """
        check_state(state, "StreamLoader", {**_STATE, self._source.KEY: Mapping[str, Any]})
        name = "draws per optimiser step (batch size x accumulation x ranks)"
        changed = differences({name: state["global_batch"]}, {name: self.global_batch})
        if changed:
            advice = "Restore the old values, or start a new run."
            raise StateError("other-stream", f"The state cannot be resumed: {changed[0]}. {advice}")
        self._source.load_state_dict(state[self._source.KEY])
        self.step = state["step"]
        self._begin()

    def _begin(self) -> None:
        self._in_step = 0
        # The seeds of the workers differ between ranks and between steps.
        self._generator.manual_seed(self.step * self._shard.world_size + self._shard.rank)

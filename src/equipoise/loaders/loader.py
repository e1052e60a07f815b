"""A loader for hand-written loops: the batches of a rank in whole optimiser steps, and the state to resume from."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset

from equipoise.base.states import check_state, differences
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, RunError, StateError
from equipoise.loaders.checks import check_rows, check_token_batches, inner_sampler
from equipoise.samplers import LengthSorted, PlanSampler, TokenBatches, WeightedSampler

MakeSampler = Callable[[Shard], PlanSampler | WeightedSampler | LengthSorted | TokenBatches]
_STATE: dict[str, Any] = {"step": range(1 << 59), "global_batch": int | None, "sampler": Mapping[str, Any]}


class StreamLoader:
    """The batches of one rank of the stream of a sampler, and the position of training in it.

    Iterate over it once an epoch. It counts the batches that it has returned, not those that its workers read ahead,
    so a state taken after an optimiser step resumes with the next one: in any epoch, and on another number of ranks
    if batch size x accumulation x ranks stays the same.

    Parameters
    ----------
    dataset : Dataset
        With numbered rows.
    make_sampler : callable
        Returns the sampler of a `Shard`, which is that of this rank: a `PlanSampler`, `WeightedSampler`,
        `LengthSorted` or `TokenBatches`. An epoch must be whole optimiser steps.
    batch_size : int, optional
        Rows of a batch of one rank. Needed by every sampler but `TokenBatches`, which makes the batches itself.
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
    sampler : sampler
        The one that `make_sampler` returned.
    loader : torch.utils.data.DataLoader
        The loader underneath, which does not count.

    Raises
    ------
    ConfigError
        If the sampler draws another part of the stream or from another dataset, or its epoch is not whole steps.

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
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        make_sampler: MakeSampler,
        *,
        batch_size: int | None = None,
        accumulation: int = 1,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        **options: Any,
    ) -> None:
        if accumulation < 1:
            raise ConfigError("no-accumulation", f"`accumulation` must be at least 1, found {accumulation}.")
        self.sampler = sampler = make_sampler(shard)
        self.step = 0
        self.accumulation = accumulation
        per_step = accumulation * shard.world_size
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
        self._generator = torch.Generator()
        options["generator"] = self._generator
        if isinstance(sampler, TokenBatches):
            check_token_batches(sampler, batch_size, per_step, examples)
            self.global_batch = None
            self.loader: DataLoader[Any] = DataLoader(dataset, batch_sampler=sampler, **options)
        else:
            if batch_size is None:
                reason = "`batch_size`, the rows of a batch of one rank, must be set with this sampler."
                raise ConfigError("no-batch-size", reason)
            self.global_batch = batch_size * per_step
            check_rows(sampler, self.global_batch, examples)
            self.loader = DataLoader(dataset, batch_size, sampler=sampler, **options)
        self._begin()

    def __len__(self) -> int:
        """Return the number of batches of this rank in a whole epoch."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of this rank, from the next one to the end of the epoch."""
        if self._broken_off:
            self.continue_here()
        self._broken_off = True
        for batch in self.loader:
            self.batch_done()
            yield batch
        self._broken_off = False
        # Batches are counted from where the sampler begins an epoch, and it begins the next one only when it is read.
        self._began, self._batches = self.sampler.position, 0
        self.sampler.set_epoch(self._began // self._per_epoch)

    def steps(self) -> Iterator[list[Any]]:
        """Iterate likewise over whole optimiser steps: lists of their micro-batches."""
        batches = iter(self)
        while step := list(islice(batches, self.accumulation)):
            yield step

    @property
    def epoch(self) -> int:
        """The epoch of the next batch, from which a loop resumes."""
        return self._position // self._per_epoch

    @property
    def batches_in_step(self) -> int:
        """Batches returned of an optimiser step that is not complete yet."""
        return self._in_step

    def set_epoch(self, epoch: int) -> None:
        """Move to the beginning of an epoch, counted from 0, unless training is inside it already; optional."""
        now, inside = divmod(self._position, self._per_epoch)
        if self._batches and inside and epoch == now:
            return
        self.sampler.set_epoch(epoch)
        if not inside or epoch != now:
            self._began = epoch * self._per_epoch
        self._batches = 0

    def continue_here(self) -> None:
        """Let the next iteration over `loader` begin with the next batch: the sampler has read ahead of the last."""
        self.sampler.load_state_dict(self._sampler_state())
        self._began, self._batches = self.sampler.position, 0

    def batch_done(self) -> None:
        """Count a batch, if something else iterates over `loader`, as Lightning does."""
        self._batches += 1
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
        return {"step": self.step, "global_batch": self.global_batch, "sampler": self._sampler_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume at a state; the number of ranks may be another.

        Parameters
        ----------
        state : mapping
            The value that `state_dict` returned.

        Raises
        ------
        StateError
            If it is not such a state, or of another plan, seed, dataset or global batch.
        """
        check_state(state, "StreamLoader", _STATE)
        name = "draws per optimiser step (batch size x accumulation x ranks)"
        changed = differences({name: state["global_batch"]}, {name: self.global_batch})
        if changed:
            advice = "Restore the old values, or start a new run."
            raise StateError("other-stream", f"The state cannot be resumed: {changed[0]}. {advice}")
        self.sampler.load_state_dict(state["sampler"])
        self.step = state["step"]
        self._begin()

    def _begin(self) -> None:
        self._began, self._batches = self.sampler.position, 0
        self._in_step, self._broken_off = 0, False
        # The seeds of the workers differ between ranks and between steps.
        self._generator.manual_seed(self.step * self._shard.world_size + self._shard.rank)

    @property
    def _position(self) -> int:
        """Draws that all ranks together have trained on; the sampler has read ahead of that."""
        if self._batch_size is None:  # batches of TokenBatches differ in rows
            return self._sampler_state()["sampler"]["position"]
        return self._began + self._batches * self._batch_size * self._shard.world_size

    def _sampler_state(self) -> dict[str, Any]:
        if isinstance(self.sampler, TokenBatches):
            return self.sampler.state_dict(batches=self._batches)
        return self.sampler.state_dict(position=self._position)

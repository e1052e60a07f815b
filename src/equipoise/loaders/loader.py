"""A loader for a loop of one's own: this rank's batches in whole optimiser steps, and the state to resume from."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset

from equipoise.drawing import Shard
from equipoise.errors import ConfigError, RunError, StateError
from equipoise.loaders.checks import check_rows, check_shard, check_token_batches, inner_sampler
from equipoise.loaders.progress import RowSampler, TrainedRows, TrainedTokenBatches
from equipoise.samplers import TokenBatches

MakeSampler = Callable[[Shard], RowSampler | TokenBatches]


class StreamLoader:
    """This rank's batches of a sampler's stream, and where in it training is.

    Iterate over it once an epoch. It counts what it has handed out, whatever its workers read ahead, so that a state
    taken after an optimiser step resumes with the next one: in any epoch, and on another number of ranks as long as
    batch size x accumulation x ranks stays.

    Parameters
    ----------
    dataset : Dataset
        With numbered rows.
    make_sampler : callable
        From the `Shard` of this rank to its sampler: `PlanSampler`, `WeightedSampler`, `LengthSorted` or
        `TokenBatches`. An epoch must be whole optimiser steps.
    batch_size : int, optional
        Rows of one batch of one rank. `TokenBatches` makes batches of its own; every other sampler needs it.
    accumulation : int, default 1
        Batches of a rank in one optimiser step.
    shard : Shard, default Shard(0, 1)
        Rank and world size. Under torchrun ``Shard.from_environment(os.environ)``.
    **options
        Further options of `torch.utils.data.DataLoader`: `collate_fn`, `num_workers`, `pin_memory`...

    Attributes
    ----------
    step : int
        Optimiser steps that were handed out whole.
    sampler : sampler
        What `make_sampler` made.
    loader : torch.utils.data.DataLoader
        The loader beneath; it does not count.

    Raises
    ------
    ConfigError
        If the sampler takes another part of the stream, is of another dataset, or its epoch is not whole steps.

    Notes
    -----
    Workers get their seeds from a generator of the loader's own, so that reading changes no random number of the
    model's.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}))
    >>> index = StratumIndex.from_sizes(plan.counts)
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
            raise ConfigError(f"`accumulation` must be at least 1, found {accumulation}.")
        self.sampler = sampler = make_sampler(shard)
        self.step = 0
        self.accumulation = accumulation
        per_step = accumulation * shard.world_size
        examples = len(cast(Any, dataset))  # `Dataset` promises no length, every one with numbered rows has it
        check_shard(sampler, shard)
        self._generator = torch.Generator()
        options["generator"] = self._generator
        if isinstance(sampler, TokenBatches):
            check_token_batches(sampler, batch_size, per_step, examples)
            self.global_batch = None
            self._trained = TrainedTokenBatches(sampler)
            self.loader: DataLoader[Any] = DataLoader(dataset, batch_sampler=sampler, **options)
        else:
            if batch_size is None:
                raise ConfigError("`batch_size` must be given with this sampler: the rows of a batch of one rank.")
            self.global_batch = batch_size * per_step
            check_rows(sampler, self.global_batch, examples)
            self._trained = TrainedRows(sampler, batch_size)
            self.loader = DataLoader(dataset, batch_size, sampler=sampler, **options)
        self._begin()

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """Batches of this rank, from where training is to the end of the epoch."""
        if self._broken_off:
            # The sampler has read on from where the last iteration began.
            self.sampler.load_state_dict(self._trained.state_dict())
            self._trained.loaded()
        self._broken_off = True
        for batch in self.loader:
            self.batch_done()
            yield batch
        self._broken_off = False
        self._trained.epoch_done()

    def steps(self) -> Iterator[list[Any]]:
        """The same in whole optimiser steps: a list of the micro-batches of each."""
        batches = iter(self)
        while step := list(islice(batches, self.accumulation)):
            yield step

    @property
    def epoch(self) -> int:
        """The epoch that the next batch is of; in it is the place to resume."""
        return self._trained.epoch

    @property
    def batches_in_step(self) -> int:
        """Batches that were handed out of an optimiser step that is not whole yet."""
        return self._in_step

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, unless training is inside it already; nobody has to.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        self._trained.set_epoch(epoch)

    def batch_done(self) -> None:
        """Count a batch, where something else iterates over `loader`, as Lightning does."""
        self._trained.batch_done()
        self._in_step += 1
        if self._in_step == self.accumulation:
            self.step, self._in_step = self.step + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """State to resume from: JSON-serialisable, of constant size, the same on all ranks.

        Returns
        -------
        dict

        Raises
        ------
        RunError
            In the middle of an optimiser step: the gradients of its first micro-batches would be lost.
        """
        if self._in_step:
            raise RunError(
                f"A state can be saved at the end of an optimiser step, found {self._in_step} of its "
                f"{self.accumulation} micro-batches done. Save after the step of the optimiser."
            )
        return {"step": self.step, "global_batch": self.global_batch, "sampler": self._trained.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken; the number of ranks may be another.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave.

        Raises
        ------
        StateError
            If it is no such state, or of another plan, seed, dataset or global batch.
        """
        if set(state) != {"step", "global_batch", "sampler"}:
            raise StateError(
                f"The state is not one of StreamLoader: found the keys {sorted(map(str, state))}. "
                "Pass what `state_dict` returned."
            )
        step = state["step"]
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise StateError(f"`step` in the state must be a whole number from 0, found {step!r:.80}.")
        if state["global_batch"] != self.global_batch:
            raise StateError(
                f"draws per optimiser step (batch size x accumulation x ranks): {state['global_batch']!r:.80} then, "
                f"{self.global_batch} now. Give the old values, or start a new run."
            )
        if not isinstance(state["sampler"], Mapping):
            raise StateError(f"`sampler` in the state must be a sampler's state, found {state['sampler']!r:.80}.")
        self.sampler.load_state_dict(state["sampler"])
        self._trained.loaded()
        self.step = step
        self._begin()

    def _begin(self) -> None:
        self._in_step, self._broken_off = 0, False
        # Seeds of the workers: other ones on each rank, and from each step on.
        shard = inner_sampler(self.sampler).shard
        self._generator.manual_seed(self.step * shard.world_size + shard.rank)

"""Batches of similar length: the same draws, in an order that wastes less padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.base.values import integer
from equipoise.errors import ConfigError
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.reading import Stretch
from equipoise.samplers.windows import RowLengths, WindowSampler, order_in_pools


class LengthSorted(WindowSampler[int]):
    """The draws of a `PlanSampler`, in global batches of examples of similar length.

    The draws of a window of ``window`` global batches change places so that lengths rise from batch to batch; then
    the batches are shuffled. With `Mixed` batches any two draws may change places, with `Quota` those of one stratum
    and with `OneTask` those of one task, so that every batch keeps what it is made of; with `Quota` that leaves most
    of the padding. The draws of each window are those of the plan, and their order is still a function of (plan,
    seed, position): any rank computes its part alone, and a run resumes exactly, also on another number of ranks as
    long as the global batch is the same.

    Parameters
    ----------
    sampler : PlanSampler
        Whose draws, seed, epochs and shard it takes over.
    lengths : array-like of integers, shape (N,), or RowLengths
        Length of each row of the dataset: tokens of the input where inputs are longer than targets, else of the target.
        Or an object that returns those of the rows of a window, when the window begins.
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included; a multiple of the world size, and
        that of the sampler's batches if they have one.
    window : int, default 64
        Global batches that are sorted together. A longer window wastes less padding and mixes less. With `OneTask`
        each task is sorted alone: take 64 for each task.

    Raises
    ------
    ConfigError
        If the lengths do not fit the dataset, or the batch cannot be split over the ranks or is not the sampler's.

    See Also
    --------
    TokenBatches : as many examples in a batch as fit a number of tokens.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 600, "yes": 200}}), weights="natural")
    >>> sampler = PlanSampler(plan, StratumIndex.from_sizes(plan), draws_per_epoch=2048)
    >>> lengths = np.array([10, 500] * 400)
    >>> batches = np.array(list(LengthSorted(sampler, lengths, global_batch=32))).reshape(-1, 32)
    >>> int((np.ptp(lengths[batches], axis=1) > 0).sum())  # of 64 batches, those that hold both lengths
    1
    """

    def __init__(
        self, sampler: PlanSampler, lengths: ArrayLike | RowLengths, global_batch: int, window: int = 64
    ) -> None:
        global_batch, window = integer("global_batch", global_batch), integer("window", window)
        super().__init__(sampler, lengths, window * global_batch, {"global_batch": global_batch, "window": window})
        if global_batch < 1 or global_batch % sampler.shard.world_size or window < 1:
            raise ConfigError(
                "not-a-multiple",
                f"`global_batch` must be a positive multiple of the {sampler.shard.world_size} ranks and `window` "
                f"at least 1, found {global_batch} and {window}.",
            )
        if sampler.batches.size not in {None, global_batch}:
            message = f"`global_batch` must be that of the sampler's {sampler.batches}, found {global_batch}."
            raise ConfigError("other-global-batch", message)
        self.global_batch = global_batch
        self.window = window
        self._check_stages()

    @property
    def _multiple(self) -> int:
        return self.global_batch

    def __len__(self) -> int:
        """Return the draws of this rank in a whole epoch."""
        return len(self.sampler)

    def _stretches(self, start: int) -> Iterator[Stretch]:
        shard = self.sampler.shard
        for first, last, drawn, strata, lengths_drawn in self._measured(start):
            pools = self.sampler.batches.pools(self.sampler.plan, strata)
            order = np.empty(len(drawn), np.intp)
            order[np.argsort(pools, kind="stable")] = order_in_pools(pools, lengths_drawn)
            rows, lengths = drawn[order], lengths_drawn[order]
            # The window at the end of an epoch may not divide: the remainder stays behind the whole batches.
            whole = len(rows) - len(rows) % self.global_batch
            batches = np.arange(whole).reshape(-1, self.global_batch)
            batches = batches[self._order(first, len(batches))]
            # Accumulation cuts a batch into parts: neighbours of similar length make parts that pad little.
            inside = np.argsort(lengths[batches], axis=1, kind="stable")
            places = np.append(np.take_along_axis(batches, inside, axis=1), np.arange(whole, len(rows)))
            shuffled = rows[places[max(start - first, 0) :]]
            yield last, shard.world_size, shuffled[shard.rank :: shard.world_size].tolist()

    def state_dict(self, *, position: int | None = None) -> dict[str, Any]:
        """Return the state to resume from; see `PlanSampler.state_dict`."""
        return {"sampler": self.sampler.state_dict(position=position), **self._kept}

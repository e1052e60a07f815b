"""Batches of similar length: the same draws, in an order that wastes less padding."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from equipoise.errors import ConfigError
from equipoise.plan import Plan
from equipoise.samplers.epochs import Reading, checked_boundary
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.windows import check_kept, check_window_end, checked_lengths, sorted_in_pools, window_order


class LengthSorted(Sampler[int]):
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
    lengths : array-like of integers, shape (N,)
        Length of each row of the dataset: tokens of the input where inputs are longer than targets, else of the target.
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
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 600, "yes": 200}}))
    >>> sampler = PlanSampler(plan, StratumIndex.from_sizes(plan.counts), draws_per_epoch=2048)
    >>> lengths = np.array([10, 500] * 400)
    >>> batches = np.array(list(LengthSorted(sampler, lengths, global_batch=32))).reshape(-1, 32)
    >>> int((np.ptp(lengths[batches], axis=1) > 0).sum())  # of 64 batches, those that hold both lengths
    1
    """

    def __init__(self, sampler: PlanSampler, lengths: ArrayLike, global_batch: int, window: int = 64) -> None:
        self.lengths = checked_lengths(lengths, len(sampler.index))
        if global_batch < 1 or global_batch % sampler.shard.world_size or window < 1:
            raise ConfigError(
                "not-a-multiple",
                f"`global_batch` must be a positive multiple of the {sampler.shard.world_size} ranks and `window` "
                f"at least 1, found {global_batch} and {window}.",
            )
        if sampler.batches.size not in {None, global_batch}:
            raise ConfigError(
                "other-global-batch",
                f"`global_batch` must be that of the sampler's {sampler.batches}, found {global_batch}.",
            )
        self.sampler = sampler
        self.global_batch = global_batch
        self.window = window
        self._begin(sampler.start)

    def __len__(self) -> int:
        """Return the draws of this rank in a whole epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        self._end_if_over()
        start = self.sampler.start
        self._begin(start)
        return self._iterate(self._reading, start)

    def _end_if_over(self) -> None:
        """Let the sampler start the next epoch if all of this one was yielded: a loop may count its steps."""
        _, end = self.sampler.bounds(self._begun)
        if self.position == end:
            self.sampler.start_at(end)

    def _begin(self, start: int) -> None:
        self._begun = start
        self._reading = Reading(start, self.sampler.shard.world_size)

    def _iterate(self, reading: Reading, start: int) -> Iterator[int]:
        begin, end = self.sampler.bounds(start)
        span = self.window * self.global_batch
        first = start - (start - begin) % span
        # Where another plan was taken over inside a window, the window begins there.
        stretches = ((max(at, self.sampler.origin), min(at + span, end)) for at in range(first, end, span))
        return reading.read(stretches, lambda a, b: self._rows(a, b, start))

    def _rows(self, first: int, last: int, start: int) -> NDArray[np.int64]:
        """Return this rank's rows of a window, those before position `start` left out."""
        rows, strata = self.sampler.of_all_ranks(first, last)
        rows = sorted_in_pools(rows, self.sampler.batches.pools(self.sampler.plan, strata), self.lengths[rows])
        # The window at the end of an epoch may not divide: the remainder stays behind the whole batches.
        whole = len(rows) - len(rows) % self.global_batch
        batches = rows[:whole].reshape(-1, self.global_batch)
        batches = batches[window_order(self.sampler.seed, first, len(batches))]
        # Accumulation cuts a batch into parts: neighbours of similar length make parts that pad little.
        order = np.argsort(self.lengths[batches], axis=1, kind="stable")
        batches = np.take_along_axis(batches, order, axis=1)
        shuffled = np.concatenate([batches.ravel(), rows[whole:]])
        shard = self.sampler.shard
        return shuffled[max(start - first, 0) :][shard.rank :: shard.world_size]

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        # The sampler starts elsewhere once its epoch has ended or another was named.
        return self._reading.position if self.sampler.start == self._begun else self.sampler.start

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch; see `PlanSampler.set_epoch`."""
        self._end_if_over()
        self.sampler.set_epoch(epoch)

    def state_dict(self, *, position: int | None = None) -> dict[str, Any]:
        """Return the state to resume from; see `PlanSampler.state_dict`."""
        at = self.position if position is None else position
        return {
            "sampler": self.sampler.state_dict(position=at),
            "global_batch": self.global_batch,
            "window": self.window,
        }

    def replan(self, plan: Plan, *, at: int) -> None:
        """Draw by another plan from the end of a window on; see `PlanSampler.replan`."""
        at = checked_boundary(at, self.position, self.sampler.shard.world_size)
        check_window_end(at, self.sampler.bounds(at), self.window * self.global_batch)
        self.sampler.replan(plan, at=at)
        self._begin(at)

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Resume where the state was taken; see `PlanSampler.load_state_dict`.

        Raises
        ------
        StateError
            If the global batch or the window is another, too: a window would hold other examples.
        """
        check_kept(state, {"global_batch": self.global_batch, "window": self.window}, "LengthSorted")
        self.sampler.load_state_dict(state["sampler"], accept_changes=accept_changes)
        self._begin(self.sampler.start)

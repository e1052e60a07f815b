"""Batches of similar length: the same draws, in an order that wastes less padding."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from equipoise.errors import ConfigError, StateError
from equipoise.hashing import key, subkeys
from equipoise.reading import Reading
from equipoise.samplers import PlanSampler


class LengthSorted(Sampler[int]):
    """The draws of a `PlanSampler`, in global batches of examples that are about equally long.

    A window of ``window`` global batches is sorted by length and cut into global batches, and these are shuffled.
    So the draws of each window are the plan's own, only their order changes, and it is still a function of
    (plan, seed, position): any rank computes its part alone, and a resumed run goes on exactly, on another number
    of ranks too as long as the global batch is the same.

    Parameters
    ----------
    sampler : PlanSampler
        Whose draws, seed, epochs and shard it takes over.
    lengths : array-like of integers, shape (N,)
        Length of each row of the dataset, for example in tokens.
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included; a multiple of the world size.
    window : int, default 64
        Global batches that are sorted together. A longer window wastes less padding and mixes less.

    Raises
    ------
    ConfigError
        If the lengths do not fit the dataset, or the batch cannot be split over the ranks.

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
        array = np.asarray(lengths)
        if array.shape != (len(sampler.index),) or not np.issubdtype(array.dtype, np.integer):
            raise ConfigError(
                f"`lengths` must be one whole number for each of the {len(sampler.index)} rows, "
                f"found shape {array.shape} of {array.dtype}."
            )
        if global_batch < 1 or global_batch % sampler.shard.world_size or window < 1:
            raise ConfigError(
                f"`global_batch` must be a positive multiple of the {sampler.shard.world_size} ranks and `window` "
                f"at least 1, found {global_batch} and {window}."
            )
        self.sampler = sampler
        self.lengths = array
        self.global_batch = global_batch
        self.window = window
        self._reading = Reading(sampler.start, sampler.shard.world_size)

    def __len__(self) -> int:
        """Draws of this rank in a whole epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        """Rows of this rank from where the epoch (or a loaded state) starts to the epoch's end."""
        start = self.sampler.start
        self._reading = Reading(start, self.sampler.shard.world_size)
        return self._iterate(self._reading, start)

    def _iterate(self, reading: Reading, start: int) -> Iterator[int]:
        begin, end = self.sampler.bounds(start)
        span = self.window * self.global_batch
        first = start - (start - begin) % span
        stretches = ((at, min(at + span, end)) for at in range(first, end, span))
        yield from reading.read(stretches, lambda a, b: self._rows(a, b, start))
        self.sampler.start = end

    def _rows(self, first: int, last: int, start: int) -> NDArray[np.int64]:
        """This rank's rows of a window, those before position `start` left out."""
        rows = self.sampler.rows_of_all_ranks(first, last)
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        # The window at the end of an epoch may not divide: what is over stays behind the whole batches.
        whole = len(rows) - len(rows) % self.global_batch
        batches = rows[:whole].reshape(-1, self.global_batch)
        # Keyed by position: no two windows are shuffled alike.
        keys = subkeys(key("window", self.sampler.seed, first), np.arange(len(batches)))
        shuffled = np.concatenate([batches[np.argsort(keys)].ravel(), rows[whole:]])
        shard = self.sampler.shard
        return shuffled[max(start - first, 0) :][shard.rank :: shard.world_size]

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self._reading.position

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch; see `PlanSampler.set_epoch`."""
        self.sampler.set_epoch(epoch)

    def state_dict(self, *, position: int | None = None) -> dict[str, Any]:
        """State to resume from; see `PlanSampler.state_dict`."""
        at = self.position if position is None else position
        return {
            "sampler": self.sampler.state_dict(position=at),
            "global_batch": self.global_batch,
            "window": self.window,
        }

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Go on where the state was taken; see `PlanSampler.load_state_dict`.

        Raises
        ------
        StateError
            Also if the global batch or the window is another: then other examples would come in a window.
        """
        if set(state) != {"sampler", "global_batch", "window"}:
            raise StateError(f"The state is not one of LengthSorted: it has the keys {sorted(state)}.")
        ours = (self.global_batch, self.window)
        if (state["global_batch"], state["window"]) != ours:
            raise StateError(
                f"The state was taken with global_batch {state['global_batch']!r} and window {state['window']!r}, "
                f"this sampler has {ours[0]} and {ours[1]}. Keep both: a resumed window must hold the same draws."
            )
        self.sampler.load_state_dict(state["sampler"], accept_changes=accept_changes)
        self._reading = Reading(self.sampler.start, self.sampler.shard.world_size)

"""Batches with a budget of tokens: many short examples, or few long ones."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from equipoise.errors import ConfigError, StateError
from equipoise.plan import Plan
from equipoise.samplers.epochs import checked_boundary, nearest_multiples
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.windows import check_kept, check_window_end, checked_lengths, order_in_pools, window_order

Rows = NDArray[np.int64]


class TokenBatches(Sampler[list[int]]):
    """The draws of a `PlanSampler` in batches of similar length that hold as many examples as fit a token budget.

    A window of draws is sorted by length and cut into steps, and the steps are shuffled. A step has
    ``batches_per_step`` batches, one for each rank and accumulation, all of the same number of examples and of similar
    length; with `OneTask` batches a step is of one task. Padded to its longest example, a batch has at most ``tokens``
    of what `lengths` counts; for an encoder-decoder that is the input or the target, not both. The draws of each
    window are those of the plan: the budget moves examples inside a window and changes no rate. A step of long
    examples holds fewer of them: divide the loss by the step's examples, not by the batch size.

    Parameters
    ----------
    sampler : PlanSampler
        Whose draws, seed, epochs and shard it takes over; with `Mixed` or `OneTask` batches.
    lengths : array-like of integers, shape (N,)
        Tokens of each row of the dataset, from 1 to ``tokens``: of the input where inputs are longer than targets.
    tokens : int
        Most tokens of one rank's batch, padding included.
    batches_per_step : int, optional
        Batches of all ranks together in an optimiser step: ranks x accumulation. By default the number of ranks.
        As long as it is kept, a run resumes with the same steps on another number of ranks.
    window : int, default 8192
        Draws that are sorted together. A longer window wastes less padding and mixes less.

    Raises
    ------
    ConfigError
        If a length is below 1 or above the budget, or epoch, window or batches cannot be split evenly.

    Notes
    -----
    Pass it to a DataLoader as ``batch_sampler``, and save its state, not its ``sampler``'s; `set_epoch` may be called
    on either, as accelerate and Lightning do. Under accelerate leave the sampler's shard as it is
    and set ``even_batches=False``.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 600, "yes": 200}}))
    >>> sampler = PlanSampler(plan, StratumIndex.from_sizes(plan.counts))
    >>> lengths = np.array([10, 500] * 400)
    >>> sizes = [len(batch) for batch in TokenBatches(sampler, lengths, tokens=1000)]
    >>> sorted(set(sizes)), sum(sizes)
    ([2, 100], 800)
    """

    def __init__(
        self,
        sampler: PlanSampler,
        lengths: ArrayLike,
        tokens: int,
        batches_per_step: int | None = None,
        window: int = 8192,
    ) -> None:
        ranks = sampler.shard.world_size
        self.sampler = sampler
        self.lengths = checked_lengths(lengths, len(sampler.index))
        self.tokens = tokens
        self.batches_per_step = ranks if batches_per_step is None else batches_per_step
        self.window = window
        self._check()
        self._begin()

    def __len__(self) -> int:
        """Return the batches of this rank in the whole epoch of the next iteration; another may have more or fewer."""
        epoch = self.sampler.epoch
        if self._length[0] != epoch:
            begin, end = self.sampler.bounds(self.sampler.start)
            steps = sum(len(steps) for _, steps in self._windows(begin, end))
            self._length = (epoch, steps * self.batches_per_step // self.sampler.shard.world_size)
        return self._length[1]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        start = self.sampler.start
        _, end = self.sampler.bounds(start)
        self._start = self._position = start
        for position, batch in self._from(start):
            self._position = position
            if position == end:  # now: a loop that counts its steps never asks for more than the last
                self.sampler.start_at(end)
            yield batch

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        # The sampler starts elsewhere once its epoch has ended or another was named.
        return self._position if self.sampler.start == self._start else self.sampler.start

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch; see `PlanSampler.set_epoch`."""
        self.sampler.set_epoch(epoch)
        if self.sampler.start != self._start:
            self._begin()

    def state_dict(self, *, batches: int | None = None) -> dict[str, Any]:
        """Return the state to resume from: JSON-serialisable, of constant size.

        Parameters
        ----------
        batches : int, optional
            Batches of this rank that were trained on since the epoch, or the loaded state, began. By default those
            that were yielded; a DataLoader with workers reads ahead, so pass it there.

        Returns
        -------
        dict
            The same on all ranks.
        """
        at = self.position if batches is None else self._after(batches)
        return {"sampler": self.sampler.state_dict(position=at), **self._kept}

    def replan(self, plan: Plan, *, at: int) -> None:
        """Draw by another plan from the end of a window on; see `PlanSampler.replan`."""
        at = checked_boundary(at, self.position, self.sampler.shard.world_size)
        check_window_end(at, self.sampler.bounds(at), self.window)
        self.sampler.replan(plan, at=at)
        self._begin()

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Resume where the state was taken; see `PlanSampler.load_state_dict`.

        Raises
        ------
        StateError
            If the tokens, batches per step or window are others, too: a window would hold other examples. Or if
            changes are accepted inside a step, so that the rest of the window cannot be split into steps.
        """
        check_kept(state, self._kept, "TokenBatches")
        before = self.sampler.state_dict(position=self.sampler.start)
        self.sampler.load_state_dict(state["sampler"], accept_changes=accept_changes)
        each = self.sampler.batches.size or self.batches_per_step
        origin = self.sampler.origin
        if (self.sampler.bounds(origin)[1] - origin) % each:
            self.sampler.load_state_dict(before, accept_changes=True)
            raise StateError(
                "not-a-multiple",
                f"Changes can be accepted at a multiple of {each} draws before an epoch's end, found draw {origin}. "
                "Load a state from the end of a step, or of an epoch.",
            )
        self._begin()

    def _begin(self) -> None:
        """Start where the sampler does."""
        self._start = self._position = self.sampler.start  # of the iteration, and where it is
        self._length = (-1, 0)  # epoch, batches of this rank in it

    @property
    def _kept(self) -> dict[str, int]:
        return {"tokens": self.tokens, "batches_per_step": self.batches_per_step, "window": self.window}

    def _after(self, batches: int) -> int:
        _, end = self.sampler.bounds(self._start)
        # After reading to the epoch's end the sampler is in the next one; otherwise another epoch was named.
        start = self._start if self.sampler.start == end else self.sampler.start
        if not batches:
            return start
        for number, (position, _) in enumerate(self._from(start), 1):
            if number == batches:
                return position
        raise StateError(
            "too-many-batches", f"`batches` must be at most those from here to the epoch's end, found {batches}."
        )

    def _from(self, start: int) -> Iterator[tuple[int, list[int]]]:
        """Yield the batches of this rank from a position to its epoch's end, each with the position after it."""
        rank, ranks = self.sampler.shard.rank, self.sampler.shard.world_size
        begin, end = self.sampler.bounds(start)
        first = start - (start - begin) % self.window
        for at, steps in self._windows(first, end):
            position = at
            for step in steps:
                # Batch j of a step holds its examples j, j + batches_per_step, ...: batches of similar length.
                batches = step.reshape(-1, self.batches_per_step).T
                for turn in range(0, self.batches_per_step, ranks):
                    position += ranks * batches.shape[1]
                    if position > start:
                        yield position, batches[turn + rank].tolist()

    def _windows(self, first: int, end: int) -> Iterator[tuple[int, list[Rows]]]:
        """Yield position and steps of each window."""
        for start in range(first, end, self.window):
            at = max(start, self.sampler.origin)  # where another plan was taken over inside a window
            rows, strata = self.sampler.of_all_ranks(at, min(start + self.window, end))
            pools = self.sampler.batches.pools(self.sampler.plan, strata)
            steps = self._steps(rows, pools)
            yield at, [steps[number] for number in window_order(self.sampler.seed, at, len(steps))]

    def _steps(self, rows: Rows, pools: Rows) -> list[Rows]:
        """Cut a window into steps of one pool each, the longest examples first."""
        lengths = self.lengths[rows]
        order = order_in_pools(pools, -lengths)
        rows, lengths = rows[order], lengths[order]
        ends = np.append(np.flatnonzero(np.diff(pools[order])) + 1, len(rows)).tolist()
        steps: list[Rows] = []
        at = 0
        for end in ends:
            while at < end:
                # Each pool, and so what is left of it, is a multiple of batches_per_step.
                size = min(self.tokens // int(lengths[at]) * self.batches_per_step, end - at)
                steps.append(rows[at : at + size])
                at += size
        return steps

    def _check(self) -> None:
        sampler, each = self.sampler, self.batches_per_step
        if sampler.batches.keeps_strata:
            raise ConfigError(
                "batches-of-fixed-size",
                f"`sampler` must have Mixed() or OneTask() batches, found {sampler.batches}, whose shares need batches "
                "of a fixed number of examples. Use LengthSorted with it.",
            )
        if each < 1 or each % sampler.shard.world_size:
            raise ConfigError(
                "not-a-multiple",
                f"`batches_per_step` must be a positive multiple of {sampler.shard.world_size} ranks, found {each}.",
            )
        if self.lengths.size and not 1 <= int(self.lengths.min()) <= int(self.lengths.max()) <= self.tokens:
            row = int(np.argmax((self.lengths < 1) | (self.lengths > self.tokens)))
            raise ConfigError(
                "length-out-of-range",
                f"`lengths` must be from 1 to `tokens`, {self.tokens}, found {self.lengths[row]} in row {row}. "
                "Truncate the text, or allow more tokens in a batch.",
            )
        # What is sorted together must split evenly into the batches of a step.
        batch = sampler.batches.size
        if batch is None:
            multiples = [("window", self.window, each), ("draws_per_epoch", sampler.draws_per_epoch, each)]
        else:
            multiples = [("global_batch", batch, each), ("window", self.window, batch)]
        for name, value, of in multiples:
            if value < 1 or value % of:
                raise ConfigError(
                    "not-a-multiple",
                    f"`{name}` must be a multiple of {of}, so that every rank has equally many batches, found {value}. "
                    f"Use {nearest_multiples(value, of)}.",
                )

"""Batches with a budget of tokens: many short examples, or few long ones."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.base.values import integer
from equipoise.drawing.drawn import DrawnStream
from equipoise.errors import ConfigError, StateError
from equipoise.samplers.epochs import nearest_multiples
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.reading import Stretch
from equipoise.samplers.windows import RowLengths, Rows, WindowSampler, order_in_pools


class TokenBatches(WindowSampler[list[int]]):
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
    lengths : array-like of integers, shape (N,), or RowLengths
        Tokens of each row of the dataset, from 1 to ``tokens``: of the input where inputs are longer than targets.
        Or an object that returns those of the rows of a window, when the window begins; `len` asks it for a whole
        epoch.
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
        If a length is below 1 or above the budget (of `RowLengths` once its row is drawn), or epoch, window or batches
        cannot be split evenly.

    Notes
    -----
    Pass it to a DataLoader as ``batch_sampler``, and save its state, not its ``sampler``'s; `set_epoch` may be called
    on either, as accelerate and Lightning do. Under accelerate leave the sampler's shard as it is
    and set ``even_batches=False``.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 600, "yes": 200}}), weights="natural")
    >>> sampler = PlanSampler(plan, StratumIndex.from_sizes(plan))
    >>> lengths = np.array([10, 500] * 400)
    >>> sizes = [len(batch) for batch in TokenBatches(sampler, lengths, tokens=1000)]
    >>> sorted(set(sizes)), sum(sizes)
    ([2, 100], 800)
    """

    def __init__(
        self,
        sampler: PlanSampler,
        lengths: ArrayLike | RowLengths,
        tokens: int,
        batches_per_step: int | None = None,
        window: int = 8192,
    ) -> None:
        ranks = sampler.shard.world_size
        each = ranks if batches_per_step is None else integer("batches_per_step", batches_per_step)
        tokens, window = integer("tokens", tokens), integer("window", window)
        super().__init__(sampler, lengths, window, {"tokens": tokens, "batches_per_step": each, "window": window})
        self.tokens = tokens
        self.batches_per_step = each
        self.window = window
        if sampler.batches.keeps_strata:
            raise ConfigError(
                "batches-of-fixed-size",
                f"`sampler` must have Mixed() or OneTask() batches, found {sampler.batches}, whose shares need batches "
                "of a fixed number of examples. Use LengthSorted with it.",
            )
        if each < 1 or each % ranks:
            message = f"`batches_per_step` must be a positive multiple of {ranks} ranks, found {each}."
            raise ConfigError("not-a-multiple", message)
        if isinstance(self.lengths, np.ndarray):
            self._check_range(self.lengths, None)
        self._check_stages()
        # What is sorted together must split evenly into the batches of a step.
        batch = sampler.batches.size
        if batch is None:
            multiples = [("window", window, each), ("draws_per_epoch", sampler.draws_per_epoch, each)]
        else:
            multiples = [("global_batch", batch, each), ("window", window, batch)]
        for name, value, of in multiples:
            if value < 1 or value % of:
                raise ConfigError(
                    "not-a-multiple",
                    f"`{name}` must be a multiple of {of}, so that every rank has equally many batches, found {value}. "
                    f"Use {nearest_multiples(value, of)}.",
                )
        self._length: tuple[tuple[int, DrawnStream] | None, int] = None, 0  # epoch and stream, batches of this rank

    @property
    def _multiple(self) -> int:
        return self.sampler.batches.size or self.batches_per_step

    def __len__(self) -> int:
        """Return the batches of this rank in the whole epoch of the next iteration; another may have more or fewer."""
        epoch = self.sampler.epoch, self.sampler.stream
        if self._length[0] != epoch:
            begin, _ = self.sampler.bounds(self.sampler.start)
            self._length = epoch, sum(len(batches) for _, _, batches in self._stretches(begin))
        return self._length[1]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        yield from super().__iter__()  # it starts only when it is read: batches are counted from where the last did

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
        at = None if batches is None else self._after(integer("batches", batches))
        return {"sampler": self.sampler.state_dict(position=at), **self._kept}

    def _check_origin(self, origin: int) -> None:
        each = self._multiple
        if (self.sampler.bounds(origin)[1] - origin) % each:
            raise StateError(
                "not-a-multiple",
                f"Changes can be accepted at a multiple of {each} draws before an epoch's end, found draw {origin}. "
                "Load a state from the end of a step, or of an epoch.",
            )

    def _after(self, batches: int) -> int:
        """Return the position after a number of batches of this rank."""
        start, left = self.sampler.begun, batches
        if not batches:
            return start
        for last, each, items in self._stretches(start):
            if 0 < left <= len(items):
                return last - (len(items) - left) * each
            left -= len(items)
        message = f"`batches` must be at most those from here to the epoch's end, found {batches}."
        raise StateError("too-many-batches", message)

    def _stretches(self, start: int) -> Iterator[Stretch]:
        rank, ranks = self.sampler.shard.rank, self.sampler.shard.world_size
        for first, _, rows, strata, lengths in self._measured(start):
            at = first
            if not isinstance(self.lengths, np.ndarray):
                self._check_range(lengths, rows)
            steps = self._steps(rows, strata, lengths)
            for number in self._order(first, len(steps)):
                # Batch j of a step holds its examples j, j + batches_per_step, ...: batches of similar length.
                batches = steps[number].reshape(-1, self.batches_per_step).T
                each = ranks * batches.shape[1]
                over = max(start - at, 0) // each
                at += batches.size
                if at > start:
                    yield at, each, batches[rank::ranks][over:].tolist()

    def _check_range(self, lengths: NDArray[np.integer], rows: Rows | None) -> None:
        """Raise ConfigError unless all lengths fit the budget; those of all rows, or of the rows of a window."""
        if lengths.size and not 1 <= int(lengths.min()) <= int(lengths.max()) <= self.tokens:
            place = int(np.argmax((lengths < 1) | (lengths > self.tokens)))
            row = place if rows is None else int(rows[place])
            raise ConfigError(
                "length-out-of-range",
                f"`lengths` must be from 1 to `tokens`, {self.tokens}, found {lengths[place]} in row {row}. "
                "Truncate the text, or allow more tokens in a batch.",
            )

    def _steps(self, rows: Rows, strata: Rows, lengths: NDArray[np.integer]) -> list[Rows]:
        """Cut a window into steps of one pool each, the longest examples first."""
        pools = self.sampler.batches.pools(self.sampler.plan, strata)
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

"""Windows of draws that are sorted by length: what `LengthSorted` and `TokenBatches` share."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from equipoise.base.keys import key, subkeys
from equipoise.base.states import check_state, differences
from equipoise.base.values import Settled
from equipoise.errors import ConfigError, StateError
from equipoise.plan import Plan
from equipoise.samplers.epochs import REBUILD, nearest_multiples
from equipoise.samplers.plan_sampler import PlanSampler
from equipoise.samplers.reading import Stretch
from equipoise.samplers.replanning import REPLAN
from equipoise.schedule import Drawable

Item = TypeVar("Item", int, list[int])
Rows = NDArray[np.int64]


@runtime_checkable
class RowLengths(Protocol):
    """Lengths of rows that are computed when a window of draws needs them, for `LengthSorted` and `TokenBatches`.

    `EncodedExamples.on_demand` has one, which tokenises rows when their lengths are asked for.
    """

    def __len__(self) -> int:
        """Return the number of rows of the dataset."""
        ...

    def __getitem__(self, rows: Rows) -> NDArray[np.integer]:
        """Return the lengths of the rows of a window, in its order; a row may occur more than once."""
        ...

    def ahead(self, rows: Rows) -> None:
        """Hear which rows are asked for next, while those of the window before are yielded; may do nothing."""


class WindowSampler(Settled, Sampler[Item]):
    """The draws of a `PlanSampler`, those of a window in another order.

    Subclasses define `_stretches`, and yield them by `PlanSampler.read`: positions and epochs are the sampler's.

    `span` are the draws of a window; `kept` is what decides its content: a state is refused where that differs.
    """

    _SETTLED: ClassVar = {
        "plan": REPLAN,
        **dict.fromkeys(("sampler", "lengths", "global_batch", "tokens", "batches_per_step", "window"), REBUILD),
    }

    def __init__(
        self, sampler: PlanSampler, lengths: ArrayLike | RowLengths, span: int, kept: Mapping[str, int]
    ) -> None:
        self.sampler = sampler
        self.lengths: NDArray[np.integer] | RowLengths = (
            lengths if isinstance(lengths, RowLengths) else np.asarray(lengths)
        )
        rows = sampler.index.dataset_rows
        if isinstance(self.lengths, np.ndarray):
            _check_lengths(self.lengths, rows, f"of the {rows} rows")
        elif len(self.lengths) != rows:
            message = f"`lengths` must have one for each of the {rows} rows, found {len(self.lengths)}."
            raise ConfigError("bad-lengths", message)
        self._span = span
        self._kept = dict(kept)

    @abstractmethod
    def _stretches(self, start: int) -> Iterator[Stretch]:
        """Yield the items of this rank from a position to its epoch's end."""

    def __iter__(self) -> Iterator[Item]:
        """Yield the items of this rank from the start of the epoch (or a loaded state) to the epoch's end."""
        return self.sampler.read(self._stretches)

    def _window_at(self, position: int) -> tuple[int, int]:
        """Return first and last position of the window that holds a position.

        A window ends where a stage or another plan begins, and the next one begins there.
        """
        begin, end = self.sampler.bounds(position)
        first = position - (position - begin) % self._span
        last = min(first + self._span, end)
        for cut in (self.sampler.origin, *(stage.at for stage in self.sampler.plan.stages)):
            first, last = (max(first, cut), last) if cut <= position else (first, min(last, cut))
        return first, last

    def _windows(self, start: int) -> Iterator[tuple[int, int]]:
        """Yield first and last position of the windows from the one that holds a position to its epoch's end."""
        _, end = self.sampler.bounds(start)
        while start < end:
            window = self._window_at(start)
            yield window
            _, start = window

    def _measured(self, start: int) -> Iterator[tuple[int, int, Rows, Rows, NDArray[np.integer]]]:
        """Yield the windows with their rows, strata and lengths; the rows of the next one are named ahead."""
        windows = ((*window, *self.sampler.of_all_ranks(*window)) for window in self._windows(start))
        if isinstance(self.lengths, np.ndarray):
            for window in windows:
                yield *window, self.lengths[window[2]]
            return
        window = next(windows, None)
        while window is not None:
            lengths = self.lengths[window[2]]
            _check_lengths(lengths, len(window[2]), "that it is asked for")
            coming = next(windows, None)
            if coming is not None:
                self.lengths.ahead(coming[2])
            yield *window, lengths
            window = coming

    def _order(self, at: int, batches: int) -> NDArray[np.intp]:
        """Return the order of the batches of the window at a position: no two windows are shuffled alike."""
        return np.argsort(subkeys(key("window", self.sampler.seed, at), np.arange(batches)), kind="stable")

    @property
    def epoch(self) -> int:
        """Epoch that the next iteration is in: a loop that resumes begins with it."""
        return self.sampler.epoch

    @property
    def position(self) -> int:
        """Draws that all ranks together have yielded, counted from the start of the training."""
        return self.sampler.position

    @property
    def plan(self) -> Drawable:
        """What is drawn; `replan` changes it."""
        return self.sampler.plan

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch; see `PlanSampler.set_epoch`."""
        self.sampler.set_epoch(epoch)
        if self.sampler.begun != self.sampler.start:  # the epoch before it is over
            self.sampler.start_at(self.sampler.start)

    def replan(self, plan: Plan, *, at: int | None = None) -> int:
        """Draw by another plan from a position on, in no window that was begun; see `PlanSampler.replan`."""
        return self.sampler.replan(plan, at=self.check_replan(plan, at=at))

    def check_replan(self, plan: Plan, *, at: int | None = None) -> int:
        """Return the position from which `replan` would draw a plan, or raise its error; nothing changes."""
        return self.sampler.check_after(self._settled(self.sampler.settled), plan, at, self._multiple)

    def earliest_replan(self) -> int:
        """Return the first position from which another plan can be drawn: where no window or block was begun."""
        return self.earliest_after(self.sampler.settled)

    def earliest_after(self, position: int) -> int:
        """Return the first position from which another plan can be drawn if the draws before one were yielded."""
        return self.sampler.earliest_after(self._settled(position), self._multiple)

    def _settled(self, position: int) -> int:
        """Return before which position draws are settled if those before one were yielded: where its window ends."""
        begin, end = self._window_at(position)
        return begin if begin == position else end

    @property
    @abstractmethod
    def _multiple(self) -> int:
        """Draws of the batches that no window may cut."""

    def _check_stages(self) -> None:
        """Raise ConfigError unless stages begin where batches do."""
        for stage in self.sampler.plan.stages:
            if stage.at % self._multiple:
                raise ConfigError(
                    "not-a-multiple",
                    f"`plan` must have stages that begin at multiples of {self._multiple} draws, so that no batch is "
                    f"of two plans, found one at draw {stage.at}. Use {nearest_multiples(stage.at, self._multiple)}.",
                )

    def load_state_dict(self, state: Mapping[str, Any], *, accept_changes: bool = False) -> None:
        """Resume where the state was taken; see `PlanSampler.load_state_dict`.

        Raises
        ------
        StateError
            If the window, or what else decides which draws it holds, is another, too: a window would hold other
            examples. With `TokenBatches` also if changes are accepted inside a step, so that the rest of the window
            cannot be split into steps.
        """
        name = type(self).__name__
        check_state(state, name, {"sampler": dict[str, Any], **dict.fromkeys(self._kept, int)})
        changes = differences(state, self._kept, sorted(self._kept))
        if changes:
            message = f"{name}: {'; '.join(changes)}. Keep them: a resumed window must hold the same draws."
            raise StateError("other-run", message)
        inner = state["sampler"]
        changed = self.sampler.check(inner, accept_changes=accept_changes)
        self._check_origin(inner["position" if changed else "origin"])
        self.sampler.resume_checked(inner, changed=changed)

    def _check_origin(self, origin: int) -> None:
        """Raise StateError unless this plan can take over from another at a position."""


def _check_lengths(lengths: NDArray[np.integer], rows: int, of: str) -> None:
    shape, dtype = lengths.shape, lengths.dtype
    if shape != (rows,) or not np.issubdtype(dtype, np.integer):
        message = f"`lengths` must be one integer for each {of}, found shape {shape} of {dtype}."
        raise ConfigError("bad-lengths", message)


def order_in_pools(pools: NDArray[np.int64], lengths: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the order by pool and, inside each, by length; equal ones keep their order.

    Examples
    --------
    >>> order_in_pools(np.array([1, 0, 1, 0]), np.array([5, 7, 5, 3])).tolist()
    [3, 1, 0, 2]
    """
    lowest = int(lengths.min(initial=0))
    span = int(lengths.max(initial=0)) - lowest + 1
    if (int(pools.max(initial=0)) + 1) * span > 1 << 16:
        return np.lexsort((lengths, pools))
    # numpy sorts numbers of 16 bits by radix, several times faster.
    return np.argsort((pools * span + lengths - lowest).astype(np.uint16), kind="stable")

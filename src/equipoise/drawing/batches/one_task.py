"""Batches that are each of one task, and the stream of them: a pure function of (plan, seed, position)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.base.masses import WHOLE, largest_remainder
from equipoise.census import Stratum
from equipoise.drawing.batches.base import OfSize
from equipoise.drawing.drawable import Drawable
from equipoise.drawing.stream import Stream
from equipoise.plan import Plan

_BATCHES_OF_A_TASK = 16  # in a block of batches, on average


@dataclass(frozen=True)
class OneTask(OfSize):
    """Every global batch is of one task, the same on all ranks; tasks are drawn as often as the plan says.

    A batch holds its task's share of each class, carried over between the task's batches. The order of the tasks is
    shuffled over blocks of batches, so that no task is more than about one batch from its share at a block's end.

    Parameters
    ----------
    global_batch : int
        Examples in a step of all ranks together, gradient accumulation included.

    Raises
    ------
    ConfigError
        If it is not an integer from 1 to 2**24.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal())
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=OneTask(8))))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)
    >>> np.bincount(of_small).tolist()  # 128 batches without, 128 of nothing else
    [128, 0, 0, 0, 0, 0, 0, 0, 128]
    """

    name = "one_task"

    def stream(self, plan: Drawable, seed: int, origin: int = 0, used: NDArray[np.int64] | None = None) -> "TaskStream":
        """Return the stream of tasks and of what their batches hold."""
        return TaskStream(plan, seed, self.global_batch, origin, used)

    def pools(self, plan: Drawable, strata: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each draw's task."""
        return plan.task_numbers[strata]


class TaskStream:
    """Strata and examples at any positions, in global batches of one task each.

    One stream says which task each batch is of; another for each task says what its batches hold.

    Parameters
    ----------
    plan : Drawable
        What to draw.
    seed : int
        Any integer. Streams of different seeds are unrelated.
    global_batch : int
        Draws of one batch.
    origin : int
        Position at which this stream takes over from another; batches are counted from there.
    used : ndarray of int64, shape (S,), optional
        Draws of each stratum before the origin.

    Examples
    --------
    >>> from equipoise import Census, Plan, rates
    >>> plan = Plan.build(Census.from_counts({"a": {"no": 90, "yes": 30}, "b": 5}), rates=rates.Equal())
    >>> strata, _ = TaskStream(plan, seed=0, global_batch=4).at(np.arange(32 * 4))
    >>> strata.reshape(32, 4)[:4].tolist()  # stratum 2 is task b; each batch of a holds one "yes"
    [[1, 0, 0, 0], [2, 2, 2, 2], [2, 2, 2, 2], [0, 0, 0, 1]]
    """

    def __init__(
        self, plan: Drawable, seed: int, global_batch: int, origin: int = 0, used: NDArray[np.int64] | None = None
    ) -> None:
        self._batch = global_batch
        self._origin = origin
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        self._members = [np.flatnonzero(plan.task_numbers == task) for task in range(len(plan.tasks))]
        totals = np.array([plan.masses[members].sum() for members in self._members])
        drawn = int(np.count_nonzero(totals))
        self._tasks = Stream(
            _plan(tuple(Stratum(task, None) for task in plan.tasks), (totals > 0).astype(np.int64), totals),
            seed,
            block=1 << (_BATCHES_OF_A_TASK * drawn - 1).bit_length(),
            salt=("tasks", origin),
        )
        self._streams = {
            number: Stream(
                _plan_of(plan, self._members[number]),
                seed,
                block=global_batch,
                used=self._used[self._members[number]],
                salt=(task, origin),
            )
            for number, task in enumerate(plan.tasks)
            if totals[number]
        }

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return stratum and place in the stratum of the draws at rising positions; shapes as in `Stream.at`."""
        strata, places = np.empty_like(positions), np.empty_like(positions)
        batches, which, offsets = self._split(positions)
        task, earlier = self._tasks.numbered_at(batches)
        for number in np.unique(task).tolist():
            of_task = np.flatnonzero(task[which] == number)
            inside, places[of_task] = self._streams[number].at(earlier[which[of_task]] * self._batch + offsets[of_task])
            strata[of_task] = self._members[number][inside]
        return strata, places

    def entries_at(self, positions: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places, counted from where each stratum starts in an index; see `Stream.entries_at`."""
        strata, places = self.at(positions)
        return starts[strata] + places

    def used(self, position: int) -> NDArray[np.int64]:
        """Return the draws of each stratum before `position`; see `Stream.used`."""
        batch, offset = divmod(position - self._origin, self._batch)
        draws = self._tasks.used(batch) * self._batch
        draws[self._tasks.strata_at(np.array([batch]))] += offset
        counts = self._used.copy()
        for task, stream in self._streams.items():
            counts[self._members[task]] = stream.used(int(draws[task]))
        return counts

    def _split(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.int64]]:
        """Return the batches that hold the positions, which of them holds each, and where in it."""
        of_position, offsets = np.divmod(positions - self._origin, self._batch)
        batches, which = np.unique(of_position, return_inverse=True)
        return batches, which, offsets


def _plan_of(plan: Drawable, members: NDArray[np.int64]) -> Plan:
    """Return the plan of one task alone: its strata with the shares that they have inside it."""
    masses = np.array(largest_remainder(plan.masses[members].tolist(), WHOLE))
    return _plan(tuple(plan.strata[member] for member in members.tolist()), plan.counts[members], masses)


def _plan(strata: tuple[Stratum, ...], counts: NDArray[np.int64], masses: NDArray[np.int64]) -> Plan:
    return Plan(strata, counts, masses, masses)

"""Batches that are each of one task, and the stream of them: a pure function of (plan, seed, position)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.base.masses import WHOLE, largest_remainder
from equipoise.census import Stratum
from equipoise.drawing.batches.base import OfSize
from equipoise.drawing.stream import DrawnStream, Stream
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
    >>> plan = Plan.build(Census.from_counts({"large": 996, "small": 4}), rates=rates.Equal(), weights="natural")
    >>> index = StratumIndex.from_sizes(plan)
    >>> rows = np.array(list(PlanSampler(plan, index, draws_per_epoch=2048, batches=OneTask(8))))
    >>> of_small = (rows >= 996).reshape(-1, 8).sum(axis=1)
    >>> np.bincount(of_small).tolist()  # 128 batches without, 128 of nothing else
    [128, 0, 0, 0, 0, 0, 0, 0, 128]
    """

    name = "one_task"

    def stream(self, plan: Plan, seed: int, origin: int = 0, used: NDArray[np.int64] | None = None) -> "TaskStream":
        """Return the stream of tasks and of what their batches hold."""
        return TaskStream(plan, seed, self.global_batch, origin, used)

    def pools(self, plan: Plan, strata: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each draw's task."""
        return plan.task_numbers[strata]


class TaskStream(DrawnStream):
    """Strata and examples at any positions, in global batches of one task each.

    One stream says which task each batch is of; another for each task says what its batches hold. The arguments are
    those of `Batches.stream`; batches are counted from the origin.

    Examples
    --------
    >>> from equipoise import Census, Plan, rates
    >>> census = Census.from_counts({"a": {"no": 90, "yes": 30}, "b": 5})
    >>> plan = Plan.build(census, rates.Equal(), "natural")
    >>> strata, _ = TaskStream(plan, seed=0, global_batch=4).at(np.arange(32 * 4))
    >>> strata.reshape(32, 4)[:4].tolist()  # stratum 2 is task b; each batch of a holds one "yes"
    [[1, 0, 0, 0], [2, 2, 2, 2], [2, 2, 2, 2], [0, 0, 0, 1]]
    """

    def __init__(
        self, plan: Plan, seed: int, global_batch: int, origin: int = 0, used: NDArray[np.int64] | None = None
    ) -> None:
        self._batch = global_batch
        self._origin = origin
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        self._members = [np.flatnonzero(plan.task_numbers == task) for task in range(len(plan.tasks))]
        totals = np.array([plan.masses[members].sum() for members in self._members])
        tasks = tuple(Stratum(task, None) for task in plan.tasks)
        block = 1 << (_BATCHES_OF_A_TASK * int(np.count_nonzero(totals)) - 1).bit_length()
        of_tasks = Plan(tasks, (totals > 0).astype(np.int64), totals, totals)
        self._tasks = Stream(of_tasks, seed, block=block, salt=("tasks", origin))
        self._streams: dict[int, Stream] = {}
        for number in np.flatnonzero(totals).tolist():
            members = self._members[number]
            strata = tuple(plan.strata[member] for member in members.tolist())
            masses = np.array(largest_remainder(plan.masses[members].tolist(), WHOLE))  # the shares inside the task
            of_task = Plan(strata, plan.counts[members], masses, masses)
            self._streams[number] = Stream(
                of_task, seed, block=global_batch, used=self._used[members], salt=(plan.tasks[number], origin)
            )

    def at(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return stratum and place in the stratum of the draws at rising positions; shapes as in `DrawnStream.at`."""
        strata, places = np.empty_like(positions), np.empty_like(positions)
        of_position, offsets = np.divmod(positions - self._origin, self._batch)
        batches, which = np.unique(of_position, return_inverse=True)
        task, earlier = self._tasks.numbered_at(batches)
        for number in np.unique(task).tolist():
            of_task = np.flatnonzero(task[which] == number)
            inside, places[of_task] = self._streams[number].at(earlier[which[of_task]] * self._batch + offsets[of_task])
            strata[of_task] = self._members[number][inside]
        return strata, places

    def used(self, position: int) -> NDArray[np.int64]:
        """Return the draws of each stratum before `position`; see `DrawnStream.used`."""
        batch, offset = divmod(position - self._origin, self._batch)
        draws = self._tasks.used(batch) * self._batch
        draws[self._tasks.strata_at(np.array([batch]))] += offset
        counts = self._used.copy()
        for task, stream in self._streams.items():
            counts[self._members[task]] = stream.used(int(draws[task]))
        return counts

"""Batches that are each of one task, and the stream of them: a pure function of (plan, seed, position)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.base.masses import WHOLE, largest_remainder
from equipoise.census import Stratum
from equipoise.drawing.apportion import LENGTH
from equipoise.drawing.batches.base import OfSize
from equipoise.drawing.drawn import DrawnStream, StrataStream
from equipoise.drawing.staged import staged
from equipoise.plan import Plan, Stage
from equipoise.schedule import Drawable

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

    def stream(self, stages: Sequence[Stage], seed: int, used: NDArray[np.int64] | None = None) -> "TaskStream":
        """Return the stream of tasks and of what their batches hold."""
        return TaskStream(stages, seed, self.global_batch, used)

    def block(self, plan: Plan) -> int:
        """Return the draws of a block of batches, over which the order of the tasks is shuffled."""
        return _batches_of_a_block(plan) * self.global_batch

    def pools(self, plan: Drawable, strata: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each draw's task."""
        return plan.task_numbers[strata]


class TaskStream(DrawnStream):
    """Strata and examples at any positions, in global batches of one task each.

    One stream says which task each batch is of; another for each task says what its batches hold. The arguments are
    those of `Batches.stream`; batches are counted from where the first stage begins.

    Examples
    --------
    >>> from equipoise import Census, Plan, rates
    >>> census = Census.from_counts({"a": {"no": 90, "yes": 30}, "b": 5})
    >>> plan = Plan.build(census, rates.Equal(), "natural")
    >>> strata, _ = TaskStream(plan.stages, seed=0, global_batch=4).at(np.arange(32 * 4))
    >>> strata.reshape(32, 4)[:4].tolist()  # stratum 2 is task b; each batch of a holds one "yes"
    [[1, 0, 0, 0], [2, 2, 2, 2], [2, 2, 2, 2], [0, 0, 0, 1]]
    """

    def __init__(
        self, stages: Sequence[Stage], seed: int, global_batch: int, used: NDArray[np.int64] | None = None
    ) -> None:
        self._batch = global_batch
        origin, plan = stages[0]
        self._origin = origin
        self._used = np.zeros(len(plan.strata), np.int64) if used is None else used
        self._members = [np.flatnonzero(plan.task_numbers == task) for task in range(len(plan.tasks))]
        begins = [(stage.at - origin) // global_batch for stage in stages]
        of_tasks = [Stage(begin, _of_tasks(stage.plan)) for begin, stage in zip(begins, stages, strict=True)]
        self._tasks = staged(of_tasks, seed, block=_batches_of_a_block, salt=("tasks", origin))
        before = np.array([self._tasks.used(begin) for begin in begins]) * global_batch
        self._streams: dict[int, StrataStream] = {}
        for number, (name, members) in enumerate(zip(plan.tasks, self._members, strict=True)):
            lengths = np.diff(before[:, number], append=LENGTH).tolist()
            # A stage in which a task has no batch is none of the task's.
            of_task = [
                Stage(begin, of_members)
                for begin, length, stage in zip(before[:, number].tolist(), lengths, stages, strict=True)
                if length and (of_members := _of_members(stage.plan, members)) is not None
            ]
            if of_task:
                self._streams[number] = staged(
                    of_task, seed, block=self._whole, used=self._used[members], salt=(name, origin)
                )

    def _whole(self, _plan: Plan) -> int:
        return self._batch

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


def _of_tasks(plan: Plan) -> Plan:
    """Return the plan whose strata are the tasks of another."""
    totals = np.array([plan.masses[plan.span(task)].sum() for task in plan.tasks])
    return Plan(tuple(Stratum(task, None) for task in plan.tasks), (totals > 0).astype(np.int64), totals, totals)


def _of_members(plan: Plan, members: NDArray[np.int64]) -> Plan | None:
    """Return the plan of the strata of one task, or None if it is never drawn."""
    if not plan.masses[members].any():
        return None
    masses = np.array(largest_remainder(plan.masses[members].tolist(), WHOLE))  # the shares inside the task
    return Plan(tuple(plan.strata[member] for member in members.tolist()), plan.counts[members], masses, masses)


def _batches_of_a_block(plan: Plan) -> int:
    """Return the batches over which the order of the tasks that are drawn is shuffled."""
    drawn = sum(bool(plan.masses[plan.span(task)].any()) for task in plan.tasks)
    return 1 << (_BATCHES_OF_A_TASK * drawn - 1).bit_length()

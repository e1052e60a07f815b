"""The schedule that a run draws: what was planned, and what was decided while it trained."""

from typing import Any, Protocol

from equipoise.base.files import write_atomically
from equipoise.runs.directory import RunDirectory
from equipoise.schedule import Drawable, Schedule
from equipoise.trainer.stream import Part


class _Sampler(Protocol):
    @property
    def plan(self) -> Drawable: ...


def write_schedule(directory: RunDirectory, sampler: _Sampler) -> None:
    """Write the schedule that a sampler draws into the directory of its run; that of a single plan is `plan.json`."""
    stages = sampler.plan.stages
    if len(stages) == 1:
        directory.schedule.unlink(missing_ok=True)
        return
    with write_atomically(directory.schedule) as temporary:
        temporary.write_text(Schedule(stages).to_json(), encoding="utf-8")


class UsedSchedule(Part):
    """Keep the schedule in the directory of a run what its sampler draws, whenever a plan was decided.

    Parameters
    ----------
    directory : RunDirectory
    sampler : sampler with a `plan`
    first : bool
        Whether this process is the first rank, the one that writes.
    """

    def __init__(self, directory: RunDirectory, sampler: _Sampler, *, first: bool) -> None:
        self._directory, self._sampler, self._first = directory, sampler, first
        self._written: Drawable | None = None

    def _write(self) -> None:
        if self._first and self._sampler.plan is not self._written:
            write_schedule(self._directory, self._sampler)
            self._written = self._sampler.plan

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Write what a checkpoint holds: a plan that was decided after it is not drawn."""
        self._write()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Write what was decided."""
        self._write()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Write what was decided after the last step."""
        self._write()

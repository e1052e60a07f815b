"""The schedule that a run draws: what was planned, and what was decided while it trained."""

from dataclasses import replace
from typing import Any, Protocol

from equipoise.base.files import write_atomically
from equipoise.errors import ConfigError, RunError
from equipoise.loaders import replan
from equipoise.plan import Plan
from equipoise.runs.directory import RunDirectory
from equipoise.runs.prepare import Prepared
from equipoise.samplers import LengthSorted
from equipoise.schedule import Drawable, Schedule
from equipoise.trainer.stream import Part


class _Sampler(Protocol):
    @property
    def plan(self) -> Drawable: ...


class UsedSchedule(Part):
    """Keep the schedule in the directory of a run what its sampler draws, whenever a plan was decided.

    Parameters
    ----------
    directory : RunDirectory
    sampler : sampler with a `plan`
        It draws what was planned; decisions come later, also those of a checkpoint.
    first : bool
        Whether this process is the first rank, the one that writes.
    """

    def __init__(self, directory: RunDirectory, sampler: _Sampler, *, first: bool) -> None:
        self._directory, self._sampler, self._first = directory, sampler, first
        self._planned = sampler.plan
        self._written: Drawable | None = None

    def _write(self) -> None:
        drawn = self._sampler.plan
        if not self._first or drawn is self._written:
            return
        if len(drawn.stages) == 1 and drawn.fingerprint == self._planned.fingerprint:
            self._directory.schedule.unlink(missing_ok=True)  # a single plan is in a file of its own
        else:
            with write_atomically(self._directory.schedule) as temporary:
                temporary.write_text(Schedule(drawn.stages).to_json(), encoding="utf-8")
        self._written = drawn

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Write what a checkpoint holds: a plan that was decided after it is not drawn."""
        self._write()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Write what was decided."""
        self._write()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Write what was decided after the last step."""
        self._write()


class ReplanAtBegin(Part):
    """Decide on another plan when training begins, for the first position behind its checkpoint that is possible.

    Parameters
    ----------
    sampler : LengthSorted
    plan : Plan
    draws : int
        Of the whole run.
    """

    def __init__(self, sampler: LengthSorted, plan: Plan, draws: int) -> None:
        self._sampler, self._plan, self._draws = sampler, plan, draws

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Decide; the same plan changes nothing.

        Raises
        ------
        RunError
            If no draws of the run are left to change.
        """
        begin = self._sampler.earliest_replan()
        if begin >= self._draws:
            raise RunError(
                "no-draws-left",
                f"The plan can change from draw {begin:,} on, where the window and the block of draws end that were "
                f"begun, and the run has {self._draws:,}. Resume it without --replan.",
            )
        replan(self._sampler, self._plan, at=begin)


def resumed(directory: RunDirectory, prepared: Prepared, *, replanned: bool) -> tuple[Prepared, Plan | None]:
    """Return a run as it was begun, to be resumed, and the plan that is decided for the rest of it, if it is replanned.

    Raises
    ------
    RunError
        If the run is complete, or decides on its plans by feedback.
    ConfigError
        If what was planned instead is not one plan, or of other draws.
    """
    if not replanned:
        return replace(prepared, replanned=directory.schedule.is_file()), None
    then, now, plan = directory.read_config().plan, prepared.config.plan, prepared.plan
    if directory.model.is_dir():
        message = f"The run in `{directory.path}` is complete, so no draws are left for --replan. Start a new run."
        raise RunError("complete", message)
    if then.feedback is not None or now.feedback is not None:
        message = "`plan.feedback` decides on the plans of a run, so --replan cannot. Resume without it."
        raise RunError("feedback-decides", message)
    if not isinstance(plan, Plan):
        message = f"--replan takes one plan for the rest of the run, found a schedule of {len(plan.stages)} stages."
        raise ConfigError("not-a-plan", f"{message} Give rates and weights.")
    if then.draws != now.draws:
        message = f"`plan.draws` must be those of the run with --replan, {then.draws}, found {now.draws}."
        raise ConfigError("other-draws", f"{message} Give --draws {then.draws}.")
    begun = replace(prepared.config, plan=then)
    return replace(prepared, config=begun, plan=directory.read_plan(), replanned=True), plan

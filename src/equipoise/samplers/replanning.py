"""Another plan from a position on: where it can begin, and that what was drawn before does not depend on it."""

from abc import abstractmethod
from typing import Final

from equipoise.base.values import integer
from equipoise.drawing import Batches, StratumIndex
from equipoise.drawing.apportion import LENGTH
from equipoise.drawing.labelled import check_sizes
from equipoise.drawing.staged import stages_from
from equipoise.errors import ConfigError, PlanError
from equipoise.plan import Plan
from equipoise.samplers.epochs import EpochSampler, nearest_multiples
from equipoise.schedule import Drawable, Replanned

REPLAN: Final = "Use `sampler.replan(plan, at=position)`."


class Replanning(EpochSampler):
    """A sampler of a plan, which may be changed while it is read; `_course` is what was drawn and will be."""

    index: StratumIndex
    replacement: bool
    batches: Batches
    _course: Replanned
    _trained: int

    @abstractmethod
    def _draw(self, course: Replanned) -> None:
        """Draw by another course from now on."""

    @property
    def plan(self) -> Drawable:
        """What is drawn; `replan` changes it."""
        return self._course.drawn

    def replan(self, plan: Plan, *, at: int | None = None) -> int:
        """Draw by another plan from a position on, also in an iteration that is running; call it on all ranks alike.

        A schedule is drawn until there, and this plan instead of what the schedule has after it. Each stratum resumes
        behind the draws already used, so that no example is repeated or left out within its pass, and shares are exact
        over both plans. The state holds what was decided, so that a resumed run draws the same; so does a new sampler
        of the `plan` that this one then has.

        Parameters
        ----------
        plan : Plan
            Of the same strata and counts.
        at : int, optional
            Draws of all ranks together after which the plan changes: `earliest_replan` (the default) or later, a
            multiple of the world size, and of the global batch with `Quota` and `OneTask`.

        Returns
        -------
        int
            The position from which the plan is drawn.

        Raises
        ------
        PlanError
            If the plan has other strata or counts.
        ConfigError
            If `at` is in a block that was begun, behind the stream's last whole epoch, or not such a multiple. The
            sampler stays as it was.

        Examples
        --------
        >>> from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
        >>> census = Census.from_counts({"large": 900, "small": 100})
        >>> natural = Plan.build(census, rates="proportional")
        >>> sampler = PlanSampler(natural, StratumIndex.from_sizes(census), draws_per_epoch=4096)
        >>> rows = iter(sampler)
        >>> first = [next(rows) for _ in range(1000)]
        >>> sampler.replan(Plan.build(census, rates=rates.Equal()))
        2048
        >>> drawn = [*first, *rows]
        >>> [sum(row >= 900 for row in part) for part in (drawn[:2048], drawn[2048:])]
        [205, 1024]
        """
        at = self.check_replan(plan, at=at)
        changed = self._course.changed(plan, at)
        if changed.drawn.fingerprint != self.plan.fingerprint:
            begin, _ = self._block_at(at)
            self._draw(changed)
            self._cut(begin)  # the block that the plan changes in is drawn anew: as short as it is now
        return at

    def check_replan(self, plan: Plan, *, at: int | None = None) -> int:
        """Return the position from which `replan` would draw a plan, or raise its error; nothing changes."""
        return self.check_after(self.settled, plan, at, self._multiple)

    def earliest_replan(self) -> int:
        """Return the first position from which another plan can be drawn.

        Shares are exact at the end of a block only, so it is the end of the block that was begun: of the plan's block
        with `Mixed`, of a batch with `Quota`, of a block of batches with `OneTask`.
        """
        return self.earliest_after(self.settled, self._multiple)

    @property
    def settled(self) -> int:
        """Position before which draws are settled: those that were yielded, or trained on."""
        return max(self.position, self._trained)

    def trained_until(self, position: int) -> None:
        """Let no plan change before a position: what was trained on is yielded again, to be skipped, as Trainers do."""
        self._trained = position

    def earliest_after(self, position: int, multiple: int) -> int:
        """Return the first position from which another plan can be drawn if the draws before one are settled.

        It is a multiple of so many draws, counted from the origin, as batches are.
        """
        begin, end = self._block_at(position)
        at = position if begin == position else end
        return at + (self.origin - at) % multiple

    def check_after(self, position: int, plan: Plan, at: int | None, multiple: int) -> int:
        """Do what `check_replan` does if the draws before a position are settled."""
        if plan.strata != self.plan.strata:
            raise PlanError(
                "other-strata",
                f"`plan` must have the {len(self.plan.strata)} strata of the sampler's plan, found others. Build a "
                "new sampler with its own index, and load this one's state with accept_changes=True.",
            )
        check_sizes(plan, self.index)
        earliest = self.earliest_after(position, multiple)
        at = earliest if at is None else integer("at", at)
        if not earliest <= at <= self._last:
            raise ConfigError(
                "position-out-of-range",
                f"`at` must be from {earliest}, before which draws were yielded or a block of them begun, to "
                f"2**59 - {LENGTH - self._last}, found {at!r:.80}. Where a loader has read ahead of the training, and "
                "that is to be drawn anew, load `state_dict(position=...)` of what was trained on first.",
            )
        if (at - self.origin) % multiple:
            after = f" after draw {self.origin}, where this sampler's draws begin," if self.origin else ","
            raise ConfigError(
                "not-a-multiple",
                f"`at` must be a multiple of {multiple}{after} so that no global batch is of two plans, found "
                f"{at}. Use {nearest_multiples(at - self.origin, multiple, self.origin)}.",
            )
        return at

    def _block_at(self, position: int) -> tuple[int, int]:
        """Return where the block that holds a position begins and ends."""
        if self.replacement:
            return position, position
        stages = stages_from(self.plan.stages, self.origin)
        begin, plan = next(stage for stage in reversed(stages) if stage.at <= position)
        block = self.batches.block(plan)
        first = position - (position - begin) % block
        return first, min([first + block, *(stage.at for stage in stages if stage.at > position)])

    @property
    def _multiple(self) -> int:
        return self.batches.size or self.shard.world_size

"""The driver of a feedback rule: scores every few steps, decides the next plan, keeps and resumes the decisions."""
# ruff: noqa: ARG002 - the signatures are those of TrainerCallback

import json
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from transformers import TrainerState, TrainingArguments

from equipoise.base.files import write_atomically
from equipoise.base.plain_json import read_json, write_json
from equipoise.base.states import check_state, refusing_damaged
from equipoise.drawing import Shard
from equipoise.errors import PlanError, RunWarning, StateError
from equipoise.feedback import Decision, Feedback, Scores, StopTask, within_limits
from equipoise.loaders import replan
from equipoise.losses.training import StagedTrainingLoss
from equipoise.plan import Plan
from equipoise.plan.limits import Passes
from equipoise.rates.base import FloatArray
from equipoise.runs.directory import RunDirectory
from equipoise.runs.feedback_scores import FeedbackScores, means
from equipoise.runs.prepare import Prepared
from equipoise.samplers import LengthSorted
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.arguments import global_batch
from equipoise.trainer.step_loss import progress
from equipoise.trainer.stream import Part
from equipoise.trainer.task_losses import TaskLosses

FILE_NAME = "equipoise_feedback.json"
_ADVICE = "Resume from another checkpoint."


class FeedbackDriver(Part):
    """Changes the plan of a training by the rule of `plan.feedback`, every `plan.feedback_every` steps.

    A decision is a function of the rule, of the decisions before and of the scores, all of which each checkpoint holds;
    the plans are in the state of the sampler. So a resumed run decides the same. The plan changes where no window or
    block of draws was begun, at a position that depends on the step alone. Nothing is decided where that is where the
    plan before begins, or behind the last draw.

    Parameters
    ----------
    prepared : Prepared
        The run; it has rows for feedback.
    trainer : EquipoiseTrainer
        Its trainer.
    sampler : LengthSorted
        Its sampler, of the whole stream.
    tokenizer
        The tokenizer of its model.
    directory : RunDirectory
        Where ``feedback.json`` is written, on the first rank.
    """

    def __init__(
        self,
        prepared: Prepared,
        trainer: EquipoiseTrainer,
        sampler: LengthSorted,
        tokenizer: Any,
        directory: RunDirectory,
    ) -> None:
        chosen, args = prepared.config.plan, trainer.args
        self._rule, self._every = cast(Feedback, chosen.feedback), cast(int, chosen.feedback_every)
        self._draws, self._limits, self._part = cast(int, chosen.draws), chosen.max_passes, chosen.part
        self._trainer, self._sampler, self._directory = trainer, sampler, directory
        self._tasks = sorted(prepared.tasks)
        self._scores = FeedbackScores(
            prepared, cast(nn.Module, trainer.model), tokenizer, Shard(args.process_index, args.world_size)
        )
        self._losses = trainer.step_loss.watched = TaskLosses(len(self._tasks), trainer.accelerator.device)
        # Workers of a loader read whole steps ahead, and accelerate one batch.
        self._ahead = 1 + args.dataloader_num_workers * (args.dataloader_prefetch_factor or 2)
        self._batch = global_batch(args)
        self._begin(cast(Plan, prepared.plan))
        if args.process_index == 0 and self._next(self._every) >= self._draws:
            message = (
                f"`plan.feedback` changes nothing: after its first decision, at step {self._every}, the earliest draw "
                f"with another plan is {self._next(self._every):,} of {self._draws:,}, as a plan changes only where "
                "windows and blocks of draws end. Set `training.batches: quota` and a smaller `training.window`, or "
                "draw more."
            )
            warnings.warn(RunWarning("no-decisions", message), stacklevel=2)

    def _next(self, step: int) -> int:
        """Return where another plan can begin after a step; the same on any number of ranks."""
        return self._sampler.earliest_after((step + self._ahead) * self._batch)

    def _begin(self, plan: Plan) -> None:
        self.history, self._steps = [Decision(0, plan)], [0]
        self._stopped: dict[str, dict[str, int]] = {}
        self._losses.set(None)

    def _append(self, decision: Decision, step: int) -> None:
        """Append a decision, and note the tasks that a `StopTask` stops with it: where, and the step of their best."""
        self.history.append(decision)
        self._steps.append(step)
        if isinstance(self._rule, StopTask):
            best = self._rule.best_at(self.history)
            step_of = dict(zip((each.at for each in self.history), self._steps, strict=True))
            for task in self._rule.stopped(self.history):
                self._stopped.setdefault(task, {"step": step, "best_step": step_of[best[task]]})

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Begin a run without decisions; write those of a checkpoint, as there may have been later ones."""
        if state.global_step == 0:
            self._begin(self.history[0].plan)
        self._write(state)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        """Decide, if it is time."""
        if state.global_step % self._every:
            return
        at = self._next(state.global_step)
        if self.history[-1].at < at < self._draws:
            self._decide(at, state)

    def _decide(self, at: int, state: TrainerState) -> None:
        scores = self._measured(state)
        plan = self._rule.next_plan(self.history, scores)
        if self._limits is not None:
            plan = self._within(self._limits, plan, at)
        replan(self._sampler, plan, at=at)
        before = set(self._stopped)
        self._append(Decision(at, plan, scores), state.global_step)
        self._losses.set(None)
        stopped = {task: told["best_step"] for task, told in self._stopped.items() if task not in before}
        if stopped:
            self._trainer.log({f"feedback/best_step/{task}": float(step) for task, step in stopped.items()})
        self._write(state)

    def _within(self, limits: Passes, plan: Plan, at: int) -> Plan:
        # Of a proxy the limits are those of the full training, all of whose rows the plan counts.
        drawn, left = self._drawn(at) / float(self._part), round((self._draws - at) / self._part)
        return within_limits(plan, limits, drawn, left)

    def _measured(self, state: TrainerState) -> Scores:
        """Return the scores of now, the same on all ranks."""
        trainer, model = self._trainer, cast(nn.Module, self._trainer.model)
        model.eval()  # the Trainer sets it back at each step
        with trainer.gathered(), trainer.accelerator.autocast():
            f1, of_tasks = self._scores.of_labels(model)
            loss = cast(StagedTrainingLoss, trainer.step_loss.loss).validating(progress(state))
            of_tasks |= self._scores.of_texts(model, loss, progress(state), self._reduced)
        losses = means(self._tasks, self._losses.over_ranks(self._reduced))
        told: list[Any] = [Scores(f1, of_tasks, losses)]
        if trainer.accelerator.num_processes > 1:  # to the last bit
            broadcast_object_list(told)
        return told[0]

    def _drawn(self, at: int) -> FloatArray:
        """Return the draws of each stratum before a position."""
        stages = [stage for stage in self._sampler.plan.stages if stage.at < at]
        ends = [*(stage.at for stage in stages[1:]), at]
        parts = [stage.plan.probabilities * (end - stage.at) for stage, end in zip(stages, ends, strict=True)]
        return np.sum(parts, axis=0)

    def _write(self, state: TrainerState) -> None:
        if not state.is_world_process_zero:
            return
        if len(self.history) == 1:
            self._directory.feedback.unlink(missing_ok=True)
            return
        decisions = [
            {"step": step, "at": decision.at, "rates": _rates(decision.plan), "scores": _plain(decision.scores)}
            for step, decision in zip(self._steps[1:], self.history[1:], strict=True)
        ]
        written = {"rule": self._rule.to_dict(), "every": self._every, "rows": self._scores.rows}
        write_json(self._directory.feedback, written | {"decisions": decisions, "stopped": self._stopped})

    def save(self, checkpoint: Path) -> None:
        """Write the scores of the decisions, and the losses since the last one, which are those of all ranks."""
        sums = self._losses.over_ranks(self._reduced).tolist()
        if self._trainer.accelerator.is_main_process:
            decisions = [
                {"step": step, "at": decision.at, "scores": _plain(decision.scores)}
                for step, decision in zip(self._steps[1:], self.history[1:], strict=True)
            ]
            with write_atomically(checkpoint / FILE_NAME) as temporary:
                temporary.write_text(json.dumps({"decisions": decisions, "losses": sums}) + "\n", encoding="utf-8")

    def resume(self, checkpoint: Path) -> None:
        """Take over the decisions; their plans are those of the sampler, which has resumed already.

        Raises
        ------
        StateError
            If the checkpoint has no decisions of a rule, or they are damaged.
        """
        path = checkpoint / FILE_NAME
        if not path.is_file():
            message = f"`{checkpoint}` is not of a run with `plan.feedback`: it has no `{FILE_NAME}`. {_ADVICE}"
            raise StateError("other-feedback", message)
        state = read_json(path, StateError, _ADVICE)
        kinds = {"step": range(1 << 59), "at": range(1 << 59), "scores": dict[str, Any]}
        with refusing_damaged(path):
            check_state(state, type(self).__name__, {"decisions": list[Any], "losses": list[list[float]]})
            if [len(each) for each in state["losses"]] != [self._losses.sums.shape[1]] * 2:
                raise StateError(
                    "damaged-state", f"`losses` in the state must be two lists of {self._losses.sums.shape[1]} sums."
                )
            self._begin(self.history[0].plan)
            stages = self._sampler.plan.stages
            for each in state["decisions"]:
                check_state(each, type(self).__name__, kinds)
                plan = next(stage.plan for stage in reversed(stages) if stage.at <= each["at"])
                try:
                    self._append(Decision(each["at"], plan, Scores.from_dict(each["scores"])), each["step"])
                except PlanError as error:
                    raise StateError("damaged-state", str(error)) from error
            if self._trainer.accelerator.is_main_process:
                self._losses.set(state["losses"])

    def _reduced(self, sums: Tensor) -> Tensor:
        return cast(Tensor, self._trainer.accelerator.reduce(sums, "sum"))


def _rates(plan: Plan) -> dict[str, float]:
    return {task: float(plan.probabilities[plan.span(task)].sum()) for task in plan.tasks}


def _plain(scores: Scores | None) -> dict[str, Any]:
    return (scores or Scores()).to_dict()

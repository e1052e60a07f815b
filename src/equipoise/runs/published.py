"""The model of a run: put in place when training has ended, and which checkpoint it is of, and why."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from transformers import TrainerState

from equipoise.base.codec import from_plain, to_plain
from equipoise.base.files import write_atomically
from equipoise.base.plain_json import write_json
from equipoise.config import TrainingConfig
from equipoise.errors import RunError
from equipoise.loaders.checks import whole_steps
from equipoise.metrics import METRICS
from equipoise.models.base_model import base_of
from equipoise.plan import Plan
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.callbacks import METRICS_NAME
from equipoise.trainer.checkpoints.folders import publishing, step_of


@dataclass(frozen=True)
class Published:
    """The checkpoint that was published of a training with `training.best`.

    Attributes
    ----------
    step : int
        The step of the checkpoint.
    best : str
        The metric that it was chosen by.
    value : float or None
        Its value on the validation rows; None if it was never a number.
    validations : int
        How many there were.
    steps : int
        The steps that were trained.
    planned : int
        The steps of the whole training; more than `steps` if it ended early.

    Examples
    --------
    >>> print(Published(300, "macro_f1", 0.7124, validations=5, steps=500, planned=800))
    Published the model of step 300: its validation macro-F1, 0.7124, is the highest of 5. Training ended early, after
    step 500 of 800, as it had not risen since.
    """

    step: int
    best: str
    value: float | None
    validations: int
    steps: int
    planned: int

    @classmethod
    def of(cls, training: TrainingConfig, state: TrainerState, planned: int, model_of: Path | None) -> Self | None:
        """Say which checkpoint was published, from the state of the Trainer; None without `training.best`.

        `model_of` is the best checkpoint, if it is there.
        """
        best = training.best
        if best is None:
            return None
        history = {each["step"]: each[f"eval_{best}"] for each in state.log_history if f"eval_{best}" in each}
        step = state.global_step if model_of is None else step_of(model_of)
        return cls(step, best, history.get(step), len(history), state.global_step, planned)

    @classmethod
    def read(cls, directory: RunDirectory) -> Self | None:
        """Read it from a run directory; None if the run was trained without `training.best`."""
        if not directory.published.exists():
            return None

        def damaged(why: str) -> RunError:
            return RunError("damaged-file", f"`{directory.published}` cannot be used: {why}")

        return from_plain(cls, read_json(directory.published), damaged)

    def write(self, directory: RunDirectory) -> None:
        """Write it into a run directory."""
        write_json(directory.published, to_plain(self))

    def __str__(self) -> str:
        rising = self.best != "loss" and METRICS[self.best].sign > 0
        title = "loss" if self.best == "loss" else METRICS[self.best].title
        value = "" if self.value is None else f", {self.value:.4f},"
        of_all = f"is the {'highest' if rising else 'lowest'} of {self.validations}"
        told = f"Published the model of step {self.step}: its validation {title}{value} {of_all}."
        if self.steps == self.planned:
            return told
        since = f"as it had not {'risen' if rising else 'fallen'} since"
        return f"{told} Training ended early, after step {self.steps} of {self.planned}, {since}."


def trained_plan(directory: RunDirectory) -> Plan:
    """Return the plan of the run's model: of a schedule the average over the draws up to the checkpoint it is of."""
    config, published = directory.read_config(), Published.read(directory)
    batch, draws = config.training.batch_size, config.plan.draws
    assert draws is not None
    return directory.read_drawn().average(whole_steps(draws, batch) if published is None else published.step * batch)


def publish(trainer: EquipoiseTrainer, directory: RunDirectory) -> None:
    """Put the metrics, the model and its tokenizer in place; the folder of the model is sealed, and renamed last."""
    with write_atomically(directory.metrics) as temporary:
        shutil.copyfile(directory.checkpoints / METRICS_NAME, temporary)
    with publishing(directory.model, directory.checkpoints) as unfinished:
        trainer.save_model(str(unfinished))
        base = base_of(trainer.model)
        if base is not None:
            base.write(unfinished)

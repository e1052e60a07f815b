"""The directory of a run: its files, how it is created, and how it is opened again."""

import json
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from equipoise.base import plain_json
from equipoise.base.files import (
    Entry,
    read_text,
    refusing_unwritable,
    remove_left,
    unfinished_name,
    write_atomically,
)
from equipoise.calibration import Calibration, Provenance
from equipoise.config import RunConfig, load_config, save_config
from equipoise.data import Task
from equipoise.errors import EquipoiseError, RunError
from equipoise.runs.prepare import Prepared
from equipoise.runs.versions import installed_versions
from equipoise.schedule import Drawable, read_drawable
from equipoise.trainer.checkpoints.lock import HOLDER, LOCK
from equipoise.trainer.checkpoints.seal import SEAL, damage_of_model, fingerprint_of_weights

T = TypeVar("T")


@dataclass(frozen=True)
class RunDirectory:
    """Names the files of one run.

    Attributes
    ----------
    path : pathlib.Path
        The directory.
    """

    path: Path

    config = Entry("config.yaml")
    """The resolved configuration."""
    plan = Entry("plan.json")
    """The plan, with its census."""
    schedule = Entry("schedule.json")
    """The schedule that is drawn, with what was decided while the run trained; a run of a single plan has none."""
    feedback = Entry("feedback.json")
    """The decisions of `plan.feedback`, with their scores; a run without decisions has none."""
    tasks = Entry("tasks.json")
    """The tasks, with their labels and prompts."""
    data = Entry("data.json")
    """Fingerprint and size of the data."""
    versions = Entry("versions.json")
    """The versions of Python and of the packages that computed the run."""
    metrics = Entry("metrics.jsonl")
    """What training logged, one JSON object per line."""
    published = Entry("published.json")
    """Which checkpoint the model is of; it exists once a training with `training.best` is complete."""
    checkpoints = Entry("checkpoints")
    """The folder of the checkpoints."""
    tokens = Entry(".tokens")
    """The tokens of the training rows, until the run is complete."""
    trackers = Entry("trackers")
    """What trackers such as TensorBoard keep of the run, if it has any."""
    model = Entry("model")
    """The folder of the trained model and its tokenizer; it exists once training is complete."""
    merged = Entry("merged")
    """The folder of the whole model, where the trained one is an adapter and was merged."""
    predictions = Entry("predictions.parquet")
    """The predictions of the evaluation."""
    evaluation = Entry("evaluation.json")
    """The scores of the evaluation."""
    calibration = Entry("calibration.json")
    """The calibration; it exists once the run was calibrated."""
    calibration_folder = Entry("calibration")
    """The folder of the reports of the calibration."""
    calibration_report = Entry("calibration/report.json")
    """The measures of the calibration."""
    calibration_page = Entry("calibration/index.html")
    """The same as a page."""

    @property
    def started(self) -> bool:
        """Whether the directory holds a run: its configuration is the last of the inputs to be written."""
        return self.config.is_file()

    @classmethod
    def create(cls, path: Path, *, again: bool = False) -> "RunDirectory":
        """Make a new, empty run directory.

        Parameters
        ----------
        path : pathlib.Path
            The directory.
        again : bool
            Accept the files of a start that was interrupted before it was complete.

        Raises
        ------
        RunError
            If the path holds something else, or cannot be written.
        """
        directory = cls(path)
        with refusing_unwritable(path):
            taken = path.is_symlink() or (path.exists() and not path.is_dir())
        if taken:
            raise RunError("not-a-directory", f"`out` must be a new directory, found something else at `{path}`.")
        if path.is_dir() and any(directory._held()) and not (again and directory._interrupted_start()):
            hint = ", or resume that run with --resume" if directory.started else ""
            message = f"`{path}` is not empty, and runs are never overwritten. Choose another --out{hint}."
            raise RunError("not-empty", message)
        with refusing_unwritable(path):
            path.mkdir(parents=True, exist_ok=True)
        return directory

    @property
    def _inputs(self) -> tuple[Path, ...]:
        return (self.config, self.plan, self.tasks, self.data, self.versions)

    def _interrupted_start(self) -> bool:
        inputs = [file.name for file in self._inputs]
        unfinished = tuple(map(unfinished_name, inputs))
        return not self.started and all(
            each.is_file() and (each.name in inputs or each.name.startswith(unfinished)) for each in self._held()
        )

    @contextmanager
    def starting(self, prepared: Prepared, *, again: bool = False, new: bool = False) -> Generator[None]:
        """Write the inputs, then train in the block, which holds the lock.

        If the block fails before anything was trained that was saved or logged, all of it is removed, and the directory
        too if it is `new`: the same command with another option finds what this one did. `again` and errors are as in
        `create`.
        """
        self.create(self.path, again=again)
        try:
            self.write_inputs(prepared.config, prepared.plan, prepared.tasks, prepared.data)
            yield
        except Exception:  # whatever training raises; it is raised again
            if not self._trained():
                with suppress(OSError):  # the first error tells more
                    for file in (*self._inputs, self.schedule, self.feedback):
                        file.unlink(missing_ok=True)
                    for folder in (self.checkpoints, self.tokens, self.trackers):
                        shutil.rmtree(folder, ignore_errors=True)
                    if new:
                        self.path.rmdir()
            raise

    def _trained(self) -> bool:
        """Return whether a step of training has left something: a checkpoint, or a line in the metrics."""
        logged = self.checkpoints / self.metrics.name
        lines = logged.read_text("utf-8").splitlines() if logged.is_file() else ()
        return any(json.loads(line)["step"] for line in lines) or any(self.checkpoints.glob("checkpoint-*"))

    def _held(self) -> Iterator[Path]:
        """Yield what the directory holds beside the lock of whoever trains there, and tokens that a rank has made."""
        for each in self.path.iterdir():
            if each == self.tokens:
                continue
            locks = each.name == self.checkpoints.name and each.is_dir() and not each.is_symlink()
            if not locks or any(not inner.name.startswith((LOCK, HOLDER)) for inner in each.iterdir()):
                yield each

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """Open the directory of an existing run, and remove what killed processes left half-written in it.

        Raises
        ------
        RunError
            If the directory does not hold a run.
        """
        directory = cls(path)
        for file in (directory.config, directory.plan, directory.tasks):
            if not file.is_file():
                raise RunError("not-a-run", f"`{path}` is not a run directory: `{file.name}` is missing.")
        reports = (directory.calibration_report, directory.calibration_page)
        for file in (directory.predictions, directory.evaluation, directory.calibration, *reports):
            remove_left(file)
        return directory

    def read_config(self) -> RunConfig:
        """Read the resolved configuration."""
        return load_config(self.config)

    def read_plan(self) -> Drawable:
        """Read the plan or schedule that the run began with; a RunError if the file is missing or damaged."""
        return _parsed(self.plan, read_drawable, read_text(self.plan, RunError))

    def read_drawn(self) -> Drawable:
        """Read what the run draws: the schedule with what was decided while it trained, or else the plan.

        Raises
        ------
        RunError
            If the file is missing or damaged.
        """
        file = self.schedule if self.schedule.exists() else self.plan
        return _parsed(file, read_drawable, read_text(file, RunError))

    def read_tasks(self) -> dict[str, Task]:
        """Read the tasks.

        Raises
        ------
        RunError
            If the file is missing or damaged, or a task in it is not valid.
        """
        held: object = read_json(self.tasks)
        if not isinstance(held, dict):
            raise RunError("damaged-file", f"`{self.tasks}` must hold an object, found {type(held).__name__}.")
        return {name: _parsed(self.tasks, Task.from_dict, task) for name, task in cast("dict[str, Any]", held).items()}

    def read_calibration(self, plan: Drawable) -> Calibration | None:
        """Return the calibration of the run; None if it has none.

        Raises
        ------
        RunError
            If it is damaged, was changed, belongs to another run, or is not the one that its report is of.
        """
        calibration = None
        if self.calibration.exists():
            calibration = _parsed(self.calibration, Calibration.from_json, read_text(self.calibration, RunError))
            calibration.check(self.provenance(plan))
        if self.calibration_report.exists():
            report: object = read_json(self.calibration_report)
            of = cast("dict[str, Any]", report).get("calibration") if isinstance(report, dict) else None
            if calibration is None or of != calibration.fingerprint:
                message = f"`{self.calibration_report}` is not of `{self.calibration}`, as if `equipoise calibrate` was"
                again = f"killed while it replaced them. Repeat it: `equipoise calibrate {self.path} --overwrite`."
                raise RunError("half-calibrated", f"{message} {again}")
        return calibration

    def provenance(self, plan: Drawable) -> Provenance:
        """Return what a calibration of this run belongs to."""
        return Provenance(plan.fingerprint, fingerprint_of_weights(self.published_model()))

    def write_inputs(
        self, config: RunConfig, plan: Drawable, tasks: Mapping[str, Task], data: Mapping[str, Any]
    ) -> None:
        """Write the inputs of the run; the configuration last, as it makes the directory a run."""
        with write_atomically(self.plan) as temporary:
            temporary.write_text(plan.to_json(), encoding="utf-8")
        plain_json.write_json(self.tasks, {name: task.to_dict() for name, task in tasks.items()})
        plain_json.write_json(self.data, data)
        plain_json.write_json(self.versions, installed_versions())
        save_config(config, self.config)

    def trained_model(self) -> Path:
        """Return the folder of the trained model, all of which is read: it must be as it was written.

        Raises
        ------
        RunError
            If training is not complete, or the model has changed since.
        """
        model = self.published_model()
        damage = damage_of_model(model)
        if damage is None:
            return model
        raise RunError(
            "damaged-model",
            f"`{model}` cannot be used: {damage}. Restore it, or remove the folder and publish the last checkpoint "
            f"again with `{self._resume_command}`. If you have changed it yourself, seal it: `cd {model} && rm -f "
            f"{SEAL} && sha256sum * > {SEAL}`.",
        )

    def published_model(self) -> Path:
        """Return the folder of the trained model without reading it; a RunError if training is not complete."""
        if self.model.is_dir():
            return self.model
        message = f"`{self.path}` has no trained model yet. Finish its training with `{self._resume_command}`."
        raise RunError("no-model", message)

    @property
    def _resume_command(self) -> str:
        return f"equipoise train {self.config} --out {self.path} --resume"


def _parsed(file: Path, parse: Callable[[Any], T], value: Any) -> T:
    """Parse what a file of the run holds; a RunError names the file where that is damaged."""
    try:
        return parse(value)
    except EquipoiseError as error:
        raise RunError("damaged-file", f"`{file}` cannot be used: {error}") from error


def read_json(path: Path) -> Any:
    """Read a JSON file of a run; a RunError if it is missing or damaged."""
    return plain_json.read_json(path, RunError)

"""Trackers of experiments, TensorBoard, Weights & Biases and MLflow: what the Trainer does not log to them itself.

The callbacks of transformers log the losses and metrics. They attach to what is opened here: one run of the tracker for
each run directory, which a resumed training continues, with its files in the folder ``trackers`` of that directory.
"""

# ruff: noqa: ARG002 - not every tracker needs all that it is told
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, cast

from transformers import TrainerCallback
from transformers.integrations.integration_utils import TensorBoardCallback

from equipoise.base.plain_json import write_json
from equipoise.errors import ConfigError, EquipoiseError, RunError
from equipoise.pages.markdown import text_of
from equipoise.runs.directory import read_json

PROJECT = "equipoise"
Rows = Iterable[Sequence[str]]


class Tracker(ABC):
    """One run of a tracker, open.

    Parameters
    ----------
    folder : pathlib.Path
        The run directory, whose name the run has.
    parent : pathlib.Path or None
        The directory of the comparison that the run is a part of.
    known : str or None
        What the tracker calls the run, if it was opened before.
    step : int
        The step that training resumes from.
    """

    PACKAGE: ClassVar[str]
    id: str

    def __init__(self, folder: Path, parent: Path | None, known: str | None, step: int) -> None:
        self._files = (folder / "trackers").absolute()
        self._files.mkdir(parents=True, exist_ok=True)
        self._step = step
        self._open(folder.absolute().name, parent, known)

    @abstractmethod
    def _open(self, name: str, parent: Path | None, known: str | None) -> None:
        """Open the run, and set `id`."""

    @abstractmethod
    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Log numbers after a step."""

    @abstractmethod
    def table(self, name: str, heads: Sequence[str], rows: Rows) -> None:
        """Log a table."""

    @abstractmethod
    def close(self, *, failed: bool) -> None:
        """End the run, or the part of it that this process does."""

    def callback(self) -> TrainerCallback | None:
        """Return a callback of transformers that logs to this run, where that of the Trainer does not find it."""
        return None


class _TensorBoard(Tracker):
    """Event files, in ``trackers/tensorboard`` or a folder of ``TENSORBOARD_LOGGING_DIR``."""

    PACKAGE = "tensorboard"

    def _open(self, name: str, parent: Path | None, known: str | None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional, as the others below

        chosen = os.environ.get("TENSORBOARD_LOGGING_DIR")
        self.id = str(self._files / "tensorboard" if chosen is None else Path(chosen) / name)
        # What was logged after the checkpoint is logged again.
        self._writer = SummaryWriter(self.id, purge_step=self._step + 1 if self._step else None)

    def callback(self) -> TrainerCallback | None:
        return TensorBoardCallback(self._writer)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def table(self, name: str, heads: Sequence[str], rows: Rows) -> None:
        self._writer.add_text(name, markdown(heads, rows))

    def close(self, *, failed: bool) -> None:
        self._writer.close()


class _WeightsAndBiases(Tracker):
    """A run of Weights & Biases; those of a comparison are one group."""

    PACKAGE = "wandb"

    def _open(self, name: str, parent: Path | None, known: str | None) -> None:
        import wandb  # noqa: PLC0415

        self._own = wandb.run is None  # that of whoever calls is used
        if self._own:
            wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=os.environ.get("WANDB_NAME", name),
                group=None if parent is None else parent.absolute().name,
                id=known,
                resume=None if known is None else "allow",
                dir=os.environ.get("WANDB_DIR", str(self._files)),
            )
        self._run = cast(Any, wandb.run)
        self.id = self._run.id

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._run.log({**values, "train/global_step": step})

    def table(self, name: str, heads: Sequence[str], rows: Rows) -> None:
        import wandb  # noqa: PLC0415

        self._run.log({name: wandb.Table(columns=list(heads), data=[list(row) for row in rows])})

    def close(self, *, failed: bool) -> None:
        if self._own:
            self._run.finish(exit_code=int(failed))


class _MLflow(Tracker):
    """A run of MLflow; those of a comparison are below its run.

    Without a tracking URI it is in ``trackers/mlflow.db`` of the run directory, or of that of the comparison.
    """

    PACKAGE = "mlflow"

    def _open(self, name: str, parent: Path | None, known: str | None) -> None:
        import mlflow  # noqa: PLC0415

        self._mlflow: Any = mlflow
        active = mlflow.active_run()
        self._own, self._local = active is None, not mlflow.is_tracking_uri_set()
        if active is not None:
            self.id = active.info.run_id
            return
        store = self._files if parent is None else parent.absolute() / "trackers"
        if self._local:
            mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
        try:
            experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
            found = mlflow.get_experiment_by_name(experiment)
            place = (store / "mlflow-artifacts").as_uri() if self._local else None
            of = mlflow.create_experiment(experiment, place) if found is None else found.experiment_id
            above = None if parent is None or known is not None else ids_of(parent).get("mlflow")
            self.id = mlflow.start_run(known, of, name, parent_run_id=above).info.run_id
        except BaseException:
            self._forget_store()
            raise

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        named = {re.sub(r"[^0-9A-Za-z_\-\.\ :/]", "_", name): value for name, value in values.items()}
        self._mlflow.log_metrics(named, step)

    def table(self, name: str, heads: Sequence[str], rows: Rows) -> None:
        self._mlflow.log_text(markdown(heads, rows), f"{name}.md")

    def close(self, *, failed: bool) -> None:
        if self._own:
            self._mlflow.flush_async_logging()
            self._mlflow.end_run("FAILED" if failed else "FINISHED")
            self._forget_store()

    def _forget_store(self) -> None:
        if self._local:
            self._mlflow.set_tracking_uri(None)


KINDS: Mapping[str, type[Tracker]] = {"tensorboard": _TensorBoard, "wandb": _WeightsAndBiases, "mlflow": _MLflow}


def trackers_in(report_to: str | Sequence[str] | None) -> list[str]:
    """Return the trackers of the Trainer's option `report_to` that are known here.

    Raises
    ------
    ConfigError
        If the package of one is not installed.

    Examples
    --------
    >>> trackers_in(["comet_ml"]), trackers_in("none")
    ([], [])
    """
    given = [report_to] if isinstance(report_to, str) else report_to or ()
    installed = {name: find_spec(kind.PACKAGE) is not None for name, kind in KINDS.items()}
    if "all" in given:
        return [name for name in KINDS if installed[name]]
    chosen = [name for name in given if name in KINDS]
    for name in chosen:
        if not installed[name]:
            package = KINDS[name].PACKAGE
            message = f"trainer option `report_to` {name} needs the package {package}: `pip install {package}`."
            raise ConfigError("missing-package", message)
    return chosen


def ids_of(folder: Path) -> dict[str, str]:
    """Return what the trackers of a run directory call its run, by the name of the tracker."""
    path = folder / "trackers" / "ids.json"
    return read_json(path) if path.is_file() else {}


@contextmanager
def tracked(
    names: Iterable[str], folder: Path, *, parent: Path | None = None, step: int = 0
) -> Generator[list[Tracker]]:
    """Open the runs of some trackers for a run directory, those that it had before if it had any, for the block.

    Raises
    ------
    RunError
        If one cannot be opened.
    """
    known, opened = ids_of(folder), list[Tracker]()
    failed = True

    def close(tracker: Tracker) -> None:
        tracker.close(failed=failed)

    with ExitStack() as stack:
        for name in names:
            try:
                tracker = KINDS[name](folder, parent, known.get(name), step)
            except EquipoiseError:
                raise
            except Exception as error:  # each package fails in its own way
                reason = str(error).partition("\n")[0]
                message = f"trainer option `report_to` {name} cannot be used: {reason:.300} ({type(error).__name__})."
                raise RunError("tracker-failed", f"{message} Mend it, or leave it out.") from error
            stack.callback(close, tracker)
            opened.append(tracker)
            known[name] = tracker.id
        if opened:
            write_json(folder / "trackers" / "ids.json", known)
        yield opened
        failed = False


def markdown(heads: Sequence[str], rows: Rows) -> str:
    r"""Return a table as Markdown.

    Examples
    --------
    >>> print(markdown(["task", "label"], [["mood", "a|b"]]))
    | task | label |
    | --- | --- |
    | mood | a&#124;b |
    """
    lines = [heads, ["---"] * len(heads), *([text_of(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

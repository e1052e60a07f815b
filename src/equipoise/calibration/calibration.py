"""The calibration of a run: one correction for each task, as a JSON file that belongs to one model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from equipoise.base.plain_json import parse_json
from equipoise.calibration.task import TaskCalibration
from equipoise.errors import RunError
from equipoise.metrics import TaskPredictions

FORMAT, VERSION = "equipoise-calibration", 1


@dataclass(frozen=True)
class Provenance:
    """What a calibration belongs to.

    Attributes
    ----------
    plan : str
        The fingerprint of the plan that was trained on.
    model : str
        SHA-256 of the trained weights.
    """

    plan: str
    model: str


@dataclass(frozen=True)
class Calibration:
    """The corrections of the tasks of one run.

    Attributes
    ----------
    belongs : Provenance
        The run.
    prior : str
        Which label shares the predictions are for: "natural", "given" or "em" (estimated).
    rows : int
        How many validation rows it was fitted on.
    tasks : dict of str to TaskCalibration
        By task. Open-ended tasks have none.

    Examples
    --------
    >>> import numpy as np
    >>> even = np.array([0.5, 0.5])
    >>> one = TaskCalibration(("no", "yes"), even, even, temperature=1.5, tau=0.25)
    >>> calibration = Calibration(Provenance("plan", "model"), "natural", 200, {"tone": one})
    >>> Calibration.from_json(calibration.to_json()) == calibration
    True
    """

    belongs: Provenance
    prior: str
    rows: int
    tasks: dict[str, TaskCalibration]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of all that it says."""
        return _digest(self._content())

    def apply(self, predictions: Mapping[str, TaskPredictions]) -> tuple[dict[str, TaskPredictions], tuple[str, ...]]:
        """Correct predictions.

        Parameters
        ----------
        predictions : mapping of str to TaskPredictions
            Of the model that it belongs to.

        Returns
        -------
        dict of str to TaskPredictions
            All of them; those without probabilities or without a calibration stay as they are.
        tuple of str
            The tasks that were corrected.
        """
        done = tuple(
            name for name, part in predictions.items() if name in self.tasks and part.probabilities is not None
        )
        return {
            name: self.tasks[name].apply(part) if name in done else part for name, part in predictions.items()
        }, done

    def check(self, run: Provenance) -> None:
        """Refuse a run that it does not belong to.

        Raises
        ------
        RunError
            Naming what differs.
        """
        for name, what in (("plan", "another plan"), ("model", "other weights")):
            there, here = getattr(self.belongs, name), getattr(run, name)
            if there != here:
                raise RunError(
                    f"`calibration.json` was fitted for {what} ({there[:12]}) than this run has ({here[:12]})."
                    " Calibrate this run with `equipoise calibrate RUN --overwrite`, or leave the calibration out"
                    " with --no-calibration."
                )

    def to_json(self) -> str:
        """Give it as JSON text, with its fingerprint."""
        content = {**self._content(), "fingerprint": self.fingerprint}
        return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Read what `to_json` gave.

        Raises
        ------
        RunError
            If the text is damaged, of another version, or was changed after it was written.
        """
        hint = "Make it again with `equipoise calibrate RUN --overwrite`."
        values = parse_json(
            text, lambda why: RunError(f"a calibration must be JSON, found text that is not: {why}. {hint}")
        )
        found = (values.get("format"), values.get("version")) if isinstance(values, dict) else type(values).__name__
        if found != (FORMAT, VERSION):
            raise RunError(
                f"a calibration must have `format` {FORMAT!r} and `version` {VERSION}, found {found}. {hint}"
            )
        given = values.pop("fingerprint", None)
        if given != _digest(values):
            raise RunError(f"the calibration was changed after it was written: its fingerprint does not fit. {hint}")
        try:
            return cls._from_content(values)
        except (KeyError, TypeError, ValueError) as error:  # written by another program, fingerprint and all
            raise RunError(
                f"a calibration must hold what `to_json` writes, found otherwise: {error}. {hint}"
            ) from error

    @classmethod
    def _from_content(cls, values: Mapping[str, Any]) -> "Calibration":
        belongs, prior, rows, tasks = (values[name] for name in ("belongs", "prior", "rows", "tasks"))
        if not isinstance(prior, str) or not isinstance(rows, int) or not isinstance(tasks, dict):
            raise TypeError("`prior` is no text, `rows` no integer or `tasks` no object")
        if not all(isinstance(held, str) for held in Provenance(**belongs).__dict__.values()):
            raise TypeError("`belongs` holds more than texts")
        given = cast("dict[str, Mapping[str, Any]]", tasks)
        return cls(
            Provenance(**belongs), prior, rows, {name: TaskCalibration.from_dict(task) for name, task in given.items()}
        )

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "belongs": asdict(self.belongs),
            "prior": self.prior,
            "rows": self.rows,
            "tasks": {name: task.to_dict() for name, task in self.tasks.items()},
        }

    def __hash__(self) -> int:
        return hash(self.fingerprint)


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

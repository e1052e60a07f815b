"""The calibration of a run: one correction for each task, as a JSON file that belongs to one model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from equipoise.base.codec import from_plain, to_plain
from equipoise.base.plain_json import parse_json
from equipoise.calibration.task import TaskCalibration
from equipoise.errors import RunError
from equipoise.metrics import TaskPredictions

FORMAT, VERSION = "equipoise-calibration", 2


@dataclass(frozen=True)
class Provenance:
    """The run that a calibration belongs to.

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
        The label shares that predictions are for: "natural", "given" or "em" (estimated).
    rows : int
        The number of validation rows that it was fitted on.
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
        """The SHA-256 of its content."""
        return _digest(self._content())

    def apply(self, predictions: Mapping[str, TaskPredictions]) -> tuple[dict[str, TaskPredictions], tuple[str, ...]]:
        """Correct predictions.

        Parameters
        ----------
        predictions : mapping of str to TaskPredictions
            Of the model that the calibration belongs to.

        Returns
        -------
        dict of str to TaskPredictions
            All of them; those without probabilities or without a calibration are unchanged.
        tuple of str
            The tasks that were corrected.
        """
        held = {name: part for name, part in predictions.items() if part.probabilities is not None}
        corrected = {name: self.tasks[name].apply(part) for name, part in held.items() if name in self.tasks}
        return {**predictions, **corrected}, tuple(corrected)

    def check(self, run: Provenance) -> None:
        """Refuse a run that the calibration does not belong to.

        Raises
        ------
        RunError
            If the plan or the weights differ.
        """
        for name, what in (("plan", "another plan"), ("model", "other weights")):
            there, here = getattr(self.belongs, name), getattr(run, name)
            if there != here:
                raise RunError(
                    f"other-{name}",
                    f"`calibration.json` was fitted for {what} ({there[:12]}) than this run has ({here[:12]})."
                    " Calibrate this run with `equipoise calibrate RUN --overwrite`, or leave the calibration out"
                    " with --no-calibration.",
                )

    def to_json(self) -> str:
        """Return JSON, with the fingerprint."""
        content = {**self._content(), "fingerprint": self.fingerprint}
        return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Read what `to_json` returned.

        Raises
        ------
        RunError
            If the string is damaged, of another version, or was changed after it was written.
        """
        hint = "Make it again with `equipoise calibrate RUN --overwrite`."
        values = parse_json(text, lambda why: RunError("not-json", f"a calibration must be JSON: {why}. {hint}"))
        found = (values.get("format"), values.get("version")) if isinstance(values, dict) else type(values).__name__
        if found != (FORMAT, VERSION):
            message = f"a calibration must have `format` {FORMAT!r} and `version` {VERSION}, found {found}. {hint}"
            raise RunError("wrong-format", message)
        given = values.pop("fingerprint", None)
        if given != _digest(values):
            message = f"the calibration was changed after it was written: its fingerprint does not match. {hint}"
            raise RunError("wrong-fingerprint", message)
        content = {name: value for name, value in values.items() if name not in {"format", "version"}}
        return from_plain(cls, content, lambda why: RunError("damaged-calibration", f"the calibration: {why} {hint}"))

    def _content(self) -> dict[str, Any]:
        return {"format": FORMAT, "version": VERSION, **to_plain(self)}

    def __hash__(self) -> int:
        return hash(self.fingerprint)


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

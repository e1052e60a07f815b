"""The calibration in a run directory, after a check that it belongs to the run."""

import hashlib
from pathlib import Path

from equipoise.base.files import read_text
from equipoise.calibration import Calibration, Provenance
from equipoise.errors import RunError
from equipoise.plan import Plan
from equipoise.runs.directory import RunDirectory

WEIGHTS = (".safetensors", ".bin")
_BYTES_AT_ONCE = 1 << 20


def read_calibration(directory: RunDirectory, plan: Plan) -> Calibration | None:
    """Return the calibration of a run; None if it has none.

    Raises
    ------
    RunError
        If it is damaged, was changed, or belongs to another run.
    """
    if not directory.calibration.exists():
        return None
    calibration = Calibration.from_json(read_text(directory.calibration, RunError))
    calibration.check(belongs(directory, plan))
    return calibration


def belongs(directory: RunDirectory, plan: Plan) -> Provenance:
    """Return what a calibration of this run belongs to."""
    return Provenance(plan.fingerprint, fingerprint_of_weights(directory.trained_model()))


def fingerprint_of_weights(folder: Path) -> str:
    """Return the SHA-256 of a model's weights: the names and contents of their files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in WEIGHTS):
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        with path.open("rb") as file:
            while piece := file.read(_BYTES_AT_ONCE):
                digest.update(piece)
    return digest.hexdigest()

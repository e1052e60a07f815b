"""How fast this machine trains and scores: what a budget of time is turned into draws by."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equipoise.experiment.compare.rows import Rows
from equipoise.experiment.compare.trainings import Training
from equipoise.models import load_model
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.train import train_prepared

SHORT, LONG = 4, 16  # steps
ROWS = 512
MARGIN = 1.2  # what else a run does: watching the validation loss, writing


@dataclass(frozen=True)
class Speed:
    """Seconds of one run.

    Attributes
    ----------
    start : float
        Of any run: loading and writing models.
    draw : float
        Of training on one draw.
    row : float
        Of scoring one row.
    """

    start: float
    draw: float
    row: float

    def run(self, draws: int, rows: int) -> float:
        """Of a run of some draws that scores some rows."""
        return MARGIN * (self.start + self.draw * draws + self.row * rows)


def measure(training: Training, rows: Rows, now: Callable[[], float] = time.perf_counter) -> Speed:
    """Train two short runs in a temporary folder and score some validation rows."""
    batch = training.config.training.batch_size
    seconds: list[float] = []
    encoded, validation = rows.encoded("train"), rows.of("validation")
    with tempfile.TemporaryDirectory() as folder:
        for steps in (1, SHORT, LONG):  # the first one pays for what a process loads once
            prepared = rows.prepared(training.run(0, steps * batch))
            start = now()
            run = train_prepared(prepared, Path(folder) / str(steps), encoded=encoded)
            seconds.append(now() - start)
            if run.interrupted:
                raise KeyboardInterrupt
        some = validation.take(np.linspace(0, len(validation) - 1, min(ROWS, len(validation)), dtype=np.int64))
        start = now()
        model, tokenizer = load_model(str(run.directory.model), seed=0)
        evaluate_model(model, tokenizer, prepared.config, prepared.plan, prepared.tasks, some, Path(folder) / "scores")
        scoring = now() - start
    draw = max(0.0, (seconds[2] - seconds[1]) / ((LONG - SHORT) * batch))
    return Speed(max(0.0, seconds[1] - SHORT * batch * draw), draw, scoring / len(some))

"""How fast this machine trains and scores: what a budget of time is turned into draws by."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.collate import EncodedExamples
from equipoise.compare.rows import SharedData
from equipoise.compare.trainings import Training
from equipoise.losses.training import LabelTrainingLoss, TrainingLoss
from equipoise.models import open_model
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


def measure(training: Training, rows: SharedData, now: Callable[[], float] = time.perf_counter) -> Speed:
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
        model, tokenizer = open_model(run.directory.model)
        evaluate_model(model, tokenizer, prepared.config, prepared.plan, prepared.tasks, some, Path(folder) / "scores")
        scoring = now() - start
    draw = max(0.0, (seconds[2] - seconds[1]) / ((LONG - SHORT) * batch))
    return Speed(max(0.0, seconds[1] - SHORT * batch * draw), draw, scoring / len(some))


PER_PARAMETER = 6  # and token: two forward, four backward


def training_flops(model: Any, training_loss: TrainingLoss, encoded: EncodedExamples, rows: NDArray[np.int64]) -> float:
    """Estimate the operations of training on some rows.

    Six for each parameter and token: encoder by input tokens, decoder by its positions, the output layer by the
    positions that it is asked about. Attention's own part, which grows with the square of the length, and padding
    are left out. Losses over labels decode every label of a row's task, however few are right.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        An encoder-decoder.
    training_loss : TrainingLoss
        What is minimised.
    encoded : EncodedExamples
        The training rows.
    rows : array of int64
        What is drawn of them; rows that are drawn again count again.

    Returns
    -------
    float
        Operations.

    References
    ----------
    Kaplan et al. (2020), "Scaling Laws for Neural Language Models", equation 2.2 and table 1.
    """
    times = np.bincount(rows, minlength=len(encoded))
    inputs = int(times @ encoded.input_lengths)
    decoded, asked = _positions(training_loss, encoded)
    output = model.get_output_embeddings().weight.numel()
    work = inputs * _parameters(model.get_encoder()) + times @ decoded * _parameters(model.get_decoder())
    return float(PER_PARAMETER * (work + times @ asked * output))


def _positions(training_loss: TrainingLoss, encoded: EncodedExamples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each row, the positions of the decoder and of the output layer."""
    decoded = np.asarray(encoded.target_lengths, dtype=np.int64)
    asked = decoded.copy()
    if isinstance(training_loss, LabelTrainingLoss):
        decoded = decoded.copy()
        for number, task in enumerate(training_loss.tasks):
            if task is not None:
                of_task = (encoded.task_ids == number) & (encoded.label_ids >= 0)
                decoded[of_task], asked[of_task] = task.tree.widths.sum(), task.tree.prefixes
    return decoded, asked


def _parameters(stack: nn.Module) -> int:
    """All but embeddings: those are looked up, not multiplied with."""
    tables = {id(each.weight) for each in stack.modules() if isinstance(each, nn.Embedding)}
    return sum(each.numel() for each in stack.parameters() if id(each) not in tables)

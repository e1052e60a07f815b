"""The speed of this machine, which translates a budget of time into draws, and the operations of a training."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.collate import EncodedExamples
from equipoise.compare.rows import SharedData
from equipoise.compare.trainings import Training
from equipoise.losses.training import LabelTrainingLoss, TrainingLoss
from equipoise.models import load_model
from equipoise.runs.evaluate import evaluate_model
from equipoise.runs.prepare import prepare_again
from equipoise.runs.train import train_prepared

SHORT, LONG = 4, 16  # steps
ROWS = 512
MARGIN = 1.2  # for the rest of a run: writing
FORWARD = 1 / 3  # the validation loss of a row, as a part of training on it


@dataclass(frozen=True)
class Speed:
    """Seconds of one run.

    Attributes
    ----------
    start : float
        Constant part: loading and writing models.
    draw : float
        Training on one draw.
    row : float
        Scoring one row.
    """

    start: float
    draw: float
    row: float

    def run(self, draws: int, rows: int, watched: int = 0) -> float:
        """Return the seconds of a run of some draws that scores some rows, and computes the loss of those watched."""
        return MARGIN * (self.start + self.draw * (draws + FORWARD * watched) + self.row * rows)


def measure(training: Training, data: SharedData) -> Speed:
    """Train two short runs in a temporary folder and score some validation rows."""
    batch = training.config.training.batch_size
    seconds: list[float] = []
    encoded, validation = data.encoded("train"), data.of("validation")
    with tempfile.TemporaryDirectory() as folder:
        for steps in (1, SHORT, LONG):  # the first one loads what a process loads once
            config = training.run(0, steps * batch, ROWS)
            unwatched = replace(config.training, best=None, patience=None, validate_every=None)
            options = {**config.trainer, "report_to": "none"}
            prepared = prepare_again(replace(config, training=unwatched, trainer=options), data.base)
            start = time.perf_counter()
            run = train_prepared(prepared, Path(folder) / str(steps), encoded=encoded)
            seconds.append(time.perf_counter() - start)
            if run.interrupted:
                raise KeyboardInterrupt
        some = validation.take(np.linspace(0, len(validation) - 1, min(ROWS, len(validation)), dtype=np.int64))
        start = time.perf_counter()
        model, tokenizer = load_model(run.directory.model)
        evaluate_model(model, tokenizer, prepared.config, prepared.plan, prepared.tasks, some, Path(folder) / "scores")
        scoring = time.perf_counter() - start
    draw = max(0.0, (seconds[2] - seconds[1]) / ((LONG - SHORT) * batch))
    return Speed(max(0.0, seconds[1] - SHORT * batch * draw), draw, scoring / len(some))


PER_PARAMETER = 6  # and per token: two forward, four backward


def training_flops(model: Any, training_loss: TrainingLoss, encoded: EncodedExamples, rows: NDArray[np.int64]) -> float:
    """Estimate the floating-point operations of training on some rows.

    Six per parameter and token: of the encoder for input tokens, of the decoder for its positions, of the output layer
    for the positions whose logits are needed; a decoder-only model is both. The part of attention that is quadratic in
    the length, and padding, are left out. Losses over labels decode every label of a row's task.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        An encoder-decoder, or a decoder-only model.
    training_loss : TrainingLoss
        The loss.
    encoded : EncodedExamples
        The training rows.
    rows : ndarray of int64, shape (N,)
        The rows drawn, with repeats.

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
    encoder = model.get_encoder() if model.config.is_encoder_decoder else model.get_decoder()
    work = inputs * _parameters(encoder) + times @ decoded * _parameters(model.get_decoder())
    return float(PER_PARAMETER * (work + times @ asked * output))


def _positions(training_loss: TrainingLoss, encoded: EncodedExamples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row the number of positions of the decoder and of the output layer."""
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
    """Count all parameters except embeddings, which are looked up, not multiplied."""
    tables = {id(each.weight) for each in stack.modules() if isinstance(each, nn.Embedding)}
    return sum(each.numel() for each in stack.parameters() if id(each) not in tables)

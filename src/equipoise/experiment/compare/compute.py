"""What a training computes: floating-point operations, the same on every machine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.collate import EncodedExamples
from equipoise.losses.objectives import LabelObjective, Objective

PER_PARAMETER = 6  # and token: two forward, four backward


def training_flops(model: Any, objective: Objective, encoded: EncodedExamples, rows: NDArray[np.int64]) -> float:
    """Estimate the operations of training on some rows.

    Six for each parameter and token: encoder by input tokens, decoder by its positions, the output layer by the
    positions that it is asked about. Attention's own part, which grows with the square of the length, and padding
    are left out. Losses over labels decode every label of a row's task, however few are right.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        An encoder-decoder.
    objective : Objective
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
    decoded, asked = _positions(objective, encoded)
    output = model.get_output_embeddings().weight.numel()
    work = inputs * _parameters(model.get_encoder()) + times @ decoded * _parameters(model.get_decoder())
    return float(PER_PARAMETER * (work + times @ asked * output))


def _positions(objective: Objective, encoded: EncodedExamples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each row, the positions of the decoder and of the output layer."""
    decoded = np.asarray(encoded.target_lengths, dtype=np.int64)
    asked = decoded.copy()
    if isinstance(objective, LabelObjective):
        decoded = decoded.copy()
        for number, task in enumerate(objective.tasks):
            if task is not None:
                of_task = (encoded.task_ids == number) & (encoded.label_ids >= 0)
                decoded[of_task], asked[of_task] = task.tree.widths.sum(), task.tree.prefixes
    return decoded, asked


def _parameters(stack: nn.Module) -> int:
    """All but embeddings: those are looked up, not multiplied with."""
    tables = {id(each.weight) for each in stack.modules() if isinstance(each, nn.Embedding)}
    return sum(each.numel() for each in stack.parameters() if id(each) not in tables)

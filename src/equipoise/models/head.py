"""Apply a model's output layer only at the positions whose logits are wanted."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equipoise.errors import RunError


@dataclass
class WantedPositions:
    """Which decoder positions the output layer sees next.

    Attributes
    ----------
    flat : Tensor
        int64, positions in the flattened (row, position) order of the decoder's output.
    """

    flat: Tensor


@contextmanager
def output_layer_at_wanted(model: nn.Module) -> Generator[WantedPositions, None, None]:
    """Let the model's own forward compute logits at the wanted positions alone.

    With a vocabulary of 32,000 the output layer costs more than the rest of a small model. The positions
    are picked right before the layer, inside the model's forward, so whatever a model does around it
    (T5's scaling of tied embeddings, Bart's bias of the logits) stays as the model has it.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face model with `get_output_embeddings`.

    Yields
    ------
    WantedPositions
        Set `flat` before each forward; its logits have the shape (1, wanted, vocabulary).

    Raises
    ------
    RunError
        If the model does not name its output layer.
    """
    find: Any = getattr(model, "get_output_embeddings", None)
    layer = find() if callable(find) else None
    if not isinstance(layer, nn.Module):
        raise RunError(
            f"`model` must have an output layer, found none in {type(model).__name__}. "
            "Pass a model for conditional generation, not its bare encoder and decoder."
        )
    wanted = WantedPositions(torch.empty(0, dtype=torch.int64))

    def pick(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden, *others = arguments
        return (hidden.flatten(0, 1).index_select(0, wanted.flat)[None], *others)

    handle = layer.register_forward_pre_hook(pick)
    try:
        yield wanted
    finally:
        handle.remove()

"""Ask a model about each distinct input once, in batches of similar length, and leave it as it was."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

T = TypeVar("T")
Tokens = Sequence[int] | NDArray[np.integer]


def by_distinct(
    model: nn.Module,
    inputs: Sequence[Tokens],
    batch_tokens: int,
    ask: Callable[[list[NDArray[np.int64]]], Iterable[T]],
) -> list[T]:
    """Return an answer for every input, after asking about each distinct one once, in batches of `batch_tokens`.

    `ask` takes the inputs of a batch and returns their answers; meanwhile `model` is in evaluation mode.

    Examples
    --------
    >>> def total(rows):
    ...     print(rows)
    ...     return [sum(row.tolist()) for row in rows]
    >>> by_distinct(nn.Identity(), [[5, 1], [6, 2, 1], [5, 1]], 4, total)
    [array([6, 2, 1])]
    [array([5, 1])]
    [6, 9, 6]
    """
    places: dict[bytes, int] = {}
    place_of = [places.setdefault(np.asarray(tokens, np.int64).tobytes(), len(places)) for tokens in inputs]
    distinct = [np.frombuffer(tokens, np.int64) for tokens in places]
    answers: dict[int, T] = {}
    with evaluating(model):
        for batch in length_batches([len(tokens) for tokens in distinct], batch_tokens):
            answers.update(zip(batch.tolist(), ask([distinct[place] for place in batch]), strict=True))
    return [answers[place] for place in place_of]


def length_batches(lengths: Sequence[int] | NDArray[np.int64], batch_tokens: int) -> list[NDArray[np.int64]]:
    """Sort rows by length, longest first, and cut them into batches of at most `batch_tokens` padded tokens.

    The result has the row numbers of each batch; one row that is longer is a separate batch. The longest batch comes
    first, so that a batch that does not fit in memory fails at once.

    Examples
    --------
    >>> [batch.tolist() for batch in length_batches([3, 9, 2, 3], batch_tokens=9)]
    [[1], [0, 3, 2]]
    """
    sizes = np.asarray(lengths, np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches: list[NDArray[np.int64]] = []
    first = 0
    while first < len(order):
        rows = max(1, batch_tokens // max(1, int(sizes[order[first]])))
        batches.append(order[first : first + rows])
        first += rows
    return batches


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Set evaluation mode without gradients, and restore the mode of every module afterwards.

    A plain `model.train()` would also set training mode in modules that were frozen.

    Parameters
    ----------
    model : torch.nn.Module
        The model.

    Yields
    ------
    None
        Inside, dropout is off and no gradient is recorded.

    Examples
    --------
    >>> model = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with evaluating(model):
    ...     model.training
    False
    >>> model.training, model[0].training, model[1].training
    (True, True, False)
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training

"""Evaluate a model and leave it as it was."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Generator[None, None, None]:
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
    >>> from torch import nn
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

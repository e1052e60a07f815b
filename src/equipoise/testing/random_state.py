"""The process-wide random generators of Python, numpy and torch: scrambled, compared and restored.

A sampler must neither use nor change them: other uses of them differ between ranks and between runs.
"""

import random
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np


def _generators() -> dict[str, tuple[Any, Any, Any]]:
    """Return, by name, what seeds each generator, and what reads and sets its state."""
    known = {
        "random": (random.seed, random.getstate, random.setstate),
        "numpy.random": (np.random.seed, np.random.get_state, np.random.set_state),
    }
    torch: Any = sys.modules.get("torch")  # a sampler that uses it has imported it
    if torch is not None:
        known["torch"] = (torch.manual_seed, torch.get_rng_state, torch.set_rng_state)
    return known


def scramble(number: int) -> None:
    """Set all process-wide generators to a state that depends on the number, below 2**32."""
    for seed, _, _ in _generators().values():
        seed(number)


def snapshot() -> dict[str, Any]:
    """Return the state of each process-wide generator, by name, in values that can be compared."""
    return {name: [np.asarray(part).tolist() for part in get()] for name, (_, get, _) in _generators().items()}


@contextmanager
def put_back() -> Generator[None]:
    """Leave the process-wide generators as they were found."""
    before = [(restore, get()) for _, get, restore in _generators().values()]
    try:
        yield
    finally:
        for restore, state in before:
            restore(state)

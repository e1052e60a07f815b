"""The process-wide random generators of Python, numpy and torch: scrambled, compared and restored.

A sampler must neither use nor change them: other uses of them differ between ranks and between runs.
"""

import random
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

# The checks are about the legacy global generators, so they must call them (NPY002), not for secrets (S311).


def scramble(number: int) -> None:
    """Set all process-wide generators to a state that depends on the number."""
    random.seed(number)
    np.random.seed(number % 2**32)  # noqa: NPY002
    torch = _torch()
    if torch is not None:
        torch.manual_seed(number)


def snapshot() -> dict[str, Any]:
    """Return the state of each process-wide generator, by name, in values that can be compared."""
    name, words, *rest = np.random.get_state()  # noqa: NPY002
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": (name, np.asarray(words).tobytes(), *rest)}
    torch = _torch()
    if torch is not None:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


@contextmanager
def put_back() -> Generator[None]:
    """Leave the process-wide generators as they were found."""
    torch = _torch()
    before = random.getstate(), np.random.get_state(), None if torch is None else torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(before[2])


def _torch() -> Any:
    """Return torch if something imported it: a sampler that uses it has."""
    return sys.modules.get("torch")

"""Labels and inputs of which every probability is known."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def likelihoods(rows: int, labels: int, seed: int) -> Array:
    """log p(x | y) up to a constant of each row, for inputs as they may come."""
    return np.random.default_rng(seed).normal(scale=2.0, size=(rows, labels))


def posterior(log_likelihoods: Array, prior: Array) -> Array:
    """p(y | x) by Bayes' rule, straight from its formula."""
    joint = np.exp(log_likelihoods) * prior
    return joint / joint.sum(axis=1, keepdims=True)


def two_bells(rows: int, share: float, seed: int, distance: float = 2.0) -> tuple[Array, NDArray[np.int64]]:
    """Draw x from one of two normal distributions: log p(x | y), and y, which is 1 with the probability `share`."""
    random = np.random.default_rng(seed)
    true = (random.random(rows) < share).astype(np.int64)
    x = random.normal(size=rows) + distance * true
    return np.stack([-(x**2) / 2, -((x - distance) ** 2) / 2], axis=1), true

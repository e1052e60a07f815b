"""Thresholds of labels: the answer is the label whose probability is highest in multiples of its threshold."""

from collections.abc import Sequence

import numpy as np

GRID = np.linspace(-6, 6, 61)
ROUNDS = 5


def fitted_thresholds(probabilities: np.ndarray, targets: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Fit thresholds by coordinate ascent on macro-F1; shape (labels,).

    One label at a time takes the logarithm of the grid with the highest macro-F1, nearest to 0 of equal ones, until
    none changes.
    """
    place = {label: number for number, label in enumerate(labels)}
    truth = np.array([place.get(target, -1) for target in targets])
    scores = np.log(np.clip(probabilities, 1e-12, None))
    logs = np.zeros(len(labels))
    nearest_first = GRID[np.argsort(np.abs(GRID), kind="stable")]
    for _ in range(ROUNDS):
        before = logs.copy()
        for label in range(len(labels)):
            tried = [_macro_f1(truth, scores - _with(logs, label, value)) for value in nearest_first]
            logs = _with(logs, label, nearest_first[int(np.argmax(tried))])
        if (logs == before).all():
            break
    return np.exp(logs)


def _with(logs: np.ndarray, label: int, value: float) -> np.ndarray:
    changed = logs.copy()
    changed[label] = value
    return changed


def _macro_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    """The mean F1 of the labels that have rows."""
    answers, width = scores.argmax(1), scores.shape[1]
    known = truth >= 0
    rows = np.bincount(truth[known], minlength=width)
    right = np.bincount(truth[known & (truth == answers)], minlength=width)
    f1 = 2 * right / np.maximum(1, rows + np.bincount(answers, minlength=width))
    return float(f1[rows > 0].mean())

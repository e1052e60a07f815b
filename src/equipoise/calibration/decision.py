"""From probabilities to answers: the most probable label, adjusted by tau or thresholds, or that of least cost."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from equipoise.calibration.logs import Array, safe_log
from equipoise.errors import ConfigError


def decide(
    log_probs: Array, prior: Array, tau: float = 0.0, costs: Array | None = None, thresholds: Array | None = None
) -> NDArray[np.int64]:
    """Choose a label for every row.

    Parameters
    ----------
    log_probs : ndarray of float64, shape (rows, labels)
        log p(y | x), under `prior`.
    prior : ndarray of float64, shape (labels,)
        pi, the label shares that the probabilities are for.
    tau : float
        The strength of the adjustment: scores are log p(y | x) - tau log pi(y). With 0 the answer is the most
        probable label; with 1 it is the one with the highest p(x | y), which is best for the mean recall.
    costs : ndarray of float64, shape (labels, labels), optional
        c(y, k), the cost of answering k where y is true. The answer is then the label k with the least
        expected cost, the sum over y of s(y) c(y, k), with s the softmax of the scores.
    thresholds : ndarray of float64, shape (labels,), optional
        t, above 0: log t(y) is subtracted from the scores, so that with tau 0 and without costs the answer is the label
        with the largest p(y | x) / t(y). See `fit_thresholds`.

    Returns
    -------
    ndarray of int64, shape (rows,)
        Places of labels; the first of equals.

    References
    ----------
    Menon et al. (2021), "Long-tail Learning via Logit Adjustment", equation 9; Elkan (2001), "The Foundations
    of Cost-Sensitive Learning", equation 1.

    Examples
    --------
    >>> log_probs, prior = np.log([[0.8, 0.2]]), np.array([0.9, 0.1])
    >>> [int(decide(log_probs, prior, tau)[0]) for tau in (0.0, 1.0)]
    [0, 1]
    >>> int(decide(log_probs, prior, thresholds=np.array([0.9, 0.1]))[0])
    1
    >>> int(decide(log_probs, prior, costs=np.array([[0.0, 1.0], [10.0, 0.0]]))[0])
    1
    """
    log_prior = safe_log(prior)
    scores = log_probs - tau * np.where(np.isneginf(log_prior), 0.0, log_prior)
    if thresholds is not None:
        scores = scores - np.log(thresholds)
    if costs is None:
        return scores.argmax(axis=1)
    return (np.exp(log_softmax(scores, axis=1)) @ costs).argmin(axis=1)


def cost_matrix(costs: Mapping[str, Mapping[str, float]], labels: tuple[str, ...], task: str = "task") -> Array:
    """Return the costs of a task as a matrix.

    Parameters
    ----------
    costs : mapping of str to mapping of str to float
        {true label: {predicted label: cost}}, for every pair of labels; a label with itself costs 0 by default.
        A negative cost is a gain.
    labels : tuple of str
        The labels of the task.
    task : str
        For messages.

    Returns
    -------
    ndarray of float64, shape (labels, labels)
        c(y, k) in row y and column k.

    Raises
    ------
    ConfigError
        If a pair is missing, a label is unknown, or a cost is not a finite number.

    Examples
    --------
    >>> cost_matrix({"ill": {"well": 10}, "well": {"ill": 1}}, ("ill", "well")).tolist()
    [[0.0, 10.0], [1.0, 0.0]]
    """
    hint = f"Give {{true label: {{predicted label: cost}}}} with the labels {', '.join(map(repr, labels))}."
    of_task = f"`costs` of task {task!r}"
    matrix = np.zeros((len(labels), len(labels)))
    for true, row in costs.items():
        for predicted, cost in row.items():
            for label in (true, predicted):
                if label not in labels:
                    raise ConfigError("unknown-label", f"{of_task} name the unknown label {label!r}. {hint}")
            if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not np.isfinite(cost):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigError("not-a-number", f"{of_task} must be finite numbers, found {cost!r}. {hint}")
            matrix[labels.index(true), labels.index(predicted)] = cost
    missing = [(y, k) for y in labels for k in labels if y != k and k not in costs.get(y, {})]
    if missing:
        true, predicted = missing[0]
        lacking = f"the cost of {predicted!r} where {true!r} is true ({len(missing)} pairs are missing)"
        raise ConfigError("missing-cost", f"{of_task} must have {lacking}. {hint}")
    return matrix

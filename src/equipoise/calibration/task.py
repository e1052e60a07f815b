"""The correction of the probabilities of one task after training, and of the answers that follow from them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.base.values import ArrayValue
from equipoise.calibration.decision import decide
from equipoise.calibration.logs import Array, log_posterior
from equipoise.calibration.rows import log_scores_of
from equipoise.errors import ConfigError
from equipoise.metrics import TaskPredictions


@dataclass(frozen=True, eq=False)
class TaskCalibration(ArrayValue):
    r"""The correction of one task, in a fixed order.

    1. **Temperature**: z(y) = log p(y | x) / T. The confidence of the model.
    2. **Prior ratio**: z(y) + log pi'(y) - log pi(y), with pi the label shares that the loss saw and pi' those
       that the predictions are for. The softmax of these are the reported probabilities.
    3. **Tau**: s(y) = log p'(y | x) - tau log pi'(y); or **thresholds**: s(y) = log p'(y | x) - log t(y).
    4. **Decision**: the label with the largest s, or with costs the one with the least expected cost under
       the softmax of s.

    Steps 1 and 2 change the probabilities, steps 3 and 4 only the answer. A tau that is good for macro-F1
    favours rare labels on purpose: fewer of them are missed, at the price of more false alarms. That is a valid
    decision, but as a probability it would be wrong: labels with the shares pi' do not come that often. So the
    answer may differ from the label with the highest probability. The temperature comes before the ratio because
    the model was trained under pi, not pi': with the ratio inside, T would scale the priors too.

    Parameters
    ----------
    labels : tuple of str
        The labels, in the order of everything below.
    trained_prior, prior : ndarray of float64, shape (labels,)
        pi and pi'. A label with a 0 in either gets the probability 0.
    temperature : float
        Above 0; above 1 makes the model less confident.
    tau : float
        Any finite number; 0 for the most probable label.
    costs : ndarray of float64, shape (labels, labels), optional
        c(y, k), the cost of answering k where y is true.
    thresholds : ndarray of float64, shape (labels,), optional
        t, above 0, instead of tau: the answer is the label with the largest p'(y | x) / t(y).

    Raises
    ------
    ConfigError
        If shapes or ranges do not fit, no label has a share in both priors, or there are thresholds besides a tau.

    References
    ----------
    Those of `fit_temperature`, `log_prior_ratio` and `decide`.

    Examples
    --------
    Trained on even shares, used where "no" is nine times as common:

    >>> correction = TaskCalibration(("no", "yes"), [0.5, 0.5], [0.9, 0.1], tau=1.0)
    >>> said = TaskPredictions("t", ["yes"], ["yes"], ("no", "yes"), np.array([[0.4, 0.6]]))
    >>> corrected = correction.apply(said)
    >>> corrected.probabilities.round(3).tolist(), corrected.predicted
    ([[0.857, 0.143]], ['yes'])
    """

    labels: tuple[str, ...]
    trained_prior: Array
    prior: Array
    temperature: float = 1.0
    tau: float = 0.0
    costs: Array | None = None
    thresholds: Array | None = None

    def __post_init__(self) -> None:
        count = len(self.labels)
        if len(set(self.labels)) < count:
            raise ConfigError("duplicate-label", f"`labels` must be unique, found {list(self.labels)!r:.200}.")
        for name in ("trained_prior", "prior"):
            object.__setattr__(self, name, _shares(name, getattr(self, name), count))
        if not ((self.trained_prior > 0) & (self.prior > 0)).any():
            raise ConfigError(
                "no-label-left",
                "no label has a share above 0 both in `trained_prior` and in `prior`, so no label could be answered."
                " Give a prior with labels that were trained on.",
            )
        for name, least in (("temperature", 0.0), ("tau", -np.inf)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least < value < np.inf:
                raise ConfigError("not-a-number", f"`{name}` must be a finite number above {least:g}, found {value!r}.")
        if self.costs is not None:
            costs = _numbers("costs", self.costs)
            if costs.shape != (count, count) or not np.isfinite(costs).all():
                wanted = f"{count} x {count} finite numbers"
                raise ConfigError("wrong-shape", f"`costs` must be {wanted}, found the shape {costs.shape}.")
            object.__setattr__(self, "costs", costs)
        if self.thresholds is not None:
            thresholds = _numbers("thresholds", self.thresholds)
            if thresholds.shape != (count,) or not (np.isfinite(thresholds) & (thresholds > 0)).all():
                found = thresholds.tolist()
                message = f"`thresholds` must be {count} finite numbers above 0, one a label, found {found}."
                raise ConfigError("not-thresholds", message)
            if self.tau:
                message = (
                    f"`tau` must be 0 with `thresholds`, which take its place, found {self.tau}. Give one of them."
                )
                raise ConfigError("tau-and-thresholds", message)
            object.__setattr__(self, "thresholds", thresholds)

    def log_probabilities(self, scores: Array) -> Array:
        """Apply steps 1 and 2 to log-scores, ndarray of float64, shape (rows, labels)."""
        return log_posterior(scores, self.trained_prior, self.prior, self.temperature)

    def decide(self, log_probs: Array) -> NDArray[np.int64]:
        """Apply steps 3 and 4 to what `log_probabilities` returned."""
        return decide(log_probs, self.prior, self.tau, self.costs, self.thresholds)

    def apply(self, part: TaskPredictions) -> TaskPredictions:
        """Correct the probabilities and the answers of a task.

        Raises
        ------
        ConfigError
            If the predictions have no probabilities, or probabilities of other labels.
        """
        scores = log_scores_of(part, "correct")
        if part.labels != self.labels:
            wanted, found = list(self.labels), f"{list(part.labels)} in task {part.task!r}"
            message = f"the calibration is for the labels {wanted}, found {found}. Calibrate this run."
            raise ConfigError("other-labels", message)
        log_probs = self.log_probabilities(scores)
        answers = [self.labels[place] for place in self.decide(log_probs)]
        assert part.probabilities is not None
        probabilities = np.exp(log_probs).astype(part.probabilities.dtype)
        return replace(part, probabilities=probabilities, predicted=answers)


def _numbers(name: str, values: object) -> Array:
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError) as error:  # nested unevenly, or not numbers
        raise ConfigError("not-a-number", f"`{name}` must be numbers in rows of one length: {error}.") from error


def _shares(name: str, values: object, count: int) -> Array:
    """A copy of shares, which must be at least 0 and sum to 1."""
    shares = _numbers(name, values)
    if shares.shape != (count,) or not (shares >= 0).all() or not abs(shares.sum() - 1) <= 1e-6:
        message = f"`{name}` must be {count} shares of at least 0 with the sum 1, one a label, found {shares.tolist()}."
        raise ConfigError("not-shares", message)
    return shares

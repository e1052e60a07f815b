"""The label shares of rows without labels, from a model's probabilities alone."""

from dataclasses import dataclass

import numpy as np

from equipoise.calibration.logs import Array, safe_log


@dataclass(frozen=True, eq=False)
class PriorEstimate:
    """The result of expectation-maximisation.

    Attributes
    ----------
    prior : ndarray of float64, shape (labels,)
        The shares.
    log_likelihoods : tuple of float
        Before each iteration and after the last: log p(rows) per row, up to a constant. It never decreases.
    converged : bool
        Whether the shares converged within the iterations allowed.
    rows : int
        The number of rows.
    """

    prior: Array
    log_likelihoods: tuple[float, ...]
    converged: bool
    rows: int

    @property
    def iterations(self) -> int:
        """The number of iterations."""
        return len(self.log_likelihoods) - 1


def estimate_prior(
    log_probs: Array, prior: Array, *, tolerance: float = 1e-8, most_iterations: int = 10_000
) -> PriorEstimate:
    """Estimate the label shares of new rows by expectation-maximisation.

    p(x | y) is assumed to be the same in both data sets; only the shares differ. Then the estimate maximises
    the likelihood, if the probabilities are calibrated under `prior`: calibrate them first.

    Parameters
    ----------
    log_probs : ndarray of float64, shape (rows, labels)
        log p(y | x) of the new rows, as if they had the shares `prior`.
    prior : ndarray of float64, shape (labels,)
        Those shares, from which the iteration starts. A share of 0 stays 0.
    tolerance : float
        The iteration ends when no share changes by more.
    most_iterations : int
        Or after this many iterations.

    Returns
    -------
    PriorEstimate
        Without rows, `prior` itself, as converged.

    References
    ----------
    Saerens, Latinne and Decaestecker (2002), "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities", equation 2.9; Alexandari, Kundaje and Shrikumar (2020), "Maximum Likelihood with
    Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation" (convex; calibrate first).

    Examples
    --------
    An accurate model, on rows of which three in four are of the second label:

    >>> log_probs = np.log([[0.999, 0.001]] + [[0.001, 0.999]] * 3)
    >>> found = estimate_prior(log_probs, np.array([0.5, 0.5]))
    >>> found.prior.round(3).tolist(), found.converged
    ([0.249, 0.751], True)
    """
    shares = prior / prior.sum()
    if not len(log_probs):
        return PriorEstimate(shares, (0.0,), converged=True, rows=0)
    drawn = prior > 0
    # p(y | x) / prior(y), each row divided by its largest: an iteration is then two products of matrices.
    ratios = log_probs[:, drawn] - safe_log(prior[drawn])
    largest = ratios.max(axis=1, keepdims=True)
    ratios, constant = np.exp(ratios - largest), float(largest.mean())
    current = shares[drawn]
    evidence = ratios @ current
    likelihoods = [float(np.log(evidence).mean()) + constant]
    converged = False
    while not converged and len(likelihoods) <= most_iterations:
        new = current * (ratios.T @ (1 / evidence)) / len(ratios)
        new /= new.sum()
        converged = bool(np.abs(new - current).max() <= tolerance)
        current = new
        evidence = ratios @ current
        likelihoods.append(float(np.log(evidence).mean()) + constant)
    shares = np.zeros(len(prior))
    shares[drawn] = current
    return PriorEstimate(shares, tuple(likelihoods), converged, len(log_probs))

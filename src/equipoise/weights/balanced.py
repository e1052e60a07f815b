"""w_c = N / (C n_c): scikit-learn's "balanced" weights (King & Zeng 2001)."""

from dataclasses import dataclass

from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class Balanced(ClassWeights):
    """w_c = N / (C n_c), with C the labels of the task that have examples.

    The shares are those of `InverseFrequency`; the weights average 1 over the examples.

    References
    ----------
    King and Zeng (2001), "Logistic Regression in Rare Events Data";
    `sklearn.utils.class_weight.compute_class_weight`.

    Examples
    --------
    >>> Balanced()([2, 4], ("a", "b"), "mood").tolist()
    [1.5, 0.75]
    """

    name = "balanced"

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return N / (C n)."""
        return n.sum() / (len(n) * n)

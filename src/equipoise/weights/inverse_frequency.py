"""w_c = 1 / n_c: every label of a task is drawn equally often."""

from dataclasses import dataclass

from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class InverseFrequency(ClassWeights):
    """w_c = 1 / n_c: the labels with examples get equal shares.

    Examples
    --------
    >>> InverseFrequency()([8, 2], ("a", "b"), "mood").tolist()
    [0.125, 0.5]
    """

    name = "inverse"

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return 1 / n."""
        return 1 / n

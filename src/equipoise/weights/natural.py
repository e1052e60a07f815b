"""w_c = 1: every example has the same weight, so labels keep their share in the data."""

from dataclasses import dataclass

import numpy as np

from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class Natural(ClassWeights):
    """w_c = 1: labels keep their share in the data.

    Examples
    --------
    >>> Natural()([900, 100], ("a", "b"), "mood").tolist()
    [1.0, 1.0]
    """

    name = "natural"

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return ones."""
        return np.ones_like(n)

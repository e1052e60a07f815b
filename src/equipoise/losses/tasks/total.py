"""Sum: J = sum_k T_k / sum_k M_k, the mean over all examples; tasks weigh as they are drawn."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

import numpy as np

from equipoise.losses.tasks.base import FloatArray, TaskWeighting


class Sum(TaskWeighting):
    r"""The loss of the whole step: :math:`J = \sum_k T_k / \sum_k M_k`.

    Each task's mean loss weighs as its share of the mass, :math:`\lambda_k = M_k / M`, so the mixing rates (or the
    target, where importance weights correct for them) decide. The only one here of which that is true.

    Examples
    --------
    >>> Sum(["mood", "topic"]).coefficients(0, np.array([3.0, 1.0])).tolist()
    [0.25, 0.25]
    """

    name = "sum"

    def weights(self, step: int, masses: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Give the shares of the mass."""
        mass = masses.sum()
        return masses / mass if mass > 0 else np.zeros(len(self.tasks))

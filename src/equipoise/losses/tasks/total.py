"""Sum: J = sum_k T_k / sum_k W_k, the mean over all examples; tasks have the weight with which they are drawn."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

import numpy as np

from equipoise.losses.tasks.base import FloatArray, TaskWeighting


class Sum(TaskWeighting):
    r"""The loss of the whole step: :math:`J = \sum_k T_k / \sum_k W_k`.

    The weight of a task's mean loss is its share of all weights, :math:`\lambda_k = W_k / W`, so the mixing rates (or
    the target, where importance weights correct for them) decide. This is true of no other weighting here.

    Examples
    --------
    >>> Sum(["mood", "topic"]).coefficients(0, np.array([3.0, 1.0])).tolist()
    [0.25, 0.25]
    """

    name = "sum"

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return the shares of the sums of weights."""
        whole = weight_sums.sum()
        return weight_sums / whole if whole > 0 else np.zeros(len(self.tasks))

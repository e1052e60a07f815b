"""RLW: lambda = softmax(n), n ~ N(0, I) new in every step (Lin et al. 2022, "Reasonable Effectiveness ...")."""
# ruff: noqa: ARG002 - the signatures are those of TaskWeighting

from collections.abc import Sequence

import numpy as np

from equipoise.base.keys import key
from equipoise.losses.tasks.base import FloatArray, TaskWeighting, softmax


class RLW(TaskWeighting):
    r"""Random weights: :math:`\lambda = \operatorname{softmax}(n)` with :math:`n_k \sim N(0, 1)`, summing to 1.

    The numbers are a function of the seed and the step: all ranks have the same ones, and so has a resumed run.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks.
    seed : int
        Any integer.

    References
    ----------
    Lin, Ye, Zhang and Tsang (2022), "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task
    Learning"; the normal distribution is LibMTL's default as well.

    Examples
    --------
    >>> one, other = RLW(["mood", "topic"], seed=7), RLW(["mood", "topic"], seed=7)
    >>> weight_sums = np.ones(2)
    >>> one.weights(3, weight_sums).tolist() == other.weights(3, weight_sums).tolist()
    True
    """

    name = "rlw"

    def __init__(self, tasks: Sequence[str], *, seed: int = 0) -> None:
        super().__init__(tasks)
        self.seed = seed

    def weights(self, step: int, weight_sums: FloatArray, losses: FloatArray | None = None) -> FloatArray:
        """Return the weights of a step."""
        generator = np.random.Generator(np.random.Philox(key=int(key("rlw", self.seed, step))))
        return softmax(generator.standard_normal(len(self.tasks)))

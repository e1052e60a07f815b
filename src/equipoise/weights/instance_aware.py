"""r_c = max(1, sqrt(t / sqrt(f_c g_c))), f_c and g_c shares of examples and of instances: IRFS (Yaman et al. 2023)."""

from dataclasses import dataclass

import numpy as np

from equipoise.weights.base import FloatArray
from equipoise.weights.label_factors import LabelFactors


@dataclass(frozen=True)
class InstanceAware(LabelFactors):
    """r_c = max(1, sqrt(t / sqrt(f_c g_c))); an example has the largest factor of its labels.

    f_c is the share of the task's examples that have label c, g_c the share of label c among all instances. A label
    with one instance per example, where others have dozens, is then rarer than f_c alone indicates. Where every
    example has one label, once, this is `RepeatFactor`.

    Parameters
    ----------
    threshold : float
        t, from 0 to 1: labels of at least this frequency have the factor 1. The paper uses 0.001.
    power, aggregate, empty
        As in `LabelFactors`; 0.5 is the paper's outer square root, and "max" its rule.

    Raises
    ------
    PlanError
        If an option is out of its range.

    References
    ----------
    Yaman, Mahmud and Liu (2023), "Instance-Aware Repeat Factor Sampling for Long-Tailed Object Detection".

    Examples
    --------
    >>> InstanceAware(0.25).factors(np.array([0.8, 0.4]), np.array([0.9, 0.1])).round(3).tolist()
    [1.0, 1.118]
    """

    name = "instance_aware"

    def frequency(self, of_examples: FloatArray, of_instances: FloatArray, /) -> FloatArray:
        """Return the geometric mean of the two shares."""
        return np.sqrt(of_examples * of_instances)

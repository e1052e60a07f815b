"""r_c = max(1, sqrt(t / f_c)), f_c the share of examples with the label: LVIS (Gupta et al. 2019)."""

from dataclasses import dataclass

from equipoise.weights.base import FloatArray
from equipoise.weights.label_factors import LabelFactors


@dataclass(frozen=True)
class RepeatFactor(LabelFactors):
    """r_c = max(1, sqrt(t / f_c)); an example has the largest factor of its labels.

    f_c is the share of the task's examples that have label c, however often each. With ``threshold=1`` there is no
    floor: r_c = f_c^(-power), which is `Power` where every example has one label.

    Parameters
    ----------
    threshold : float
        t, from 0 to 1: labels of at least this frequency have the factor 1. LVIS uses 0.001.
    power, aggregate, empty
        As in `LabelFactors`; 0.5 is the paper's square root, and "max" its rule.

    Raises
    ------
    PlanError
        If an option is out of its range.

    References
    ----------
    Gupta, Dollár and Girshick (2019), "LVIS: A Dataset for Large Vocabulary Instance Segmentation", appendix B.

    Examples
    --------
    >>> RepeatFactor(0.25)([900, 84, 16], ("a", "b", "c"), "findings").round(3).tolist()
    [1.0, 1.725, 3.953]
    """

    name = "repeat_factor"

    def frequency(self, of_examples: FloatArray, _of_instances: FloatArray, /) -> FloatArray:
        """Return the share of examples."""
        return of_examples

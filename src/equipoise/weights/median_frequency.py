"""w_c = median(f) / f_c: median frequency balancing (Eigen & Fergus 2015)."""

from dataclasses import dataclass

import numpy as np

from equipoise.weights.base import ClassWeights, FloatArray, Labels


@dataclass(frozen=True)
class MedianFrequency(ClassWeights):
    """w_c = median(f) / f_c, with f_c = n_c / N and the median over the labels that have examples.

    In the paper f_c counts pixels over the images that contain the class. An example of text has one
    label, so the task takes the place of the image. The shares are those of `InverseFrequency`; the weight of the
    median label is 1.

    References
    ----------
    Eigen and Fergus (2015), "Predicting Depth, Surface Normals and Semantic Labels with a Common
    Multi-Scale Convolutional Architecture", section 6.3.2.

    Examples
    --------
    >>> MedianFrequency()([100, 20, 5], ("a", "b", "c"), "mood").tolist()
    [0.2, 1.0, 4.0]
    """

    name = "median"

    def formula(self, n: FloatArray, _labels: Labels, _task: str, /) -> FloatArray:
        """Return median(n) / n: N cancels."""
        return np.median(n) / n

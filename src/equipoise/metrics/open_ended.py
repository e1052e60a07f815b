"""The metrics of an open-ended task: exact match, ROUGE-L and BLEU."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from equipoise.metrics.predictions import TaskPredictions
from equipoise.metrics.resampling import contributions

Array = NDArray[np.float64]

# rows, exact matches, ROUGE-L, matching n-grams (4), n-grams (4), length said, length right
WIDTH = 13


class OpenRows:
    """The rows of one open-ended task as numbers.

    Parameters
    ----------
    predictions : TaskPredictions
        Of an open-ended task.
    codes : int64 array
        The group of each row.
    """

    labels: tuple[str, ...] = ()

    def __init__(self, predictions: TaskPredictions, codes: NDArray[np.int64]) -> None:
        self.codes = codes
        pairs = list(zip(predictions.targets, predictions.predicted, strict=True))
        self.values = np.concatenate(
            [
                np.ones((len(pairs), 1)),
                np.array([[right.strip() == said.strip()] for right, said in pairs], np.float64).reshape(-1, 1),
                _rouge(pairs),
                _bleu_counts(pairs),
            ],
            axis=1,
        )

    def point(self) -> tuple[dict[str, float], dict[str, Array]]:
        """Compute the metrics.

        Returns
        -------
        metrics : dict of str to float
            `exact_match` and `rouge_l` in [0, 1], `bleu` in [0, 100]; NaN without a row.
        label_metrics : dict
            Empty.
        """
        metrics, _ = self.replicate(self.values.sum(axis=0, keepdims=True))
        return {name: float(value[0]) for name, value in metrics.items()}, {}

    def contributions(self, groups: int) -> sp.csr_array:
        """Sum what each group adds.

        Parameters
        ----------
        groups : int
            The number of groups.

        Returns
        -------
        scipy.sparse.csr_array of shape (groups, 13)
            BLEU of a corpus follows from sums over its sentences.
        """
        columns = [(np.full(len(self.codes), place), self.values[:, place]) for place in range(WIDTH)]
        return contributions(self.codes, groups, columns, WIDTH)

    def replicate(self, sums: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Compute the metrics of resamples.

        Parameters
        ----------
        sums : float64 array of shape (resamples, 13)
            Weighted sums of the contributions.

        Returns
        -------
        metrics : dict of str to float64 array of shape (resamples,)
            As in `point`.
        label_metrics : dict
            Empty.
        """
        rows = sums[:, 0]
        means = {
            name: np.divide(sums[:, place], rows, out=np.full(len(sums), np.nan), where=rows > 0)
            for place, name in ((1, "exact_match"), (2, "rouge_l"))
        }
        return {**means, "bleu": np.array([_bleu(row) if row[0] > 0 else np.nan for row in sums])}, {}


def _rouge(pairs: list[tuple[str, str]]) -> Array:
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    scorer = RougeScorer(["rougeL"])
    values = [scorer.score(right, said)["rougeL"].fmeasure for right, said in pairs]
    return np.array(values, np.float64).reshape(-1, 1)


def _bleu_counts(pairs: list[tuple[str, str]]) -> Array:
    from sacrebleu import BLEU  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    scorer = BLEU()
    counted = [scorer.corpus_score([said], [[right]]) for right, said in pairs]
    values = [[*found.counts, *found.totals, found.sys_len, found.ref_len] for found in counted]
    return np.array(values, np.float64).reshape(-1, 10)


def _bleu(sums: Array) -> float:
    from sacrebleu import BLEU  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    counts = [int(value) for value in sums[3:]]
    return BLEU.compute_bleu(counts[:4], counts[4:8], counts[8], counts[9]).score

"""What the rows of an open-ended task add to its metrics: exact match, ROUGE-L and BLEU."""

from typing import Any

import numpy as np

from equipoise.metrics.sums import Array, Rows


def exact_matches(rows: Rows) -> Array:
    """Return 1 for each text that is right, spaces at the ends aside, else 0; shape (rows, 1)."""
    return np.array([[right.strip() == said.strip()] for right, said in rows.texts], np.float64).reshape(-1, 1)


def rouge_l(rows: Rows) -> Array:
    """Return the ROUGE-L F1 of each text; shape (rows, 1).

    References
    ----------
    Lin (2004), "ROUGE: A Package for Automatic Evaluation of Summaries".
    """
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    scorer = RougeScorer(["rougeL"])
    values = [scorer.score(right, said)["rougeL"].fmeasure for right, said in rows.texts]
    return np.array(values, np.float64).reshape(-1, 1)


def bleu_counts(rows: Rows) -> Array:
    """Return matching n-grams (4), n-grams (4), and the lengths of answer and target; shape (rows, 10)."""
    from sacrebleu import BLEU  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    scorer = BLEU()
    counted = [scorer.corpus_score([said], [[right]]) for right, said in rows.texts]
    values = [[*found.counts, *found.totals, found.sys_len, found.ref_len] for found in counted]
    return np.array(values, np.float64).reshape(-1, 10)


def bleu(counts: Array) -> Array:
    """Compute BLEU of a corpus from sums over its sentences of what `bleu_counts` returned, shape (resamples, 10).

    References
    ----------
    Post (2018), "A Call for Clarity in Reporting BLEU Scores".
    """
    from sacrebleu import BLEU  # noqa: PLC0415  (slow to import, for open-ended tasks only)

    def of(row: list[Any]) -> float:
        # Counts of a weighted sample are not integers; only lengths have to be.
        return BLEU.compute_bleu(row[:4], row[4:8], round(row[8]), round(row[9])).score

    return np.array([of(row) for row in counts.tolist()], np.float64)

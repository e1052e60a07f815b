"""The measured numbers that advice rests on: each is a cell of benchmarks/RESULTS.md, and a test looks it up there."""

from typing import Final, NamedTuple


class Measured(NamedTuple):
    """A score on a test split with natural shares, mean over the tasks.

    Attributes
    ----------
    section : str
        The heading of the table in benchmarks/RESULTS.md.
    row : str
        The first cell of its row.
    value : float
        The macro-F1, or the log-loss, rounded as there.
    """

    section: str
    row: str
    value: float

    def __str__(self) -> str:
        """Return the number as it is printed."""
        return f"{self.value:.3f}"


_PLAN: Final = "equal tasks, square-root weights (the default)"
_DIAGNOSES: Final = "Schedules and feedback on multi-diagnosis (8 tasks, binned text), 40,960 draws each"
_CODES: Final = "Schedules and feedback on ICD-10-CM (4 tasks, labels as numbers), 40,960 draws each"
_CURVES: Final = "Learning curves of a tiny T5 from scratch: multi-diagnosis (8 tasks, binned text)"
_MINILM: Final = (
    "A pretrained encoder (MiniLM), embeddings and two of six layers frozen: ICD-10-CM (4 tasks, labels as words)"
)
_LINEAR: Final = "TF-IDF + logistic regression, balanced class weights"
_LOGIT: Final = "natural sampling, answers by logit adjustment"

DATA_SETS: Final = ("multi-diagnosis", "ICD-10-CM")
"""Of the pairs of numbers below, in their order."""
NATURAL: Final = (Measured(_DIAGNOSES, "natural", 0.564), Measured(_CODES, "natural", 0.578))
PLAN: Final = (Measured(_DIAGNOSES, _PLAN, 0.740), Measured(_CODES, _PLAN, 0.669))
TAU: Final = (
    Measured(_CURVES, _LOGIT, 0.598),
    Measured("Learning curves of a tiny T5 from scratch: ICD-10-CM (4 tasks, labels as numbers)", _LOGIT, 0.574),
)
"""Natural sampling, with tau chosen on validation rows."""
PLAN_TAU: Final = (Measured(_DIAGNOSES, _PLAN, 0.717), Measured(_CODES, _PLAN, 0.667))
NATURAL_LOG_LOSS: Final = (Measured(_DIAGNOSES, "natural", 0.261), Measured(_CODES, "natural", 1.149))
"""Calibrated, as the next."""
PLAN_LOG_LOSS: Final = (Measured(_DIAGNOSES, _PLAN, 0.195), Measured(_CODES, _PLAN, 1.078))
LINEAR: Final = (
    Measured("Linear models on multi-diagnosis (8 tasks, binned text)", _LINEAR, 0.664),
    Measured("Linear models on ICD-10-CM (4 tasks, labels as numbers)", _LINEAR, 0.790),
    Measured("Linear models on medical codes (3 tasks, labels as numbers)", _LINEAR, 0.752),
)
FEW_DRAWS: Final = (
    Measured(_CURVES, "natural sampling", 0.407),
    Measured(_CURVES, "default plan: equal tasks, square-root class weights", 0.675),
)
"""On multi-diagnosis after 10,240 draws."""
PRETRAINED: Final = (
    Measured(_MINILM, "natural sampling", 0.251),
    Measured(_MINILM, "default plan: equal tasks, square-root class weights", 0.607),
)
"""After 5,120 draws."""


def versus(ours: tuple[Measured, ...], others: tuple[Measured, ...]) -> str:
    """Return pairs of numbers on the same data.

    Examples
    --------
    >>> versus(PLAN, NATURAL)
    '0.740 against 0.564 on multi-diagnosis, and 0.669 against 0.578 on ICD-10-CM'
    """
    pairs = zip(ours, others, DATA_SETS, strict=True)
    return ", and ".join(f"{one} against {other} on {data}" for one, other, data in pairs)

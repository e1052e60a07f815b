"""Who goes on to the next stage, by the objective on validation rows."""

from collections.abc import Mapping, Sequence

from equipoise.config import NATURAL
from equipoise.experiment.compare.judging import sign_of
from equipoise.experiment.compare.result import BySeed, CandidateInfo


def mean_of(values: BySeed, objective: str) -> float:
    """The mean over the seeds, the larger the better; minus infinity if a seed could not be measured.

    Examples
    --------
    >>> mean_of((0.25, 0.75), "macro_f1"), mean_of((0.25, 0.75), "log_loss"), mean_of((0.25, None), "macro_f1")
    (0.5, -0.5, -inf)
    """
    if not values or any(value is None for value in values):
        return -float("inf")
    return sign_of(objective) * sum(value for value in values if value is not None) / len(values)


def keep(
    scores: Mapping[str, BySeed], candidates: Mapping[str, CandidateInfo], objective: str, most: int
) -> tuple[str, ...]:
    """Choose the trainings whose best candidates are best, and natural sampling.

    Parameters
    ----------
    scores : mapping of str to BySeed
        The objective of each candidate.
    candidates : mapping of str to CandidateInfo
        Says of which training a candidate is.
    objective : str
        Says whether more is better.
    most : int
        How many, beside natural sampling. Of equals the simpler is kept, then the one that was named first.

    Returns
    -------
    tuple of str
        Trainings: natural sampling, then the others, best first.

    Examples
    --------
    >>> info = {name: CandidateInfo(name, "none", "", 1, {}) for name in ("natural", "sqrt", "focal")}
    >>> keep({"natural": (0.5,), "sqrt": (0.7,), "focal": (0.6,)}, info, "macro_f1", 1)
    ('natural', 'sqrt')
    """
    order = list(candidates)

    def rank(name: str) -> tuple[float, int, int]:
        return (-mean_of(scores[name], objective), candidates[name].steps, order.index(name))

    best: Sequence[str] = sorted(scores, key=rank)
    trainings = dict.fromkeys(candidates[name].training for name in best if candidates[name].training != NATURAL)
    return (NATURAL, *list(trainings)[:most])

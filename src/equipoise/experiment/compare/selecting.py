"""Who goes on to the next stage, by the objective on validation rows."""

from collections.abc import Iterable, Mapping, Sequence

from equipoise.config import NATURAL
from equipoise.experiment.compare.judging import sign_of
from equipoise.experiment.compare.result import BySeed, CandidateInfo, RunCost


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


def ranking(scores: Mapping[str, BySeed], candidates: Mapping[str, CandidateInfo], objective: str) -> tuple[str, ...]:
    """Order the trainings by their best candidates, without natural sampling.

    Parameters
    ----------
    scores : mapping of str to BySeed
        The objective of each candidate.
    candidates : mapping of str to CandidateInfo
        Says of which training a candidate is.
    objective : str
        Says whether more is better.

    Returns
    -------
    tuple of str
        The best first; of equals the simpler, then the one that was named first.

    Examples
    --------
    >>> info = {name: CandidateInfo(name, "none", "", 1, {}) for name in ("natural", "sqrt", "focal")}
    >>> ranking({"natural": (0.5,), "sqrt": (0.6,), "focal": (0.7,)}, info, "macro_f1")
    ('focal', 'sqrt')
    """
    order = list(candidates)

    def rank(name: str) -> tuple[float, int, int]:
        return (-mean_of(scores[name], objective), candidates[name].steps, order.index(name))

    best = (candidates[name].training for name in sorted(scores, key=rank))
    return tuple(dict.fromkeys(name for name in best if name != NATURAL))


def prices(runs: Iterable[RunCost]) -> dict[str, float]:
    """Say what a draw of each training costs, as a multiple of their mean.

    In floating-point operations, not in seconds: a comparison that is made again must choose the same.

    Examples
    --------
    >>> prices([RunCost("natural", 0, 10, "", {}, 0, 40.0), RunCost("labels", 0, 20, "", {}, 0, 240.0)])
    {'natural': 0.5, 'labels': 1.5}
    """
    of_draw: dict[str, float] = {run.training: run.flops / run.draws for run in runs}
    mean = sum(of_draw.values()) / len(of_draw)
    return {name: each / mean for name, each in of_draw.items()}


def keep(ranked: Sequence[str], most: int, price: Mapping[str, float]) -> tuple[str, ...]:
    """Choose who goes on: natural sampling, the best, and those after it that are worth their place.

    A stage is paid for by the mean price of `most` trainings and natural sampling, so a costly one takes the
    places of several. The best goes on whatever it costs; another if at least half of it can be paid for.

    Parameters
    ----------
    ranked : sequence of str
        From `ranking`.
    most : int
        How many at most, beside natural sampling.
    price : mapping of str to float
        From `prices`.

    Returns
    -------
    tuple of str
        Trainings: natural sampling, then the others, best first.

    Examples
    --------
    >>> price = {"natural": 0.5, "labels": 2.6, "softmax": 2.6, "sqrt": 0.6, "log": 0.6}
    >>> keep(["labels", "softmax", "sqrt", "log"], 2, price)
    ('natural', 'labels')
    >>> keep(["sqrt", "labels", "log"], 2, price)
    ('natural', 'sqrt', 'labels')
    """
    left = most + 1 - price[NATURAL]
    kept: list[str] = []
    for name in ranked:
        if len(kept) < most and (not kept or price[name] / 2 <= left):
            kept.append(name)
            left -= price[name]
    return (NATURAL, *kept)

"""Which trainings a stage keeps, by the metric on validation rows and their prices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from equipoise.compare.result import BySeed, CandidateInfo, RunCost
from equipoise.config import NATURAL
from equipoise.metrics import METRICS

ROUNDING: Final = 1e-9
EXPENSIVE: Final = 1.5
"""As a multiple of the mean price. Mixing rates alone change a price by a tenth or two."""


def mean_of(values: BySeed, metric: str) -> float:
    """Return the mean over seeds, signed so that larger is better; minus infinity if a value is None.

    Examples
    --------
    >>> mean_of((0.25, 0.75), "macro_f1"), mean_of((0.25, 0.75), "log_loss"), mean_of((0.25, None), "macro_f1")
    (0.5, -0.5, -inf)
    """
    if not values or any(value is None for value in values):
        return -float("inf")
    return METRICS[metric].sign * sum(value for value in values if value is not None) / len(values)


def ranking(
    scores: Mapping[str, BySeed],
    candidates: Mapping[str, CandidateInfo],
    metric: str,
    standard_error: float,
    price: Mapping[str, float],
) -> tuple[str, ...]:
    """Rank the trainings by their best candidates, without natural sampling.

    Those within one standard error of the best cannot be told from it: of these, the ones that are not expensive come
    first.

    Parameters
    ----------
    scores : mapping of str to BySeed
        The metric of each candidate.
    candidates : mapping of str to CandidateInfo
        Names the training of each candidate.
    metric : str
        Decides whether larger is better.
    standard_error : float
        Of the best candidate's mean.
    price : mapping of str to float
        Returned by `prices`.

    Returns
    -------
    tuple of str
        Best first; ties go to the simpler training, then to the one named first.

    Examples
    --------
    >>> info = {name: CandidateInfo(name, "none", "", 1, {}) for name in ("natural", "sqrt", "focal", "labels")}
    >>> scores = {"natural": (0.5,), "sqrt": (0.69,), "focal": (0.6,), "labels": (0.7,)}
    >>> ranking(scores, info, "macro_f1", 0.02, {"natural": 0.8, "sqrt": 0.8, "focal": 0.8, "labels": 1.6})
    ('sqrt', 'labels', 'focal')
    """
    means = {name: mean_of(values, metric) for name, values in scores.items()}
    tied = max(means.values()) - standard_error
    order = list(candidates)

    def rank(name: str) -> tuple[float, int, int]:
        return (-means[name], candidates[name].steps, order.index(name))

    best: dict[str, float] = {}  # by training, in the order of their ranks
    for name in sorted(scores, key=rank):
        best.setdefault(candidates[name].training, means[name])
    best.pop(NATURAL, None)
    return tuple(sorted(best, key=lambda name: 2 if best[name] < tied else int(price[name] > EXPENSIVE)))


def best_natural(
    scores: Mapping[str, BySeed], candidates: Mapping[str, CandidateInfo], metric: str, natural: Iterable[str]
) -> str:
    """Return the best candidate of natural sampling, of all its trainings: what a plan should be better than.

    Of equals it is the simplest, then the one named first.

    Examples
    --------
    >>> info = {name: CandidateInfo(name, "none", "", steps, {}) for steps, name in enumerate(("natural", "small"))}
    >>> scores = {"natural": (0.5, 0.6), "small": (0.6, 0.7)}
    >>> best_natural(scores, info, "macro_f1", ["natural", "small"])
    'small'
    """
    trainings = set(natural)
    own = [name for name in scores if candidates[name].training in trainings]
    return max(own, key=lambda name: (mean_of(scores[name], metric), -candidates[name].steps))


def prices(runs: Iterable[RunCost]) -> dict[str, float]:
    """Return the price of a draw of each training, as a multiple of the mean price.

    Prices are floating-point operations, not seconds: the same comparison must choose the same again.

    Examples
    --------
    >>> prices([RunCost("natural", 0, 10, "", {}, 0, 40.0), RunCost("labels", 0, 20, "", {}, 0, 240.0)])
    {'natural': 0.5, 'labels': 1.5}
    """
    of_draw: dict[str, float] = {run.training: run.flops / run.draws for run in runs}
    mean = sum(of_draw.values()) / len(of_draw)
    return {name: each / mean for name, each in of_draw.items()}


def keep(ranked: Sequence[str], most: int, price: Mapping[str, float]) -> tuple[str, ...]:
    """Choose the trainings to keep: natural sampling, the first, and those after it that a stage can afford.

    A stage can afford natural sampling and `most` trainings of mean price. Trainings that are not expensive keep their
    places; expensive ones, which cost several places, share what these leave.

    Parameters
    ----------
    ranked : sequence of str
        Returned by `ranking`; the first is kept at any price.
    most : int
        Maximum number, besides natural sampling.
    price : mapping of str to float
        Returned by `prices`.

    Returns
    -------
    tuple of str
        Trainings: natural sampling, then the others, best first.

    Examples
    --------
    >>> price = {"natural": 0.5, "labels": 2.6, "softmax": 2.6, "sqrt": 0.6, "log": 0.6, "equal": 0.6}
    >>> keep(["labels", "softmax", "sqrt", "log", "equal"], 4, price)
    ('natural', 'labels', 'sqrt', 'log', 'equal')
    >>> keep(["labels", "softmax", "sqrt", "log", "equal"], 1, price)
    ('natural', 'labels')
    """
    if len(ranked) <= most:
        return (NATURAL, *ranked)

    def cost(name: str) -> float:
        return price[name] if price[name] > EXPENSIVE else min(1.0, price[name])

    left = most + 1 - cost(NATURAL) - sum(cost(name) for name in ranked[:most] if price[name] <= EXPENSIVE)
    kept: list[str] = []
    for place, name in enumerate(ranked):
        has_place = place < most and price[name] <= EXPENSIVE
        if len(kept) < most and (not kept or has_place or cost(name) <= left + ROUNDING):
            kept.append(name)
            left -= 0.0 if has_place else cost(name)
    return (NATURAL, *kept)

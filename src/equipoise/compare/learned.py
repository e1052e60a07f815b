"""Whether a candidate learned anything: whether it is better than answers that ignore the input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from equipoise.compare.corrections import Costs, scores_of
from equipoise.compare.evidence import Resampling
from equipoise.compare.findings import Learned
from equipoise.metrics import METRICS, TaskPredictions
from equipoise.metrics.resampling import group_codes
from equipoise.statistics import DifferencePosterior, difference_over_seeds

Predictions = Mapping[str, TaskPredictions]
Counts = Mapping[str, Mapping[str, int]]


def constant_answers(predictions: Predictions, train_counts: Counts, costs: Costs) -> dict[str, TaskPredictions]:
    """Return the best answers that are the same for every row of a task.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        Of the rows that are answered.
    train_counts : mapping of str to mapping of str to int
        For each task with labels the training rows of each.
    costs : mapping of str to ndarray
        Cost matrices by task.

    Returns
    -------
    dict of str to TaskPredictions
        The most frequent training label, or in a task with costs the cheapest label; the training shares as
        probabilities; empty texts in open-ended tasks.

    Examples
    --------
    >>> said = {"t": TaskPredictions("t", ["a", "b"], ["b", "b"], ("a", "b"))}
    >>> constant_answers(said, {"t": {"a": 9, "b": 1}}, {})["t"].predicted
    ['a', 'a']
    >>> constant_answers(said, {"t": {"a": 9, "b": 1}}, {"t": np.array([[0.0, 1.0], [20.0, 0.0]])})["t"].predicted
    ['b', 'b']
    """
    found: dict[str, TaskPredictions] = {}
    for task, part in predictions.items():
        rows = len(part.targets)
        if not part.labels:
            found[task] = replace(part, predicted=[""] * rows)
            continue
        counts = np.array([train_counts[task].get(label, 0) for label in part.labels], np.float64)
        shares = counts / counts.sum()
        cost = shares @ costs[task] if task in costs else -shares
        answer = part.labels[int(np.argmin(cost))]
        probabilities = None if part.probabilities is None else np.tile(shares, (rows, 1))
        found[task] = replace(part, predicted=[answer] * rows, probabilities=probabilities)
    return found


def shuffled_answers(predictions: Predictions, seed: int) -> dict[str, TaskPredictions]:
    """Return the same answers and probabilities on other rows of their tasks, as if they ignored the input.

    Examples
    --------
    >>> said = {"t": TaskPredictions("t", list("abcd"), list("abcd"), tuple("abcd"))}
    >>> "".join(shuffled_answers(said, 0)["t"].predicted)
    'cabd'
    """
    random = np.random.default_rng(seed)
    found: dict[str, TaskPredictions] = {}
    for task, part in predictions.items():
        other = random.permutation(len(part.targets))
        predicted = [part.predicted[place] for place in other.tolist()]
        probabilities = None if part.probabilities is None else part.probabilities[other]
        found[task] = replace(part, predicted=predicted, probabilities=probabilities)
    return found


def learned(
    ranked: Sequence[str],
    predictions: Callable[[str], Sequence[Predictions]],
    metric: str,
    resampling: Resampling,
) -> Learned:
    """Compare candidates on validation rows with answers that ignore the input, until one is better.

    Parameters
    ----------
    ranked : sequence of str
        Candidates, best first.
    predictions : callable
        Returns the predictions of a candidate on the validation rows: for each seed, by task.
    metric : str
        The metric that decides.
    resampling : Resampling
        Of the groups; its seed also decides how the answers are shuffled.

    Returns
    -------
    Learned
        Of the first that is better; of the first of all if none is.

    References
    ----------
    Ojala & Garriga (2010), "Permutation Tests for Studying Classifier Performance".
    """
    first: Learned | None = None
    for name in ranked:
        found = _against(name, predictions(name), metric, resampling)
        if has_learned(found, metric):
            return found
        first = first or found
    assert first is not None
    return replace(first, tasks=_learned_tasks(predictions(first.candidate), metric, resampling))


def has_learned(found: Learned, metric: str) -> bool:
    """Whether the whole interval of the gain is on the better side of 0.

    Examples
    --------
    >>> from equipoise.metrics import Estimate
    >>> gain = Estimate(-0.2, -0.3, -0.1)
    >>> has_learned(Learned("sqrt", 0.4, 0.6, 0.9, gain), "log_loss"), has_learned(Learned("", 0, 0, 0, gain), "bleu")
    (True, False)
    """
    worst = found.gain.low if METRICS[metric].sign > 0 else found.gain.high
    return worst is not None and METRICS[metric].sign * worst > 0


def _learned_tasks(said: Sequence[Predictions], metric: str, resampling: Resampling) -> tuple[str, ...]:
    """Return the tasks that, each by itself, are answered better than by what ignores the input."""
    alone = {task: [{task: each[task]} for each in said] for task in said[0]}
    return tuple(
        task
        for task, parts in alone.items()
        if scores_of(parts[0], resampling.costs)[0].get(metric) is not None
        and has_learned(_against(task, parts, metric, resampling), metric)
    )


def _against(name: str, said: Sequence[Predictions], metric: str, resampling: Resampling) -> Learned:
    seeds, sign = len(said), METRICS[metric].sign
    seed, costs = resampling.seed, resampling.costs
    constant = constant_answers(said[0], resampling.train_counts, costs)
    same, other = [constant] * seeds, [shuffled_answers(each, place) for place, each in enumerate(said, start=seed)]
    found, *references = (
        np.array([scores_of(each, costs)[0][metric] for each in sets], np.float64) for sets in (said, same, other)
    )
    # Against the better of the two.
    better = int(sign * references[1].mean() > sign * references[0].mean())
    gains = found - references[better]
    errors = difference_over_seeds(
        (same, other)[better], said, costs=costs, bootstrap=resampling.bootstrap, seed=seed
    ).standard_errors
    rows = (errors[metric] or 0.0) ** 2
    # With one seed the variance between seeds is unknown, and the interval is that of the rows alone.
    training = float(gains.var(ddof=1)) / seeds if seeds > 1 else 0.0
    _, groups = group_codes(list(said[0].values()))
    gain = DifferencePosterior(float(gains.mean()), training, rows, max(2, seeds), max(2, groups)).interval()
    value, of_same, of_other = (float(each.mean()) for each in (found, *references))
    return Learned(name, value, of_same, of_other, gain)

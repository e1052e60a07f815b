"""Synthetic learners: a rule sees their scores on some rows, the result is measured on others."""

from collections.abc import Callable, Sequence

import numpy as np

from equipoise import Plan, draw_strata
from equipoise.feedback import Decision, Feedback, Scores


def train(learner, plan: Plan, rule: Feedback | None, *, decisions: int, draws: int, seed: int = 0) -> list[Decision]:
    """Train on stages of `draws` draws each, with a decision after every one but the last; return the decisions."""
    history = [Decision(0, plan)]
    for stage in range(decisions + 1):
        now = history[-1].plan
        learner.learn(draw_strata(now, seed=seed, first=stage * draws, last=(stage + 1) * draws))
        if rule is not None and stage < decisions:
            scores = learner.scores()
            history.append(Decision((stage + 1) * draws, rule.next_plan(history, scores), scores))
    return history


class Softmax:
    """Softmax regression on Gaussian classes of one task, trained by SGD on the rows that are drawn.

    Parameters
    ----------
    rows : sequence of int
        Training rows of each label, drawn in order again and again; their shares are those of the test rows.
    apart : float
        Scale of the distances between the means of the classes.
    seed : int
        Of means and rows.
    """

    FEATURES, BATCH, RATE, VALIDATION, TEST = 8, 32, 0.2, 0.25, 500

    def __init__(self, rows: Sequence[int], apart: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        means = random.normal(0, apart, (len(rows), self.FEATURES))

        def points(n: int, label: int):
            return np.column_stack([random.normal(means[label], 1, (n, self.FEATURES)), np.ones(n)])

        self.rows = np.array(rows)
        self.rows_of = [points(n, label) for label, n in enumerate(rows)]
        self.validation = [points(max(5, int(self.VALIDATION * n)), label) for label, n in enumerate(rows)]
        self.test = [points(self.TEST, label) for label in range(len(rows))]
        self.weights = np.zeros((self.FEATURES + 1, len(rows)))
        self.used = np.zeros(len(rows), np.int64)

    def learn(self, strata) -> None:
        x = np.empty((len(strata), self.FEATURES + 1))
        for label, of_label in enumerate(self.rows_of):
            places = np.flatnonzero(strata == label)
            x[places] = of_label[(self.used[label] + np.arange(len(places))) % len(of_label)]
            self.used[label] += len(places)
        for first in range(0, len(strata), self.BATCH):
            batch = slice(first, first + self.BATCH)
            logits = x[batch] @ self.weights
            errors = np.exp(logits - logits.max(axis=1, keepdims=True))
            errors /= errors.sum(axis=1, keepdims=True)
            errors[np.arange(self.BATCH), strata[batch]] -= 1
            self.weights -= self.RATE / self.BATCH * x[batch].T @ errors

    def scores(self) -> Scores:
        f1 = f1_of(self.confusion(self.validation, self.rows)).tolist()
        return Scores(label_f1={"task": {str(label): value for label, value in enumerate(f1)}})

    def confusion(self, rows, amounts):
        """Compute the confusion matrix, true label by row, where the labels occur in these amounts."""
        found = [(x @ self.weights).argmax(axis=1) for x in rows]
        shares = np.array([np.bincount(each, minlength=len(rows)) / len(each) for each in found])
        return np.asarray(amounts)[:, None] * shares

    def macro_f1(self) -> float:
        """Macro-F1 on test rows with the natural shares."""
        return float(f1_of(self.confusion(self.test, self.rows)).mean())

    def balanced_f1(self) -> float:
        """Macro-F1 on test rows with equal shares."""
        return float(f1_of(self.confusion(self.test, np.ones(len(self.rows)))).mean())


def f1_of(confusion):
    return 2 * np.diag(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1))


class Curves:
    """Tasks that are learned each by itself: the score of each is a function of its draws.

    Parameters
    ----------
    score : callable
        (draws of each task, shape (K,)) -> scores, shape (K,). The loss of a draw is minus the score.
    tasks : int
        K.
    noise : float
        Standard deviation of what is added to the scores that a rule sees.
    seed : int
        Of the noise.
    """

    def __init__(self, score: Callable, tasks: int, noise: float = 0.0, seed: int = 0) -> None:
        self.score, self.noise, self.random = score, noise, np.random.default_rng(seed)
        self.used = np.zeros(tasks)

    def learn(self, strata) -> None:
        self.used += np.bincount(strata, minlength=len(self.used))

    def scores(self) -> Scores:
        score = self.score(self.used)
        seen = score + self.random.normal(0, self.noise, len(score))
        names = [f"task{number}" for number in range(len(score))]
        return Scores(
            task_scores=dict(zip(names, seen.tolist(), strict=True)),
            task_losses=dict(zip(names, (-score).tolist(), strict=True)),
        )

    def mean(self) -> float:
        return float(self.score(self.used).mean())

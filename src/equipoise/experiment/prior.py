"""Correct predictions for another prior than the one that was trained on, without training again."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from equipoise.metrics import TaskPredictions
from equipoise.plan import Plan


def prior_corrected(
    predictions: Mapping[str, TaskPredictions], trained: Plan, wanted: Plan
) -> dict[str, TaskPredictions]:
    """Give the predictions that follow from p'(y | x) = p(y | x) pi'(y) / pi(y), normalised.

    pi and pi' are the shares of the labels inside the task that the two plans draw. Both come from
    training rows, so the correction costs nothing and sees no test row.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        Of the model that was trained by `trained`; tasks without probabilities stay as they are.
    trained, wanted : Plan
        The plan that was drawn from, and the one whose shares the predictions should follow.

    Returns
    -------
    dict of str to TaskPredictions
        The corrected predictions.

    References
    ----------
    Saerens, Latinne and Decaestecker (2002), "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities", equation 2.4.
    """
    corrected: dict[str, TaskPredictions] = {}
    for task, part in predictions.items():
        corrected[task] = part
        if part.probabilities is None:
            continue
        places = [trained.position_of(task, label) for label in part.labels]
        ratio = np.divide(
            wanted.probabilities[places],
            trained.probabilities[places],
            out=np.zeros(len(places)),
            where=trained.probabilities[places] > 0,
        )
        scores = part.probabilities * ratio
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        answers = [part.labels[best] for best in probabilities.argmax(axis=1)]
        corrected[task] = replace(part, probabilities=probabilities, predicted=answers)
    return corrected

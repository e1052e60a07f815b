"""What predictions are worth: the means over the tasks, by which candidates are chosen and compared."""

from collections.abc import Mapping

from equipoise.experiment.compare.corrections import Costs
from equipoise.metrics import TaskPredictions, evaluate

SMALLER_IS_BETTER = frozenset({"log_loss", "expected_cost", "ece", "brier"})
Means = dict[str, float | None]


def sign_of(objective: str) -> int:
    """1 where more is better, else -1.

    Examples
    --------
    >>> sign_of("macro_f1"), sign_of("log_loss")
    (1, -1)
    """
    return -1 if objective in SMALLER_IS_BETTER else 1


def scores_of(predictions: Mapping[str, TaskPredictions], costs: Costs | None = None) -> tuple[Means, dict[str, Means]]:
    """Score predictions without intervals.

    Parameters
    ----------
    predictions : mapping of str to TaskPredictions
        By task.
    costs : mapping of str to array, optional
        Cost matrices by task; then `expected_cost` is measured too.

    Returns
    -------
    dict of str to float or None
        The unweighted mean of each metric over the tasks that have it; None where no task measures it.
    dict of str to dict
        Each metric of each task.
    """
    scores = evaluate(predictions, costs=costs, bootstrap=0)
    mean = {name: estimate.value for name, estimate in scores.mean.items()}
    tasks = {task: {name: each.value for name, each in of.metrics.items()} for task, of in scores.tasks.items()}
    return mean, tasks

"""What a label loss knows of a task: counts of its labels, shares that are drawn (q) and aimed at (p*)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from equipoise.errors import PlanError
from equipoise.plan import Plan
from equipoise.weights import ClassWeights

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelPriors:
    """The labels of one task with their counts, and their shares inside the task.

    Parameters
    ----------
    task : str
        The task.
    labels : tuple of str, length C
        Its labels, in the order of the scores' columns.
    counts : ndarray of int64, shape (C,)
        Training examples of each.
    drawn : ndarray of float64, shape (C,)
        q inside the task, which sums to 1: what the sampler draws.
    target : ndarray of float64, shape (C,)
        p* inside the task, which sums to 1. Examples have the importance weight p*/q, so this is what an
        unadjusted loss sees. Equal to `drawn` unless the plan has a target.

    Raises
    ------
    PlanError
        If the arrays do not fit the labels, shares do not sum to 1, or the target has a label that is not drawn.

    Examples
    --------
    >>> from equipoise import Census
    >>> from equipoise.weights import Balanced
    >>> census = Census.from_counts({"mood": {"glad": 90, "sad": 10}, "qa": 50})
    >>> plan = Plan.build(census, weights={"mood": Balanced(), "qa": "natural"})
    >>> priors = LabelPriors.of(plan, "mood")
    >>> priors.labels, priors.counts.tolist(), priors.natural.tolist(), priors.drawn.tolist()
    (('glad', 'sad'), [90, 10], [0.9, 0.1], [0.5, 0.5])
    """

    task: str
    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    drawn: FloatArray
    target: FloatArray

    def __post_init__(self) -> None:
        if not self.labels:
            raise PlanError(
                "no-labels", f"task {self.task!r} must have labels, found none: label losses need classifications."
            )
        counts = np.array(self.counts, dtype=np.int64)
        if counts.shape != (len(self.labels),) or (counts < 0).any() or not counts.any():
            raise PlanError(
                "bad-counts",
                f"`counts` of task {self.task!r} must be one number of at least 0 for each of {len(self.labels)}"
                f" labels, and not all 0, found {counts.tolist()}.",
            )
        shares = {"drawn": np.array(self.drawn, dtype=np.float64), "target": np.array(self.target, dtype=np.float64)}
        for name, share in shares.items():
            if share.shape != counts.shape or not (share >= 0).all() or abs(share.sum() - 1) > 1e-9:
                raise PlanError(
                    "bad-shares",
                    f"`{name}` of task {self.task!r} must be {len(self.labels)} shares of at least 0 with the sum 1,"
                    f" found {share.tolist()}. Take them from a plan with `LabelPriors.of`.",
                )
        if ((shares["target"] > 0) & (shares["drawn"] == 0)).any():
            raise PlanError(
                "never-drawn", f"`target` of task {self.task!r} has a share of a label that is never drawn."
            )
        for name, values in {"counts": counts, **shares}.items():
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @classmethod
    def of(cls, plan: Plan, task: str, labels: Sequence[str] | None = None) -> LabelPriors:
        """Return the priors of one task of a plan.

        Parameters
        ----------
        plan : Plan
            The plan of the draws.
        task : str
            A classification that the plan draws.
        labels : sequence of str, optional
            The order of the labels, if it is not that of the plan. Labels that the plan does not know have
            no examples and are never drawn.

        Raises
        ------
        PlanError
            If the plan does not have the task or never draws it, the task is open-ended, or one of its
            drawn labels is missing in `labels`.

        Examples
        --------
        >>> from equipoise import Census
        >>> plan = Plan.build(Census.from_counts({"mood": {"glad": 3, "sad": 1}}), weights="natural")
        >>> LabelPriors.of(plan, "mood", labels=("sad", "calm", "glad")).drawn.tolist()
        [0.25, 0.0, 0.75]
        """
        places = {stratum.label: i for i, stratum in enumerate(plan.strata) if stratum.task == task}
        if not places or None in places:
            found = "an open-ended task" if places else f"only {list(plan.tasks)}"
            raise PlanError(
                "not-a-classification", f"`task` must be a classification of the plan, found {found} for {task!r}."
            )
        own = tuple(str(label) for label in places)
        order = own if labels is None else tuple(labels)
        missing = [label for label in own if label not in order and plan.counts[places[label]]]
        if missing:
            raise PlanError(
                "missing-label",
                f"`labels` of task {task!r} must name {missing}, which have examples, found {list(order)}.",
            )
        taken = np.array([places.get(label, -1) for label in order])
        known = taken >= 0
        counts, drawn, target = (
            np.where(known, values[taken], 0) for values in (plan.counts, plan.masses, plan.target_masses)
        )
        if not drawn.any() or not target.any():
            raise PlanError(
                "never-drawn", f"task {task!r} has the rate 0 in the plan or its target: it cannot be learned."
            )
        return cls(task, order, counts, drawn / int(drawn.sum()), target / int(target.sum()))

    @cached_property
    def natural(self) -> FloatArray:
        """The shares of the labels in the data."""
        return self.counts / self.counts.sum()

    @cached_property
    def undoing(self) -> FloatArray:
        """q/p*: the class weights that cancel the label's part of the importance weight p*/q.

        For a loss that corrects by logits, which weights must not correct as well. 0 where p* is 0: the
        examples of such a label have the weight 0 anyway.
        """
        return np.divide(self.drawn, self.target, out=np.zeros(len(self.labels)), where=self.target > 0)

    def weights_towards(self, shares: FloatArray) -> FloatArray:
        """Return s/p*: the class weights under which the loss sees the shares s, whatever is drawn.

        With the importance weight p*/q they make s/q, so a correction by the sampler is taken into account. They
        average 1 over what the loss sees, so the task keeps its share. 0 where p* is 0.

        Parameters
        ----------
        shares : ndarray of float64, shape (C,)
            Not negative; normalised here over the labels of the target.

        Returns
        -------
        ndarray of float64, shape (C,)

        Raises
        ------
        PlanError
            If all shares of the labels of the target are 0.
        """
        wanted = np.where(self.target > 0, shares, 0.0)
        if not wanted.any():
            raise PlanError(
                "all-zero", f"no label of task {self.task!r} that the plan aims at has a class weight above 0."
            )
        wanted = wanted / wanted.sum()
        return np.divide(wanted, self.target, out=np.zeros(len(self.labels)), where=self.target > 0)

    def weights_by(self, scheme: ClassWeights, on_top: bool = False) -> FloatArray:
        """Return the class weights towards the shares of a scheme.

        Parameters
        ----------
        scheme : ClassWeights
            Its weights w_c.
        on_top : bool
            Whether the weights multiply what is drawn: shares p*_c w_c, otherwise n_c w_c.

        Returns
        -------
        ndarray of float64, shape (C,)
        """
        shares = self.target if on_top else self.counts
        return self.weights_towards(shares * scheme(self.counts, self.labels, self.task))


def floored(values: FloatArray) -> FloatArray:
    """Replace zeros by the smallest value above 0.

    A label that is never drawn has no prior. Balanced softmax as published would leave it out of the softmax, so
    nothing would lower its score, and its logit would be -inf. Here it has the prior of the rarest drawn label. It
    is never a target, so the optimum of its score is -inf whatever finite number is used, and the optima of the
    other labels do not change.

    Examples
    --------
    >>> floored(np.array([0.75, 0.0, 0.25])).tolist()
    [0.75, 0.25, 0.25]
    """
    return np.where(values > 0, values, values[values > 0].min())

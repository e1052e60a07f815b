"""Sums over label sets for the forecast, in one pass over the entries: no array of examples times labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equipoise.census import Stratum
from equipoise.multilabel.census import imbalance_ratios
from equipoise.multilabel.factors import Factors
from equipoise.multilabel.label_sets import LabelSets

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tallies:
    """Sums for each label and, behind the labels, for each task's examples without any (S + K in all).

    `masses` are sums of the examples' probabilities, `squares` of their squares, and `unseen` of the shares of them
    that are never drawn. `pulled` is the mass of examples whose factor is larger because of another label; `pulled_by`
    is the label with most of it, or -1. `listed` are the positions of the rows to report, in their order.
    """

    tasks: tuple[str, ...]
    strata: tuple[Stratum, ...]
    task_of: IntArray
    is_label: npt.NDArray[np.bool_]
    listed: list[int]
    examples: IntArray
    instances: IntArray
    factors: FloatArray
    masses: FloatArray
    squares: FloatArray
    unseen: FloatArray
    pulled: FloatArray
    pulled_by: IntArray
    imbalance_before: FloatArray
    imbalance_after: FloatArray
    task_examples: IntArray
    task_factors: FloatArray
    task_masses: FloatArray
    task_squares: FloatArray

    @classmethod
    def of(cls, sets: LabelSets, factors: Factors, row_weights: FloatArray, draws: int) -> Tallies:
        """Compute the sums for `draws` draws."""
        n_labels, n_tasks = len(sets.strata), len(sets.tasks)
        size = n_labels + n_tasks
        without = np.flatnonzero(sets.lengths == 0)
        codes = np.concatenate([sets.codes, n_labels + sets.task_of_row[without]]).astype(np.int64)
        rows = np.concatenate([sets.row_of_entry, without])
        strata = (*sets.strata, *(Stratum(task, None) for task in sets.tasks))
        numbers = {task: number for number, task in enumerate(sets.tasks)}
        task_of = np.array([numbers[stratum.task] for stratum in strata], dtype=np.int64)
        is_label = np.arange(size) < n_labels

        examples = np.bincount(codes, minlength=size)
        weights = row_weights[rows]
        masses = _sums(codes, weights, size)
        # All examples of a task without labels have the same factor.
        of_empty = np.zeros(n_tasks)
        of_empty[sets.task_of_row[without]] = factors.of_examples[without]
        own = np.concatenate([factors.of_labels, of_empty])
        pulled, pulled_by = _pulled(codes, factors.deciding[rows], own, weights)
        task_examples = np.bincount(sets.task_of_row, minlength=n_tasks)
        of_tasks = _sums(sets.task_of_row, factors.of_examples, n_tasks)
        listed = [i for i in range(size) if is_label[i] or examples[i]]
        listed.sort(key=lambda i: (strata[i].task, not is_label[i], strata[i].label or ""))
        return cls(
            tasks=sets.tasks,
            strata=strata,
            task_of=task_of,
            is_label=is_label,
            listed=listed,
            examples=examples,
            instances=np.bincount(sets.codes, sets.instances, size).astype(np.int64),
            factors=own,
            masses=masses,
            squares=_sums(codes, weights**2, size),
            unseen=_sums(codes, (1 - draws * weights).clip(min=0), size),
            pulled=pulled,
            pulled_by=pulled_by,
            imbalance_before=imbalance_ratios(np.where(is_label, examples, 0).astype(np.float64), task_of),
            imbalance_after=imbalance_ratios(np.where(is_label, masses, 0.0), task_of),
            task_examples=task_examples,
            task_factors=np.divide(of_tasks, task_examples, out=np.zeros(n_tasks), where=task_examples > 0),
            task_masses=_sums(sets.task_of_row, row_weights, n_tasks),
            task_squares=_sums(sets.task_of_row, row_weights**2, n_tasks),
        )


def _pulled(codes: IntArray, deciding: IntArray, own: FloatArray, weights: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the mass of each label in examples whose factor is larger because of another label, and the main one."""
    size = len(own)
    pulled_by = np.full(size, -1, dtype=np.int64)
    larger = (deciding >= 0) & (own[deciding] > own[codes])
    pairs, of_entry = np.unique(codes[larger] * size + deciding[larger], return_inverse=True)
    masses = _sums(of_entry, weights[larger], len(pairs))
    pulled, pullers = np.divmod(pairs, max(size, 1))
    rising = np.argsort(masses, kind="stable")  # of several assignments to one position the last remains
    pulled_by[pulled[rising]] = pullers[rising]
    return _sums(pulled, masses, size), pulled_by


def _sums(codes: npt.NDArray[np.integer], values: FloatArray, size: int) -> FloatArray:
    """Return the sum of the values of each code as float64, for no values too."""
    return np.bincount(codes, values, size).astype(np.float64, copy=False)

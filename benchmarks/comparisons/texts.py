"""Tokenised training rows, and the plan that they are drawn by."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from equipoise import Census, Mixed, Plan, PlanSampler, StratumIndex, rates, weights
from equipoise.collate import EncodedExamples
from equipoise.data import Records, TaskOptions, infer_tasks
from equipoise.data.suite import load_suite, suite_tasks, tokenizer_path
from equipoise.drawing import Batches
from equipoise.errors import DataWarning

from .notes import notes, numbered

BATCH = 32
WINDOW = 64  # batches
MAX_INPUT = 512


@dataclass(frozen=True)
class Texts:
    """A dataset: its rows, and what may be said of its tasks."""

    title: str
    records: Records
    options: Mapping[str, TaskOptions] = field(default_factory=dict)

    @cached_property
    def encoded(self) -> EncodedExamples:
        """All rows in tokens of the bundled tokenizer."""
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_path())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the few that are cut are told of
            tasks = infer_tasks(self.records, self.options)
            return EncodedExamples.encode(self.records, tasks, tokenizer, max_input=MAX_INPUT)

    @cached_property
    def plan(self) -> Plan:
        """The demo's: equal tasks, square-root class weights."""
        tasks, labels = self._strata
        return Plan.build(Census.from_labels(tasks, labels), rates=rates.Equal(), weights=weights.Power(gamma=0.5))

    def sampler(self, draws: int, batches: Batches = Mixed()) -> PlanSampler:  # noqa: B008 - frozen
        """Draw from the plan, plainly shuffled."""
        return PlanSampler(self.plan, self._index, draws_per_epoch=draws, batches=batches)

    @property
    def inputs(self) -> NDArray[np.int64]:
        """Input tokens of each row."""
        return self.encoded.input_lengths

    @property
    def targets(self) -> NDArray[np.int64]:
        """Target tokens of each row."""
        return self.encoded.target_lengths

    def budget(self) -> int:
        """Input tokens that a batch of `BATCH` examples has on average, so that as many fit."""
        share = self.plan.probabilities / np.maximum(self.plan.counts, 1)
        mean = float(share[self._codes] @ self.inputs)
        return max(round(BATCH * mean), int(self.inputs.max()))

    @cached_property
    def _strata(self) -> tuple[Any, Any]:
        return self.records.column("task").to_pylist(), self.records.column("target").to_pylist()

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        place = {stratum: code for code, stratum in enumerate(self.plan.strata)}
        return np.array([place[pair] for pair in zip(*self._strata, strict=True)])

    @cached_property
    def _index(self) -> StratumIndex:
        return StratumIndex.from_codes(self._codes, len(self.plan.strata))


def multi_diagnosis(text: str) -> Texts:
    records = load_suite("multi-diagnosis", text=text).where(split="train")
    return Texts(f"multi-diagnosis, {text}", records, suite_tasks("multi-diagnosis"))


def icd_notes(*, short: bool) -> Texts:
    title = "ICD-10-CM notes, targets " + ("short" if short else "in full")
    return Texts(title, notes(), numbered(notes()) if short else {})

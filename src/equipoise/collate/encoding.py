"""How rows become tokens: prompts around inputs, target texts of labels, limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import pc
from equipoise.collate.cutting import check_prompts, cut_inputs, prompt_parts
from equipoise.collate.findings import (
    CUT_INPUT,
    CUT_TARGET,
    LOSSY_TARGET,
    UNKNOWN_INPUT,
    UNKNOWN_TARGET,
    Findings,
)
from equipoise.collate.labels import check_labels, target_texts
from equipoise.collate.open_inputs import as_prompted, is_open, target_end, target_lead
from equipoise.collate.pairs import DistinctPairs
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import encode_inputs, encode_targets
from equipoise.collate.vocabulary import has_unknown, is_lossy
from equipoise.data import Task
from equipoise.data.coded import CodedColumn
from equipoise.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class Texts:
    """The tokens of some rows' inputs, or of their targets, each distinct text once.

    Attributes
    ----------
    tokens : Ragged
        The tokens of each text, cut.
    codes : ndarray of int32, shape (N,)
        For each row, its text; -1 without one.
    texts : pyarrow string array
        The texts.
    findings : ndarray of uint8, shape (N,)
        What was found in the text of each row.
    """

    tokens: Ragged
    codes: NDArray[np.int32]
    texts: pa.Array
    findings: Findings

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        """Return the tokens of a row, none for a row without a text."""
        code = self.codes[row]
        return self.tokens[code] if code >= 0 else np.empty(0, np.int32)

    def first_with(self, bit: int) -> str:
        """Return the text of the first row with a finding."""
        return self.texts[int(self.codes[int(np.flatnonzero(self.findings & bit)[0])])].as_py()


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the rows of some tasks become tokens.

    What a row becomes depends on its own task, input and target alone, not on the rows that it is tokenised with.

    Attributes
    ----------
    tasks : tuple of Task
        The tasks; a task id is a position here.
    tokenizer : Tokenizer
        The tokenizer of the model.
    max_input, max_target : int
        The most tokens of an input, and of a target of an open-ended task.

    Raises
    ------
    ConfigError
        If a maximum is less than 2.
    """

    tasks: tuple[Task, ...]
    tokenizer: Tokenizer
    max_input: int
    max_target: int

    def __post_init__(self) -> None:
        for name, maximum in self.limits.items():
            if maximum < 2:
                reason = f"`{name}` must be at least 2 tokens, found {maximum}. Use 512 for inputs."
                raise ConfigError("too-short", reason)

    @property
    def limits(self) -> dict[str, int]:
        """The two limits, by their names."""
        return {"max_input": self.max_input, "max_target": self.max_target}

    @cached_property
    def is_open(self) -> NDArray[np.bool_]:
        """Which tasks are open-ended."""
        return np.array([not task.labels for task in self.tasks], np.bool_)

    def check_labels(self) -> None:
        """Refuse labels that cannot be told apart by their tokens, as `label_tokens` does."""
        known, rows = self._labels
        tokens = {text: rows[row] for row, text in enumerate(known.to_pylist())}
        check_labels(self.tasks, tokens, self.tokenizer)

    def check(self) -> None:
        """Refuse what would be refused of any row: its prompt and its label.

        Raises
        ------
        ConfigError
            If a prompt alone has more than `max_input` tokens.
        DataError
            If a label is longer than `max_target`, or cannot be told from another.
        """
        check_prompts({task.name: prompt_parts(task) for task in self.prompted}, self.tokenizer, self.max_input)
        self.check_labels()
        ids = np.repeat(np.arange(len(self.tasks), dtype=np.int32), [len(task.labels) for task in self.tasks])
        names = pa.chunked_array([[label for task in self.tasks for label in task.labels]], pa.large_string())
        self.targets(ids, CodedColumn.of(names))

    def inputs(self, task_ids: NDArray[np.int32], column: CodedColumn) -> Texts:
        """Render and tokenise the inputs of some rows.

        Parameters
        ----------
        task_ids : ndarray of int32, shape (N,)
            The task of each row.
        column : CodedColumn
            Their inputs.

        Raises
        ------
        ConfigError
            If a prompt alone has more than `max_input` tokens, and its rows are to be cut.
        """
        of_task, firsts = self._prompts
        pairs = DistinctPairs.of(of_task[task_ids], column)
        texts = pairs.rendered(lambda prompt, text: firsts[prompt].render(text))
        whole = encode_inputs(self.tokenizer, texts)
        cut = cut_inputs(whole, pairs.codes, task_ids, column, self.prompted, self.tokenizer, self.max_input)
        tokens = self._started(cut)
        bits = _bits({CUT_INPUT.bit: whole.lengths > self.max_input, UNKNOWN_INPUT.bit: self._unknown(tokens)})
        return Texts(tokens, pairs.codes.astype(np.int32), texts, _of_rows(bits, pairs.codes))

    def targets(self, task_ids: NDArray[np.int32], column: CodedColumn) -> Texts:
        """Tokenise the target texts of some rows; parameters as of `inputs`, null for a row without a target.

        Raises
        ------
        DataError
            If a label is longer than `max_target`.
        """
        pairs = DistinctPairs.of(task_ids, column)
        rendered = pairs.rendered(self.target_text).dictionary_encode()
        known, of_known = self._labels
        place = pc.index_in(rendered.dictionary, value_set=known).fill_null(-1).to_numpy().copy()
        new = rendered.dictionary.filter(pa.array(place < 0))
        place[place < 0] = np.arange(len(known), len(known) + len(new))
        codes = np.append(place[rendered.indices.to_numpy()], -1).astype(np.int32)[pairs.codes]
        texts = pa.concat_arrays([known, new])
        whole = Ragged.concatenate([of_known, encode_targets(self.tokenizer, new)])

        is_long = whole.lengths > self.max_target
        is_open = self.is_open[task_ids]
        long = np.append(is_long, False)[codes]
        self._refuse_long_labels(np.flatnonzero(long & ~is_open), task_ids, column)
        tokens = whole.truncated(self.max_target, target_end(self.tokenizer))
        unknown = self._unknown(tokens)
        in_open = np.zeros(len(tokens) + 1, np.bool_)
        in_open[codes[is_open]] = True
        lossy = is_lossy(tokens, in_open[:-1] & ~is_long & ~unknown, texts, self.tokenizer)
        bits = _bits({CUT_TARGET.bit: is_long, UNKNOWN_TARGET.bit: unknown, LOSSY_TARGET.bit: lossy})
        findings = _of_rows(bits, codes)
        findings[~is_open] &= ~np.uint8(LOSSY_TARGET.bit)
        return Texts(tokens, codes, texts, findings)

    def target_text(self, task_id: int, target: str) -> str:
        """Return what is written for a target: the text of a label, or that of an open-ended task as it is."""
        written = self._words[task_id].get(target)
        return self._leads[task_id] + target if written is None else written

    @cached_property
    def prompted(self) -> tuple[Task, ...]:
        """The tasks, with the chat template in their prompts where the tokenizer has one.

        Raises
        ------
        ConfigError
            If a task has a system message and there is no template, or it cannot be applied.
        """
        return tuple(as_prompted(task, self.tokenizer) for task in self.tasks)

    @cached_property
    def _prompts(self) -> tuple[NDArray[np.int32], list[Task]]:
        """Return a number for the prompt of each task, and the first task with each: many render alike."""
        numbers: dict[tuple[str, ...], int] = {}
        of_task = [numbers.setdefault(tuple(prompt_parts(task)), len(numbers)) for task in self.prompted]
        firsts = [self.prompted[of_task.index(number)] for number in range(len(numbers))]
        return np.array(of_task, np.int32), firsts

    @cached_property
    def _words(self) -> list[Mapping[str, str]]:
        return [dict(zip(task.labels, target_texts(task, self.tokenizer), strict=True)) for task in self.tasks]

    @cached_property
    def _leads(self) -> list[str]:
        return [target_lead(task, self.tokenizer) for task in self.tasks]

    @cached_property
    def _labels(self) -> tuple[pa.Array, Ragged]:
        """The distinct target texts of all labels, and their tokens."""
        written = [text for task in self.tasks for text in target_texts(task, self.tokenizer)]
        texts = pa.array(written, pa.large_string()).unique()
        return texts, encode_targets(self.tokenizer, texts)

    def _started(self, tokens: Ragged) -> Ragged:
        """Give an input without any token one to continue, where inputs are continued."""
        empty = np.flatnonzero(tokens.lengths == 0)
        ids = [self.tokenizer.bos_token_id, self.tokenizer.eos_token_id] if len(empty) else []
        start = next((each for each in ids if each is not None), None)
        if start is None or not is_open(self.tokenizer):
            return tokens
        return tokens.replaced(empty, [np.array([start], np.int32)] * len(empty))

    def _unknown(self, tokens: Ragged) -> NDArray[np.bool_]:
        return has_unknown(tokens, self.tokenizer)

    def _refuse_long_labels(self, long: NDArray[np.int64], task_ids: NDArray[np.int32], column: CodedColumn) -> None:
        if len(long):
            task, label = self.tasks[task_ids[long[0]]].name, column[int(long[0])]
            raise DataError(
                "label-too-long",
                f"Label {label!r} of task {task!r} has more than `max_target`={self.max_target} tokens; a cut label "
                "may be identical to another one. Raise `max_target`, or give the label a shorter verbaliser.",
            )


def _bits(found: Mapping[int, NDArray[np.bool_]]) -> Findings:
    return np.sum([bit * holds for bit, holds in found.items()], axis=0).astype(np.uint8)


def _of_rows(bits: Findings, codes: NDArray[np.integer]) -> Findings:
    return np.append(bits, np.uint8(0))[codes]  # a row without a text reads the 0

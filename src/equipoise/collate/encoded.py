"""Tokenise records once; read them as examples with task id, label id and importance weight."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.base.registry import suggest
from equipoise.collate.cutting import cut_inputs
from equipoise.collate.labels import check_labels, target_texts, with_labels
from equipoise.collate.pairs import DistinctPairs
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokens import Tokenizer, encode_inputs, encode_targets
from equipoise.collate.vocabulary import warn_of_lossy_targets, warn_of_unknown
from equipoise.data import Records, Task
from equipoise.errors import ConfigError, DataError, DataWarning
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """Examples as token ids, a map-style dataset for a DataLoader.

    Each distinct text is tokenised and stored once, in flat arrays; each row holds only codes. The object is
    therefore small to pickle for DataLoader workers, and ten million rows fit in memory.

    Attributes
    ----------
    tasks : tuple of str
        Sorted task names; `task_id` is the position here.
    texts, targets : Ragged
        The distinct inputs and targets.
    input_codes, target_codes : ndarray of int32, shape (N,)
        For each row, its text in `texts` and `targets`.
    task_ids, label_ids : ndarray of int32, shape (N,)
        `label_ids` is the position in the labels of the task; -1 for an open-ended task and for a label
        that the task does not know (it has no training row).
    example_weights : ndarray of float32, shape (N,)
        The importance weight p*/q of each row's stratum; 1 without a plan.
    truncated_inputs, truncated_targets : int
        Number of rows that were cut.
    """

    tasks: tuple[str, ...]
    texts: Ragged
    targets: Ragged
    input_codes: NDArray[np.int32]
    target_codes: NDArray[np.int32]
    task_ids: NDArray[np.int32]
    label_ids: NDArray[np.int32]
    example_weights: NDArray[np.float32]
    truncated_inputs: int
    truncated_targets: int

    @classmethod
    def encode(
        cls,
        records: Records,
        tasks: Mapping[str, Task],
        tokenizer: Tokenizer,
        *,
        plan: Plan | None = None,
        max_input: int = 512,
        max_target: int = 64,
    ) -> "EncodedExamples":
        """Render and tokenise records.

        Parameters
        ----------
        records : Records
            The rows. A row without a target gets an empty one, which losses ignore.
        tasks : mapping of str to Task
            At least the tasks of the records.
        tokenizer : Tokenizer
            A Hugging Face tokenizer.
        plan : Plan or None
            The plan that the rows are drawn by; every row then has the importance weight of its stratum.
        max_input : int
            Longer rendered inputs are cut to this many tokens, with a warning: the input loses its end, the prompt
            before and after it stays.
        max_target : int
            Longer targets of open-ended tasks are cut likewise. A label is never cut.

        Returns
        -------
        EncodedExamples
            One example for each record, in the same order.

        Raises
        ------
        ConfigError
            If a maximum is less than 2, or a prompt alone has more than `max_input` tokens.
        DataError
            If a task is missing, the plan does not know a stratum, a label is longer than `max_target`, or two labels
            of a task cannot be told apart by their tokens.

        Warns
        -----
        DataWarning
            If texts are cut, have characters that the vocabulary does not hold, or are targets of an open-ended task
            that are another text once they are decoded. Each warning has the number of rows.

        Examples
        --------
        >>> from transformers import ByT5Tokenizer
        >>> from equipoise.data import Records, Task
        >>> columns = {"task": ["tone"] * 2, "input": ["fine", "dull"], "target": ["good", "bad"]}
        >>> tasks = {"tone": Task("tone", "classification", ("bad", "good"))}
        >>> examples = EncodedExamples.encode(Records.from_dict(columns), tasks, ByT5Tokenizer())
        >>> len(examples), examples[0]["label_id"], len(examples[0]["labels"])
        (2, 1, 5)
        """
        for name, maximum in (("max_input", max_input), ("max_target", max_target)):
            if maximum < 2:
                reason = f"`{name}` must be at least 2 tokens, found {maximum}. Use 512 for inputs."
                raise ConfigError("too-short", reason)
        names = tuple(sorted(tasks))
        of_id = [tasks[name] for name in names]
        task_ids = _task_ids(records, names)

        input_pairs = DistinctPairs.of(task_ids, records.coded("input"))
        input_codes, distinct = input_pairs.render(lambda task, text: of_id[task].render(text))
        whole = encode_inputs(tokenizer, distinct)
        cut = int((whole.lengths > max_input)[input_codes].sum())
        texts = cut_inputs(whole, input_codes, task_ids, records.coded("input"), of_id, tokenizer, max_input)
        _warn_of_cuts("inputs", cut, len(records), max_input)
        warn_of_unknown("inputs", texts, _rows_of_each(texts, input_codes), distinct, tokenizer)

        target_pairs = DistinctPairs.of(task_ids, records.coded("target"))
        ids = [{label: number for number, label in enumerate(task.labels)} for task in of_id]
        label_ids = target_pairs.map(lambda task, target: ids[task].get(target, -1), missing=-1)
        words = [dict(zip(task.labels, target_texts(task), strict=True)) for task in of_id]
        target_codes, distinct = target_pairs.render(lambda task, target: words[task].get(target, target))
        distinct = with_labels(distinct, of_id)
        answers = encode_targets(tokenizer, distinct)
        check_labels(of_id, distinct, answers, tokenizer)
        is_open = np.array([not task.labels for task in of_id], np.bool_)[task_ids]
        long = np.append(answers.lengths, 0)[target_codes] > max_target  # a row without a target reads the 0
        _refuse_long_labels(long & ~is_open, records, max_target)
        _warn_of_cuts("targets", int(long.sum()), len(records), max_target)
        answers = answers.truncated(max_target, tokenizer.eos_token_id)
        warn_of_unknown("targets", answers, _rows_of_each(answers, target_codes), distinct, tokenizer)
        open_rows = _rows_of_each(answers, target_codes[is_open & ~long])
        warn_of_lossy_targets(answers, open_rows, distinct, tokenizer)

        weights = np.ones(len(records)) if plan is None else _importance_weights(plan, target_pairs, tasks)
        # Rows without a target have the code -1; they read an empty row behind all others.
        empty = Ragged.from_lists([[]])
        return cls(
            tasks=names,
            texts=texts,
            targets=Ragged.concatenate([answers, empty]),
            input_codes=input_codes,
            target_codes=np.where(target_codes < 0, len(answers), target_codes).astype(np.int32),
            task_ids=task_ids,
            label_ids=label_ids.astype(np.int32),
            example_weights=weights.astype(np.float32),
            truncated_inputs=cut,
            truncated_targets=int(long.sum()),
        )

    @property
    def input_lengths(self) -> NDArray[np.int64]:
        """The number of input tokens of each row."""
        return self.texts.lengths[self.input_codes]

    @property
    def target_lengths(self) -> NDArray[np.int64]:
        """The number of target tokens of each row, with the end of sequence."""
        return self.targets.lengths[self.target_codes]

    def __len__(self) -> int:
        return len(self.input_codes)

    def __getitem__(self, row: int) -> dict[str, Any]:
        """Return one example.

        Parameters
        ----------
        row : int
            Its position in the records.

        Returns
        -------
        dict
            `input_ids` and `labels` (ndarrays of int32), `task_id`, `label_id`, `example_weight`, `row`.
        """
        return {
            "input_ids": self.texts[self.input_codes[row]],
            "labels": self.targets[self.target_codes[row]],
            "task_id": int(self.task_ids[row]),
            "label_id": int(self.label_ids[row]),
            "example_weight": float(self.example_weights[row]),
            "row": int(row),
        }

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return several examples; a DataLoader calls this once for each batch."""
        return [self[row] for row in rows]

    def rows_of(self, task: str) -> NDArray[np.int64]:
        """Return the rows of one task, for evaluation.

        Parameters
        ----------
        task : str
            A name in `tasks`.

        Returns
        -------
        ndarray of int64
            Positions in the records, ascending.

        Raises
        ------
        ConfigError
            If there is no such task.
        """
        if task not in self.tasks:
            known = ", ".join(self.tasks)
            hint = suggest(task, self.tasks)
            raise ConfigError("unknown-task", f"`task` must be one of {known}, found {task!r}.{hint}")
        return np.flatnonzero(self.task_ids == self.tasks.index(task))

    def inputs(self, rows: Sequence[int] | NDArray[np.int64]) -> list[NDArray[np.int32]]:
        """Return the input tokens of some rows.

        Parameters
        ----------
        rows : sequence of int
            Positions in the records.

        Returns
        -------
        list of ndarrays of int32
            Views, one for each row.
        """
        return [self.texts[code] for code in self.input_codes[np.asarray(rows, np.int64)]]


def _rows_of_each(texts: Ragged, codes: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.bincount(codes[codes >= 0], minlength=len(texts))


def _task_ids(records: Records, names: tuple[str, ...]) -> NDArray[np.int32]:
    unknown = [name for name in records.tasks if name not in names]
    if unknown:
        raise DataError(
            "unknown-task",
            f"`tasks` must describe every task of the records, found none for {', '.join(unknown)}. "
            "Infer the tasks from the training records, or leave these rows out.",
        )
    tasks = records.coded("task")
    number = {name: position for position, name in enumerate(names)}
    return tasks.spread(np.array([number.get(name, -1) for name in tasks.names.to_pylist()], np.int32), missing=-1)


def _importance_weights(plan: Plan, pairs: DistinctPairs, tasks: Mapping[str, Task]) -> NDArray[np.float64]:
    strata = [(stratum.task, stratum.label) for stratum in plan.strata]
    weight = dict(zip(strata, plan.importance_weights.tolist(), strict=True))
    by_id = sorted(tasks.items())

    def weight_of(task: int, text: str) -> float:
        name, of = by_id[task]
        label = None if of.kind == "open_ended" else text
        if (name, label) not in weight:
            raise DataError(
                "unknown-stratum",
                f"`plan` must know every stratum of the records, found none for task {name!r}, label {label!r}. "
                "Build the plan from the census of these records; pass no plan for rows that are evaluated.",
            )
        return weight[name, label]

    return pairs.map(weight_of, missing=1.0)


def _refuse_long_labels(long: NDArray[np.bool_], records: Records, maximum: int) -> None:
    if not long.any():
        return
    row = int(np.flatnonzero(long)[0])
    task, label = records.coded("task")[row], records.coded("target")[row]
    raise DataError(
        "label-too-long",
        f"Label {label!r} of task {task!r} has more than `max_target`={maximum} tokens; a cut label may be "
        "identical to another one. Raise `max_target`, or give the label a shorter verbaliser.",
    )


def _warn_of_cuts(what: str, count: int, rows: int, maximum: int) -> None:
    if count:
        argument = f"max_{what.removesuffix('s')}"
        message = f"{count} of {rows} {what} have more than `{argument}`={maximum} tokens and were cut at their ends."
        warnings.warn(DataWarning(f"cut-{what}", f"{message} Raise `{argument}` to keep them whole."), stacklevel=3)

"""Records as examples: token ids, task id, label id and importance weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.base.registry import suggest
from equipoise.collate.columns import importance_weights, label_ids, task_ids
from equipoise.collate.drawn import DrawnLengths
from equipoise.collate.encoding import Encoding, Texts
from equipoise.collate.findings import CUT_INPUT, CUT_TARGET, FINDINGS, LOSSY_TARGET, UNKNOWN_TARGET, warn_of
from equipoise.collate.held import HeldTokens, TokenRows
from equipoise.collate.on_demand import OnDemandTokens
from equipoise.collate.store import TokenStore
from equipoise.collate.tokenizer import Tokenizer
from equipoise.data import Records, Task
from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.plan import Plan


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """Examples as token ids, a map-style dataset for a DataLoader.

    `encode` tokenises all rows and holds them in memory, each distinct text once. `on_demand` tokenises a row when it
    is drawn, and keeps it in a folder: a start takes no longer and no more memory for more rows.

    Attributes
    ----------
    tasks : tuple of str
        Sorted task names; `task_id` is the position here.
    tokens : TokenRows
        The tokens of each row.
    lengths : ndarray of int64, shape (N,), or DrawnLengths
        The number of input tokens of each row, for `LengthSorted` and `TokenBatches`. On demand, rows are tokenised
        when a sampler asks for their lengths, and count as drawn.
    task_ids, label_ids : ndarray of int32, shape (N,)
        `label_ids` is the position in the labels of the task; -1 for an open-ended task and for a label
        that the task does not know (it has no training row).
    example_weights : ndarray of float32, shape (N,)
        The importance weight p*/q of each row's stratum; 1 without a plan.
    """

    tasks: tuple[str, ...]
    tokens: TokenRows
    lengths: NDArray[np.int64] | DrawnLengths
    task_ids: NDArray[np.int32]
    label_ids: NDArray[np.int32]
    example_weights: NDArray[np.float32]

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
        """Render and tokenise records, all of them now.

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
        names = tuple(sorted(tasks))
        encoding = Encoding(tuple(tasks[name] for name in names), tokenizer, max_input, max_target)
        ids = task_ids(records, names)
        encoding.check_labels()
        inputs = encoding.inputs(ids, records.coded("input"))
        targets = encoding.targets(ids, records.coded("target"))
        _warn_of_rows(inputs, targets, encoding, ids)
        return cls(
            tasks=names,
            tokens=HeldTokens.of(inputs, targets),
            lengths=inputs.tokens.lengths[inputs.codes],
            task_ids=ids,
            label_ids=label_ids(records, encoding, ids),
            example_weights=importance_weights(plan, records, encoding, ids),
        )

    @classmethod
    def on_demand(
        cls,
        records: Records,
        tasks: Mapping[str, Task],
        tokenizer: Tokenizer,
        folder: Path,
        *,
        max_input: int = 512,
        max_target: int = 64,
        shard: Shard = Shard(),  # noqa: B008 - frozen
    ) -> "EncodedExamples":
        """Check labels and prompts now, and tokenise records when they are drawn.

        Parameters
        ----------
        records, tasks, tokenizer, max_input, max_target
            As of `encode`; items are the same.
        folder : pathlib.Path
            Where tokens are kept, for other processes and later runs of the same records, tasks, tokenizer and limits:
            name it by all of these.
        shard : Shard
            This process among those that draw the same windows and share the folder.

        Returns
        -------
        EncodedExamples
            One example for each record, in the same order, with weight one.

        Raises
        ------
        ConfigError
            If a maximum is less than 2, or a prompt alone has more than `max_input` tokens.
        DataError
            If a task is missing, a label is longer than `max_target`, or two labels of a task cannot be told apart by
            their tokens.

        Examples
        --------
        >>> import tempfile
        >>> from transformers import ByT5Tokenizer
        >>> from equipoise.data import Records, Task
        >>> columns = {"task": ["tone"] * 2, "input": ["fine", "dull"], "target": ["good", "bad"]}
        >>> tasks = {"tone": Task("tone", "classification", ("bad", "good"))}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     examples = EncodedExamples.on_demand(Records.from_dict(columns), tasks, ByT5Tokenizer(), Path(folder))
        ...     examples.lengths[np.array([1, 0])].tolist(), len(examples[0]["labels"])
        ([11, 11], 5)
        """
        names = tuple(sorted(tasks))
        encoding = Encoding(tuple(tasks[name] for name in names), tokenizer, max_input, max_target)
        ids = task_ids(records, names)
        encoding.check()
        tokens = OnDemandTokens(records, ids, encoding, TokenStore(folder, len(records)), shard)
        return cls(
            tasks=names,
            tokens=tokens,
            lengths=DrawnLengths(tokens),
            task_ids=ids,
            label_ids=label_ids(records, encoding, ids),
            example_weights=np.broadcast_to(np.float32(1), len(records)),
        )

    @property
    def input_lengths(self) -> NDArray[np.int64]:
        """The number of input tokens of each row; all rows are tokenised for it."""
        return self._heads[:, 0]

    @property
    def target_lengths(self) -> NDArray[np.int64]:
        """The number of target tokens of each row, with the end of sequence; all rows are tokenised for it."""
        return self._heads[:, 1]

    @property
    def truncated_inputs(self) -> int:
        """The number of rows whose input was cut; all rows are tokenised for it."""
        return int(np.count_nonzero(self._heads[:, 2] & CUT_INPUT.bit))

    @property
    def truncated_targets(self) -> int:
        """The number of rows whose target was cut; all rows are tokenised for it."""
        return int(np.count_nonzero(self._heads[:, 2] & CUT_TARGET.bit))

    @property
    def _heads(self) -> NDArray[np.int64]:
        return self.tokens.heads(np.arange(len(self)))

    def __len__(self) -> int:
        return len(self.task_ids)

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
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return several examples; a DataLoader calls this once for each batch."""
        return [
            {
                "input_ids": inputs,
                "labels": targets,
                "task_id": int(self.task_ids[row]),
                "label_id": int(self.label_ids[row]),
                "example_weight": float(self.example_weights[row]),
                "row": int(row),
            }
            for row, (inputs, targets) in zip(rows, self.tokens.rows(rows), strict=True)
        ]

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
        return [inputs for inputs, _ in self.tokens.rows(np.asarray(rows, np.int64).tolist())]


def _warn_of_rows(inputs: Texts, targets: Texts, encoding: Encoding, task_ids: NDArray[np.int32]) -> None:
    is_open = encoding.is_open[task_ids]
    for each in FINDINGS:
        texts = targets if each.of_target else inputs
        with_it = (texts.findings & each.bit) > 0
        if with_it.any():
            cut = (texts.findings & CUT_TARGET.bit) > 0
            of = {UNKNOWN_TARGET: texts.codes >= 0, LOSSY_TARGET: is_open & ~cut & (texts.codes >= 0)}
            total = int(np.count_nonzero(of[each])) if each in of else len(task_ids)
            text = texts.first_with(each.bit)
            found = f"{np.count_nonzero(with_it):,} of {total:,} {each.of}"
            warn_of(each, found, text, encoding.tokenizer, encoding.limits, stacklevel=4)

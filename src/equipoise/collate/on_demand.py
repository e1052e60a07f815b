"""Tokens of rows that are made when the rows are drawn: of a window of draws at once, and of the next one ahead."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from equipoise.base.files import free_space
from equipoise.collate.encoding import Encoding
from equipoise.collate.store import TokenStore
from equipoise.data import Records
from equipoise.drawing import Shard
from equipoise.errors import RunWarning

Tokens = NDArray[np.int32]
PART: Final = 1024  # rows that are tokenised together; ranks that tokenise the same window begin with different parts
FILLED: Final = 8 * PART  # rows between two reports of `fill`


class OnDemandTokens:
    """The tokens of rows, made the first time that they are asked for and kept in a `TokenStore`.

    The lengths of a window of draws are asked for before its rows, in the process that draws; workers of a DataLoader
    read from the store what it has tokenised. A row that the store does not have is tokenised where it is read.

    Parameters
    ----------
    records : Records
        The rows.
    task_ids : ndarray of int32, shape (N,)
        The task of each row.
    encoding : Encoding
        How rows become tokens.
    store : TokenStore
        Where tokens are kept.
    shard : Shard
        This process among those that draw the same windows.

    Warns
    -----
    RunWarning
        If the store cannot be written: tokens are then made by each reading.
    """

    def __init__(
        self,
        records: Records,
        task_ids: NDArray[np.int32],
        encoding: Encoding,
        store: TokenStore,
        shard: Shard = Shard(),  # noqa: B008 - frozen
    ) -> None:
        self._records = records
        self.task_ids = task_ids
        self.encoding = encoding
        self._store = store
        self.shard = shard
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._thread: ThreadPoolExecutor | None = None
        self._ahead: Future[Any] | None = None
        self._failed: OSError | None = None
        self._warned = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process."""
        own = ("_process", "_thread", "_ahead", "_failed", "_warned")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def __len__(self) -> int:
        return len(self.task_ids)

    def rows(self, rows: Sequence[int]) -> list[tuple[Tokens, Tokens]]:
        """Return the tokens of the input and the target of some rows."""
        found = [self._store.read(row) for row in rows]
        missing = [row for row, each in zip(rows, found, strict=True) if each is None]
        if not missing:
            return [each for each in found if each is not None]
        self._wait()
        if os.getpid() != self._process:  # a fork has none of the threads of the tokenizer
            os.environ["TOKENIZERS_PARALLELISM"] = "false"
        distinct = np.unique(np.array(missing, np.int64))
        made = dict(zip(distinct.tolist(), self._made(distinct), strict=True))
        return [made[row][:2] if each is None else each for row, each in zip(rows, found, strict=True)]

    def heads(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of input and target tokens, and the findings, of some rows: shape (rows, 3).

        Those that are not tokenised yet are.
        """
        self._wait()
        heads = self._store.heads(rows)
        lacking = heads[:, 0] < 0
        if lacking.any():
            missing, of_row = np.unique(rows[lacking], return_inverse=True)
            heads[lacking] = self._tokenise(missing)[of_row]
            self._warn_of_failure()
        return heads

    def ahead(self, rows: NDArray[np.int64]) -> None:
        """Tokenise rows in a thread, beside what the caller does next."""
        self._wait()
        if self._failed is None:
            self._thread = self._thread or ThreadPoolExecutor(1, "tokenising")
            self._ahead = self._thread.submit(self._tokenise, np.unique(rows))

    def fill(self, done: Callable[[int], object]) -> None:
        """Tokenise all rows of this rank's share that are not there yet; `done` is told how many are, as it goes."""
        own = np.arange(self.shard.rank, len(self), self.shard.world_size)
        for first in range(0, len(own), FILLED):
            part = own[first : first + FILLED]
            self.heads(part)
            if self._failed is not None:
                return
            done(len(part))

    def text_of(self, row: int, *, target: bool) -> str:
        """Return the text of a row that becomes its tokens, uncut: its rendered input, or that of its target."""
        task = int(self.task_ids[row])
        text = self._records.take([row]).coded("target" if target else "input")[0] or ""
        return self.encoding.target_text(task, text) if target else self.encoding.prompted[task].render(text)

    def _wait(self) -> None:
        """Wait for what was named ahead: a tokenizer is used by one thread at a time."""
        if self._ahead is not None and os.getpid() == self._process:
            ahead, self._ahead = self._ahead, None
            ahead.result()

    def _tokenise(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokenise distinct rows and write them, unless others have in the meantime; return their heads."""
        heads = np.empty((len(rows), 3), np.int64)
        parts = np.array_split(np.arange(len(rows)), max(1, -(-len(rows) // PART)))
        first = len(parts) * self.shard.rank // self.shard.world_size
        for part in parts[first:] + parts[:first]:
            heads[part] = self._store.heads(rows[part])
            lacking = part[heads[part, 0] < 0]
            if len(lacking):
                made = self._made(rows[lacking])
                heads[lacking] = [(len(inputs), len(targets), found) for inputs, targets, found in made]
                self._keep(rows[lacking], made)
        return heads

    def _keep(self, rows: NDArray[np.int64], made: Sequence[tuple[Tokens, Tokens, int]]) -> None:
        if self._failed is None:
            try:
                self._store.write(rows, made)
            except OSError as error:
                self._failed = error

    def _made(self, rows: NDArray[np.int64]) -> list[tuple[Tokens, Tokens, int]]:
        ids, records = self.task_ids[rows], self._records.take(rows)
        inputs = self.encoding.inputs(ids, records.coded("input"))
        targets = self.encoding.targets(ids, records.coded("target"))
        found = (inputs.findings | targets.findings).tolist()
        return [(inputs[row], targets[row], found[row]) for row in range(len(rows))]

    def _warn_of_failure(self) -> None:
        if self._failed is not None and not self._warned:
            self._warned = True
            folder, why = self._store.folder, self._failed.strerror or self._failed
            message = (
                f"Tokens cannot be kept in `{folder}`: {why}. {free_space(folder)} The run proceeds and tokenises "
                "each row whenever it is drawn, which is slower. Free some space for the next run."
            )
            warnings.warn(RunWarning("tokens-not-kept", message), stacklevel=4)

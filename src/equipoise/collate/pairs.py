"""The distinct (task, text) pairs of a column, so that work is done once for each pair and not for each row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.data.coded import CodedColumn, numbered

Number = TypeVar("Number", bound=np.number)
RENDER_BATCH = 65_536
_MOST_INT32: Final = (1 << 31) - 1


@dataclass(frozen=True)
class DistinctPairs:
    """The distinct (task, text) pairs, and the pair of each row.

    Attributes
    ----------
    task_ids : ndarray of int64, shape (P,)
        The task of each pair.
    texts : pyarrow.Array of large_string, length P
        The text of each pair.
    codes : ndarray of int32 or int64, shape (N,)
        The pair of each row; -1 for a row whose text is null.
    """

    task_ids: NDArray[np.int64]
    texts: pa.Array
    codes: NDArray[np.integer]

    @classmethod
    def of(cls, task_ids: NDArray[np.int32], column: CodedColumn) -> "DistinctPairs":
        """Find the distinct pairs of the rows' tasks, of shape (N,), and their strings, sorted by task."""
        width = max(len(column.names), 1)
        below = (int(task_ids.max(initial=0)) + 1) * width
        pairs = task_ids * (np.int32(width) if below <= _MOST_INT32 else np.int64(width))
        pairs += column.codes
        given = column.codes >= 0
        if given.all():
            codes, keys = numbered(pairs, below)
        else:
            numbers, keys = numbered(pairs[given], below)
            codes = np.full(len(task_ids), -1, numbers.dtype)
            codes[given] = numbers
        return cls(keys // width, column.names.take(pa.array(keys % width)), codes)

    def map(self, function: Callable[[int, str], float], missing: float, dtype: type[Number]) -> NDArray[Number]:
        """Return the number of each row's pair, or `missing` where its text is null, shape (N,)."""
        values = map(function, self.task_ids.tolist(), self.texts.to_pylist())
        return np.array([*values, missing], dtype)[self.codes]

    def rendered(self, function: Callable[[int, str], str]) -> pa.Array:
        """Compute a string from the task id and the text of each pair: pyarrow.Array of large_string, length P."""
        parts: list[pa.Array] = []
        for first in range(0, len(self.texts), RENDER_BATCH):
            texts = self.texts.slice(first, RENDER_BATCH).to_pylist()
            ids = self.task_ids[first : first + RENDER_BATCH].tolist()
            parts.append(pa.array(map(function, ids, texts), pa.large_string()))
        return pa.chunked_array(parts, pa.large_string()).combine_chunks()

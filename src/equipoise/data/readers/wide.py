"""Wide sources, which have a column of targets for each task, as rows of one task each."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equipoise.base.arrow import as_text, is_blank, nan_as_null, pc
from equipoise.data.columns import Columns
from equipoise.data.readers.source import Source
from equipoise.errors import DataError

_Part = tuple[npt.NDArray[np.int64], pa.Table]
_TEXT: Final = pa.large_string()


@dataclasses.dataclass(frozen=True, slots=True)
class Melted(Source):
    """The rows of another source, each once for each task whose cell is filled, in the order of `columns.tasks`.

    Without `require_target`, also for tasks whose cell is empty or whose column is missing. The id of a row gets the
    name of the task, as in "17:sepsis", because each id is of one row.
    """

    source: Source
    columns: Columns
    require_target: bool

    @property
    def in_memory(self) -> bool:
        """Whether those of the source are."""
        return self.source.in_memory

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    def text_columns(self) -> list[str]:
        """Return those of the source."""
        return self.source.text_columns()

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns, with those of the task and the target instead of the columns of the tasks.

        Raises
        ------
        DataError
            If a column is missing, or a target is not a string or a plain number.
        """
        for _, table in self._melted(required, optional):
            yield table

    def place(self, row: int) -> str:
        """Return the place of the row of the source."""
        for rows, table in self._melted((), ()):
            if row < table.num_rows:
                return self.source.place(int(rows[row]))
            row -= table.num_rows
        return Source.place(self, row)

    def _melted(
        self, required: Sequence[str], optional: Sequence[str]
    ) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
        """Yield tables, and for each of their rows the one of the source that it was."""
        columns, tasks = self.columns, self.columns.tasks
        ours = (columns.task, columns.target)
        others = [[name for name in names if name not in ours] for names in (required, optional)]
        others[0 if self.require_target else 1] += tasks
        first_row = 0
        for batch in self.source.batches(*others):
            cells = np.arange(batch.num_rows * len(tasks))
            by_task = pa.chunked_array([c for task in tasks for c in self._texts(batch, task, first_row).chunks], _TEXT)
            target = by_task.take(pa.array(cells.reshape(len(tasks), -1).T.ravel()))
            if self.require_target:
                cells = np.flatnonzero(target.is_valid().to_numpy(zero_copy_only=False))
                target = target.take(pa.array(cells))
            rows, task = np.divmod(cells, len(tasks))
            taken = {name: batch.column(name).take(pa.array(rows)) for name in batch.column_names if name not in tasks}
            if (key := columns.source_of("id")) in taken:
                texts = self._texts(batch, key, first_row).take(pa.array(rows))
                taken[key] = pc.binary_join_element_wise(
                    texts, pa.array(tasks, _TEXT).take(pa.array(task)), pa.scalar(":", _TEXT)
                )
            names = pa.DictionaryArray.from_arrays(pa.array(task.astype(np.int32)), pa.array(tasks, _TEXT))
            yield first_row + rows, pa.table({**taken, columns.task: names, columns.target: target})
            first_row += batch.num_rows

    def _texts(self, batch: pa.Table, name: str, first_row: int) -> pa.ChunkedArray:
        """Return a column as strings, null where a cell is blank or the column is missing."""
        if name not in batch.column_names:
            return pa.chunked_array([pa.nulls(batch.num_rows, _TEXT)])
        column = batch.column(name)
        column = nan_as_null(column) if name in self.source.nullable else column
        text = as_text(column, functools.partial(self._wrong, name, first_row))
        return pc.if_else(is_blank(text), pa.scalar(None, _TEXT), text)

    def _wrong(self, name: str, first_row: int, row: int | None, problem: str) -> DataError:
        return self.source.error_at("bad-value", row, f"column `{name}` {problem}", first_row)

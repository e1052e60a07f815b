"""Rows that a trained model is to predict: read batch by batch, or all at once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.base.progress import progress
from equipoise.base.registry import suggest
from equipoise.config import DataConfig, RunConfig
from equipoise.data import Records, Task, read_records
from equipoise.data.readers.fields import has_values
from equipoise.data.reading import iter_rows
from equipoise.errors import DataError


@dataclass(frozen=True)
class UnlabelledRows:
    """The rows of a file for a trained model; its targets, if any, are left out.

    Parameters
    ----------
    file : pathlib.Path
        The rows, in any format that training reads.
    config : RunConfig
        The configuration of the run, for how its data was read.
    tasks : mapping of str to Task
        The tasks of the run; the task of rows without one is by default the only one.
    data : DataConfig, optional
        How the file is read, apart from its source; by default as the training data.
    """

    file: Path
    config: RunConfig
    tasks: Mapping[str, Task]
    data: DataConfig | None = None

    def records(self, cache: Path | None = None) -> Records:
        """Read all rows, into memory or onto the disk; every target is empty.

        Raises
        ------
        DataError
            If the file cannot be read, or `data` has a default task of its own, but each row has a task already.
        """
        with progress(None, "reading", "row") as bar:
            records = read_records(
                str(self.file), **self._reading, require_target=False, cache=cache, on_rows=bar.update
            )
        self._refuse_unused_default(records.tasks)
        return records.with_column("target", pa.repeat(pa.scalar("", pa.large_string()), len(records)))

    @property
    def have_ids(self) -> bool:
        """Whether some row has an id."""
        return self._seen[1]

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each task, after reading all rows once to see that they can be predicted.

        Raises
        ------
        DataError
            As for `records`; or if a row has a task that the run was not trained on.
        """
        return self._seen[0]

    @cached_property
    def _seen(self) -> tuple[dict[str, int], bool]:
        found: Counter[str] = Counter()
        have_ids = False
        with progress(None, "reading", "row") as bar:
            for table in self._tables():
                counted = pc.value_counts(table.column("task"))
                found.update(dict(zip(*(counted.field(place).to_pylist() for place in (0, 1)), strict=True)))
                have_ids |= has_values(table, "id")
                bar.update(table.num_rows)
        self._refuse_unused_default(found)
        unknown = [name for name in sorted(found) if name not in self.tasks]
        if unknown:
            message = (
                f"`{self.file}` has rows of {', '.join(map(repr, unknown))}, and the run was trained on "
                f"{', '.join(self.tasks)}.{suggest(unknown[0], self.tasks)}"
            )
            raise DataError("unknown-task", f"{message} Leave these rows out, or rename their task.")
        return dict(found), have_ids

    def batches(self, rows: int) -> Iterator[Records]:
        """Read the rows again, so many at once; every target is empty.

        Raises
        ------
        DataError
            If they are other rows than were counted.
        """
        seen = 0
        for table in self._tables():
            for start in range(0, table.num_rows, rows):
                part = table.slice(start, rows)
                seen += part.num_rows
                empty = pa.repeat(pa.scalar("", pa.large_string()), part.num_rows)
                kept = [name for name in ("task", "input", "id") if name in part.column_names]
                records = Records(part.select(kept).append_column("target", empty))
                if not set(records.tasks) <= set(self.counts):
                    raise self._changed()
                yield records
        if seen != sum(self.counts.values()):
            raise self._changed()

    def _changed(self) -> DataError:
        return DataError("changed-file", f"{self.file}: the file has changed while it was predicted. Predict it again.")

    @property
    def _reading(self) -> dict[str, Any]:
        data = self.data or self.config.data
        default = data.default_task or (next(iter(self.tasks)) if len(self.tasks) == 1 else None)
        columns = replace(data.columns, group=None, split=None)  # which rows that are only predicted need not have
        return {**data.reading, "columns": columns, "default_task": default, "missing_labels": "error"}

    def _tables(self) -> Iterator[pa.Table]:
        return iter_rows(str(self.file), **self._reading)

    def _refuse_unused_default(self, found: Mapping[str, int] | tuple[str, ...]) -> None:
        data = self.data or self.config.data
        if data.default_task not in (self.config.data.default_task, *found):
            column, task = data.columns.task, data.default_task
            raise DataError(
                "unused-default-task",
                f"{self.file}: each row has a task, in the column `{column}`, so that none is of {task!r}. "
                "Leave out `default_task=...`, or name another column with `Columns(task=...)`.",
            )

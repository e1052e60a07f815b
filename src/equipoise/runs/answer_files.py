"""Files of answers: a row for each row that was predicted, written as they come."""

import json
import re
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from equipoise.base.files import write_atomically
from equipoise.metrics import TaskPredictions

SUFFIXES: Final = (".parquet", ".jsonl", ".csv")
_TEXTS: Final = dict.fromkeys(("id", "task", "predicted"), pa.string())
_NUMBERS: Final = {"probability": pa.float64(), "probabilities": pa.map_(pa.string(), pa.float64())}
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_SCHEMA: Final = pa.schema({"row": pa.int64(), **_TEXTS, **_NUMBERS})


class Writer(Protocol):
    """Appends tables of one schema to a file."""

    def write_table(self, table: pa.Table) -> None:
        """Append the rows of a table."""


def answers_table(predictions: Iterable[TaskPredictions], first_row: int = 0) -> pa.Table:
    """Return one row for each input row, in their order.

    Parameters
    ----------
    predictions : iterable of TaskPredictions
        The predictions of all tasks; together they hold every row once.
    first_row : int
        The number of the first input row.

    Returns
    -------
    pyarrow.Table
        Columns `row`, `id`, `task`, `predicted`, `probability` (of the predicted label) and `probabilities` (label to
        probability); nulls where the input has no id and where only answers were computed.
    """
    table = pa.concat_tables([_SCHEMA.empty_table(), *map(_answers_of, predictions)])
    rows = table.column("row").to_numpy()
    order = np.argsort(rows, kind="stable")
    return table.take(order).set_column(0, "row", pa.array(rows[order] + first_row, pa.int64()))


@contextmanager
def answers_file(out: Path, *, with_ids: bool, escape_formulas: bool = True) -> Generator[Writer]:
    """Write a file of answers in the format of its suffix; it is in its place when the block ends without an error.

    Of CSV, `escape_formulas` begins strings that a spreadsheet would compute with an apostrophe.

    Yields
    ------
    Writer
        Takes the results of `answers_table`; their ids are left out unless `with_ids`.
    """
    schema = _SCHEMA if with_ids else _SCHEMA.remove(_SCHEMA.get_field_index("id"))
    with write_atomically(out) as temporary, ExitStack() as open_files:
        if out.suffix == ".parquet":
            writer: Any = open_files.enter_context(pq.ParquetWriter(temporary, schema))
        elif out.suffix == ".jsonl":
            writer = _Lines(open_files.enter_context(temporary.open("w", encoding="utf-8")))
        else:
            flat = schema.set(schema.get_field_index("probabilities"), pa.field("probabilities", pa.string()))
            writer = _Cells(open_files.enter_context(pa_csv.CSVWriter(temporary, flat)), escape_formulas)
        yield _Chosen(writer, schema.names)


class _Chosen:
    """Writes the columns of a schema."""

    def __init__(self, writer: Writer, names: list[str]) -> None:
        self._writer, self._names = writer, names

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table.select(self._names))


class _Lines:
    """Writes JSON lines."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write_table(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            row["probabilities"] = _by_label(row["probabilities"])
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")


class _Cells:
    """Writes CSV, in which a cell holds one value: the probabilities become JSON."""

    def __init__(self, writer: Any, escape_formulas: bool) -> None:
        self._writer, self._escape_formulas = writer, escape_formulas

    def write_table(self, table: pa.Table) -> None:
        for name in _TEXTS.keys() & set(table.column_names) if self._escape_formulas else ():
            texts = pa.array(map(_no_formula, table.column(name).to_pylist()), pa.string())
            table = table.set_column(table.column_names.index(name), name, texts)
        place = table.column_names.index("probabilities")
        cells = map(_by_label, table.column(place).to_pylist())
        as_json = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells]
        self._writer.write_table(table.set_column(place, "probabilities", pa.array(as_json, pa.string())))


def _no_formula(text: str | None) -> str | None:
    """Return a string that no spreadsheet takes for a formula; a number stays as it is."""
    if text is None or not _FORMULA.match(text) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _by_label(probabilities: list[tuple[str, float]] | None) -> dict[str, float] | None:
    return None if probabilities is None else dict(probabilities)


def _answers_of(part: TaskPredictions) -> pa.Table:
    count = len(part.predicted)
    rows = np.arange(count) if part.rows is None else part.rows
    columns: dict[str, Any] = {"row": rows, "id": part.ids, "task": [part.task] * count, "predicted": part.predicted}
    if part.probabilities is not None:
        width = len(part.labels)
        place = {label: number for number, label in enumerate(part.labels)}
        chosen = [
            first * width + place[label] if label in place else None for first, label in enumerate(part.predicted)
        ]
        # As short decimals: 0.9 in single precision is not 0.9 in double precision.
        values = pa.array(part.probabilities.ravel()).cast(pa.string()).cast(pa.float64())
        columns["probability"] = values.take(pa.array(chosen, pa.int64()))
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
        keys = pa.array(part.labels, pa.string()).take(pa.array(np.tile(np.arange(width), count)))
        columns["probabilities"] = pa.MapArray.from_arrays(offsets, keys, values)
    arrays = [
        pa.nulls(count, field.type) if columns.get(field.name) is None else pa.array(columns[field.name], field.type)
        for field in _SCHEMA
    ]
    return pa.table(arrays, schema=_SCHEMA)

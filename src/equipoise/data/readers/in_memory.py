"""Rows in memory: tables of any library with the Arrow interface, and lists of dicts."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
from pyarrow.interchange import from_dataframe

from equipoise.base.arrow import text_fields
from equipoise.census.labels import plain_label
from equipoise.data.readers.features import class_names, with_class_names
from equipoise.data.readers.source import MemorySource, Source
from equipoise.errors import DataError

_STRING_VIEW: Final = "string_view"  # most compute functions of Arrow do not take them


@dataclasses.dataclass(frozen=True, slots=True)
class Table(MemorySource):
    """An Arrow table."""

    table: pa.Table

    def text_columns(self) -> list[str]:
        """Return the names of the columns that `as_text` takes."""
        return text_fields(self.table.schema)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            If a required column is missing.
        """
        rows = self.table.select(self.chosen(self.table.column_names, required, optional))
        classes = class_names(self.table.schema)
        for start in range(0, rows.num_rows, self.batch_rows):
            yield with_class_names(rows.slice(start, self.batch_rows), classes, self, start)


@dataclasses.dataclass(frozen=True, slots=True)
class Rows(MemorySource):
    """A list of mappings, one a row."""

    rows: Sequence[Mapping[str, Any]]

    def text_columns(self) -> list[str]:
        """Return the keys whose values are plain in all rows."""
        nested = {key for row in self.rows for key, value in row.items() if isinstance(value, Mapping | list | tuple)}
        return [str(name) for name in dict.fromkeys(itertools.chain.from_iterable(self.rows)) if name not in nested]

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns; a key that a row does not have is null in it.

        Raises
        ------
        DataError
            If no row has a required key, or a value is not a string, a number, a boolean or None.
        """
        found = dict.fromkeys(itertools.chain.from_iterable(self.rows))
        names = self.chosen([str(name) for name in found], required, optional)
        for start in range(0, len(self.rows), self.batch_rows):
            part = self.rows[start : start + self.batch_rows]
            texts = [[self._text(row.get(name), start + at, name) for at, row in enumerate(part)] for name in names]
            yield pa.table([pa.array(values, pa.large_string()) for values in texts], names=names)

    def _text(self, value: Any, row: int, name: str) -> str | None:
        if hasattr(value, "item") and value is not np.ma.masked:  # a scalar of numpy or torch
            value = value.item()
        if isinstance(value, float) and math.isnan(value) and name not in self.nullable:
            sentence = f"column `{name}` is NaN (not a number). Drop the row, or replace it."
            raise self.error_at("bad-value", row, sentence)
        text = plain_label(value)
        if isinstance(text, str | None):
            return text
        sentence = f"column `{name}` is a {type(value).__name__}, expected a string or a plain number."
        raise self.error_at("bad-value", row, f"{sentence} Convert it to a string first.")


def from_table(source: object) -> Source | None:
    """Return the source of a table that is in memory, or None if `source` is not one.

    Tables of pandas, polars, DuckDB and others are read through the Arrow interface, without a copy where that is
    possible.

    Raises
    ------
    DataError
        If it cannot be turned into an Arrow table: it is a single column, or a column mixes types.
    """
    if not hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__dataframe__"):
        return None
    name = type(source).__name__
    try:
        has_stream = hasattr(source, "__arrow_c_stream__")
        table: pa.Table = pa.table(cast("Any", source)) if has_stream else from_dataframe(source)
    except Exception as error:  # each library has its own errors
        sentence = f"`source` is a {name} that cannot be read as a table ({error})."
        raise DataError("not-a-table", f"{sentence} Give a table of columns of one type each.") from error
    columns = [_plain(column) for column in table.columns]
    return Table(name, pa.Table.from_arrays(columns, names=table.column_names, metadata=table.schema.metadata))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace views of strings, also those in a dictionary, by strings."""
    kind: pa.DataType = column.type
    if str(kind) == _STRING_VIEW:
        return column.cast(pa.large_string())
    if pa.types.is_dictionary(kind) and str(kind.value_type) == _STRING_VIEW:
        chunks = [
            pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()))
            for chunk in column.chunks
        ]
        return pa.chunked_array(chunks, pa.dictionary(kind.index_type, pa.large_string()))
    return column

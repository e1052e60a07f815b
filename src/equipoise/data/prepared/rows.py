"""Records on disk: an entry of the cache for each content of a source, and what is computed of it once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from equipoise.base.files import write_atomically
from equipoise.data.cache import checksum, fingerprint, made
from equipoise.data.coded import CodedColumn
from equipoise.data.columns import FIELDS
from equipoise.data.prepared.columns import ColumnWriter, open_column
from equipoise.data.readers.source import Source
from equipoise.data.records import Records

FORMAT = 1
"""Changes whenever the same rows would be read, or written, in another way."""


def rows_name(sources: Sequence[Source], options: Iterable[object]) -> str | None:
    """Return the name of the entry of some sources: a fingerprint of the contents of their files and of some options.

    None if rows are in memory alone, whose content is not on the disk.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    parts: list[object] = [FORMAT, *options]
    for source in sources:
        if not source.files:
            return None
        try:
            parts += [source.reading, source.split, *map(checksum, source.files)]
        except OSError as error:
            raise source.error("cannot-read", f"cannot be read ({error.strerror or error}).") from error
    return f"rows-{fingerprint(parts)}"


def prepared_rows(
    cache: Path, name: str, batches: Callable[[], Iterable[pa.Table]], check: Callable[[Records], None]
) -> Records:
    """Return the rows of an entry, made of some batches if it is not there.

    Parameters
    ----------
    cache : pathlib.Path
        The cache directory.
    name : str
        What `rows_name` returned.
    batches : callable
        Reads the rows, as tables of large strings with the names of fields; errors are raised as they are.
    check : callable
        Raises an error if the rows, which were just read, cannot be used.
    """

    def make(empty: Path) -> None:
        _write(empty, batches())
        check(_opened(empty))

    return made(cache, name, make, _opened)


def derived(records: Records, name: str, of: Mapping[str, Any], compute: Callable[[], npt.NDArray[np.int8]]) -> Any:
    """Return an array that follows from the content of rows and some options; kept beside rows that are on disk.

    Parameters
    ----------
    records : Records
        All rows of an entry, or others, for which it is computed.
    name : str
        What it is, such as "splits".
    of : mapping of str to object
        All options that it depends on; their `repr` must tell them apart.
    compute : callable
        Returns ndarray of int8.
    """
    if records.folder is None:
        return compute()
    prefix = f"{name}-{fingerprint(sorted(of.items()))}"
    for path in records.folder.glob(f".{prefix}-*.bin"):
        with suppress(OSError):
            data = path.read_bytes()
            if path.name == _kept(prefix, data):
                return np.frombuffer(data, np.int8)
    found = compute()
    data = found.tobytes()
    with write_atomically(records.folder / _kept(prefix, data)) as temporary:
        temporary.write_bytes(data)
    return found


def _kept(prefix: str, data: bytes) -> str:
    """Return the name of a file, which tells its content."""
    return f".{prefix}-{xxhash.xxh3_64_hexdigest(data)}.bin"


def _opened(folder: Path) -> Records:
    columns = {field: column for field in FIELDS if (column := open_column(folder, field)) is not None}
    if "target" not in columns:  # rows that are to be predicted
        columns["target"] = CodedColumn(pa.nulls(0, pa.large_string()), np.full(len(columns["task"]), -1, np.int32))
    return Records.of_columns({field: columns[field] for field in FIELDS if field in columns}, folder=folder)


def _write(folder: Path, batches: Iterable[pa.Table]) -> None:
    writers: dict[str, ColumnWriter] = {}
    rows = 0
    with ExitStack() as files:
        for batch in batches:
            for field in batch.column_names:
                if field not in writers:
                    writers[field] = files.enter_context(closing(ColumnWriter(folder, field)))
                    writers[field].add_nulls(rows)
            for field, writer in writers.items():
                if field in batch.column_names:
                    writer.add(batch.column(field))
                else:
                    writer.add_nulls(batch.num_rows)
            rows += batch.num_rows
        for writer in writers.values():
            writer.finish()

"""Generated files to count: skewed labels, and long texts that a count should not read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TASKS, LABELS = 20, 50  # of each task; the n-th stratum has 1/n as many rows as the first
TEXT = 100  # bytes
_PIECE = 1 << 20


def _pieces(rows: int) -> Iterator[pa.Table]:
    strata = TASKS * LABELS
    tasks = pa.array([f"task {stratum % TASKS:02}" for stratum in range(strata)])
    labels = pa.array([f"label {stratum // TASKS:02}" for stratum in range(strata)])
    cumulative = np.cumsum(1 / np.arange(1, strata + 1))
    for piece, first in enumerate(range(0, rows, _PIECE)):
        size = min(_PIECE, rows - first)
        rng = np.random.default_rng(piece)
        codes = pa.array(np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right"))
        letters = rng.integers(ord("a"), ord("z") + 1, size * TEXT, dtype=np.uint8)
        ends = np.arange(0, (size + 1) * TEXT, TEXT, dtype=np.int32)
        texts = pa.Array.from_buffers(pa.string(), size, [None, pa.py_buffer(ends), pa.py_buffer(letters)])
        yield pa.table({"task": tasks.take(codes), "input": texts, "target": labels.take(codes)})


def write_parquet(path: Path, rows: int) -> None:
    """Write one file, a row group for each 2**20 rows."""
    writer = None
    for table in _pieces(rows):
        writer = writer or pq.ParquetWriter(path, table.schema, use_dictionary=["task", "target"])
        writer.write_table(table, row_group_size=_PIECE)
    assert writer
    writer.close()


def write_jsonl(path: Path, rows: int) -> None:
    with path.open("w", encoding="ascii") as file:
        for table in _pieces(rows):
            columns = (column.to_pylist() for column in table.columns)
            file.writelines(
                f'{{"task": "{task}", "input": "{text}", "target": "{label}"}}\n'
                for task, text, label in zip(*columns, strict=True)
            )

"""Readers of files: each format, with valid files to break."""

import contextlib
import gzip
import io
import json
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.data import Columns, Limits, check_records, count_files, infer_tasks, read_records
from equipoise.errors import EquipoiseError

LIMITS = Limits(row_bytes=1 << 16)
ROWS = [
    {"task": "mood", "input": f"text {row}, «b»", "target": "glad" if row % 3 else "sad", "group": f"g{row}", "id": row}
    for row in range(12)
]
_LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
_SPLITS = "".join(json.dumps({**row, "split": "dev" if row["id"] > 8 else "train"}) + "\n" for row in ROWS).encode()
_CSV = b"task,input,target,split\n" + b'mood,"a ""b""\nc",glad,train\nmood,d,sad,test\n\ntopic,e,x,val\n' * 4


def parquet(compression: str, version: str = "2.6", groups: int = 5) -> bytes:
    """The rows as a Parquet file in several row groups."""
    table = pa.table({name: [row[name] for row in ROWS] for name in ROWS[0]})
    stream = io.BytesIO()
    pq.write_table(table, stream, compression=compression, version=version, row_group_size=groups)
    return stream.getvalue()


CORPORA = {
    ".jsonl": [_LINES, _SPLITS, b"\xef\xbb\xbf" + _LINES],
    ".csv": [_CSV, b"task,input,target\nt,x,y\n", _CSV.replace(b"\n", b"\r\n")],
    ".tsv": [_CSV.replace(b",", b"\t")],
    ".jsonl.gz": [gzip.compress(_LINES, mtime=0), gzip.compress(_SPLITS, 0, mtime=0)],
    ".parquet": [parquet("none"), parquet("snappy"), parquet("zstd", "1.0", 100)],
}


def reading(suffix: str, folder: Path):
    """Give what reads bytes as a file of this kind: rows, their checks, their tasks, and the census."""
    path = folder / f"rows{suffix}"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        columns = Columns()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _try_census(path)
            records = read_records(path, columns, limits=LIMITS)
            check_records(records)
            infer_tasks(records)

    return read


def _try_census(path: Path) -> None:
    with contextlib.suppress(EquipoiseError):  # the rows are refused next, with the same right
        count_files(path, limits=LIMITS)

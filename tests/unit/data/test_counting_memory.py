"""Counting files needs the same memory whatever their size."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PIECE = 1 << 14
MORE = 64
ALLOWED = 32 << 20  # the rows of the larger file take many times that, and allocators differ by some of it
LINUX = Path("/proc/self/status")

COUNT = """
import sys
from pathlib import Path
from equipoise.data import count_files

def of(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

count_files(sys.argv[2])  # whatever is imported and set up once
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
census = count_files(sys.argv[1])
print(census.total, of("VmHWM"))
"""


def piece():
    return {
        "task": [f"task {row % 11}" for row in range(PIECE)],
        "input": [f"text {row}" for row in range(PIECE)],
        "target": [f"label {row % 97}" for row in range(PIECE)],
    }


def write_parquet(path, pieces):
    table = pa.table(piece())
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(pieces):
            writer.write_table(table)


def write_jsonl(path, pieces):
    columns = piece()
    rows = zip(*columns.values(), strict=True)
    text = "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)
    with path.open("w") as file:
        for _ in range(pieces):
            file.write(text)


WRITE = {"rows.parquet": write_parquet, "rows.jsonl": write_jsonl}


@pytest.mark.slow
@pytest.mark.skipif(not LINUX.exists(), reason="the peak of a process is measured on Linux alone")
@pytest.mark.parametrize("name", WRITE)
def test_64_times_the_rows_need_no_more_memory(tmp_path, name):
    peaks = {}
    small, large = 8, 8 * MORE  # the small one has several batches too
    for pieces in (small, large):
        path = tmp_path / f"{pieces}-{name}"
        WRITE[name](path, pieces)
        first = tmp_path / f"{small}-{name}"
        done = subprocess.run([sys.executable, "-c", COUNT, path, first], capture_output=True, text=True, check=True)
        total, peaks[pieces] = map(int, done.stdout.split())
        assert total == pieces * PIECE
    assert peaks[large] - peaks[small] < ALLOWED, {pieces: f"{peak >> 20} MiB" for pieces, peak in peaks.items()}

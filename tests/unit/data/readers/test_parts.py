"""Parts of a file hold its rows, each once and in order, wherever it is cut."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.data.readers.jsonl import JsonLines
from equipoise.data.readers.parquet import Parquet
from equipoise.data.readers.sources import find_sources, parts_of
from equipoise.errors import DataError

LINES = (
    b'\xef\xbb\xbf{"target": "first"}\n'
    b'{"target": "second", "input": "a longer line than the others"}\r\n'
    b"\n  \n"
    b'{"target": "third"}\n{"target": "\xc3\xa9"}\n'
    b'{"target": 5}\n\n{"target": "last"}'
)
TARGETS = ["first", "second", "third", "é", "5", "last"]


def targets(parts: list[JsonLines] | list[Parquet]) -> list[str]:
    return [
        str(value) for part in parts for table in part.batches(["target"], []) for value in table["target"].to_pylist()
    ]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_lines_cut_anywhere(tmp_path: Path, block: int) -> None:
    for ending in (b"", b"\n"):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(LINES + ending)
        for size in range(1, len(LINES) + 3):
            parts = JsonLines(path, block_bytes=block).cut(size)
            assert len(parts) == -(-path.stat().st_size // size)
            assert targets(parts) == TARGETS, size


def test_a_row_group_is_in_one_part(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"target": list(range(95))}), path, row_group_size=10)
    size = path.stat().st_size
    for count in (1, 2, 3, 9, 10):
        parts = Parquet(path).cut(-(-size // count))
        assert len(parts) == count
        assert targets(parts) == [str(n) for n in range(95)]
        rows = [sum(len(table) for table in part.batches(["target"], [])) for part in parts]
        assert max(rows) - min(rows) <= 10
    assert len(Parquet(path).cut(1)) == 10


def test_parts_share_what_a_file_may_unpack_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.data.readers.limits.FREE_BYTES", 4000)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"target": [1] * 100_000}), path, row_group_size=50_000)
    for part in Parquet(path).cut(-(-path.stat().st_size // 2)):
        with raises(DataError, "expands-too-much"):
            targets([part])


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.csv", "rows.parquet.gz"])
def test_what_cannot_be_cut_is_one_part(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"x" * 1000))
    (source,) = find_sources(tmp_path / name)
    assert parts_of(source, 1) == [source]


def test_a_file_that_cannot_be_read_is_one_part(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"no Parquet")
    assert parts_of(Parquet(path), 1) == [Parquet(path)]
    path.unlink()
    assert parts_of(JsonLines(path), 1) == [JsonLines(path)]

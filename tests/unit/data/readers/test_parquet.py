import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.data import Columns, iter_labels, read_records
from equipoise.errors import DataError


def write(folder: Path, name: str = "data.parquet", **columns: object) -> Path:
    rows = max(len(values) for values in columns.values() if values is not None)  # type: ignore[arg-type]
    whole = {"task": ["t"] * rows, "input": ["x"] * rows, "target": ["y"] * rows, **columns}
    path = folder / name
    pq.write_table(pa.table({key: value for key, value in whole.items() if value is not None}), path)
    return path


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([1, 2], pa.int8()), ["1", "2"]),
        (pa.array([1, 2]).dictionary_encode(), ["1", "2"]),
        (pa.array([2**63, 0], pa.uint64()), [str(2**63), "0"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([1.0, 0.1]), ["1.0", "0.1"]),
        (pa.array([1.0, 0.1], pa.float32()), ["1.0", "0.1"]),
        (pa.array([1e22, float("inf")]), ["1e+22", "inf"]),
    ],
)
def test_plain_values_become_text_exactly(tmp_path: Path, values: pa.Array, texts: list[str]) -> None:
    assert read_records(write(tmp_path, target=values)).column("target").to_pylist() == texts


@pytest.mark.parametrize(
    ("columns", "code", "message"),
    [
        ({"target": pa.array([1.0, float("nan")])}, "bad-value", "data.parquet: row 2: column `target` is NaN"),
        ({"group": pa.array([1.0, float("nan")])}, "bad-value", "data.parquet: row 2: column `group` is NaN"),
        ({"target": pa.array([1.0, None])}, "empty-target", "data.parquet: row 2: column `target`"),
        ({"target": ["y", None]}, "empty-target", "data.parquet: row 2: column `target`"),
        ({"input": ["x", " "]}, "empty-input", "data.parquet: row 2: column `input`"),
        ({"task": ["t", ""]}, "empty-task", "data.parquet: row 2: column `task`"),
        ({"target": [["y"], ["z"]]}, "bad-value", "data.parquet: column `target` has the type list<"),
        ({"target": [{"a": 1}, {"a": 2}]}, "bad-value", "data.parquet: column `target` has the type struct<"),
        ({"target": [b"y", b"z"]}, "bad-value", "data.parquet: column `target` has the type binary"),
        ({"split": ["train", "holdout"]}, "unknown-split", "data.parquet: row 2: column `split` is 'holdout'"),
        ({"split": ["train", None]}, "missing-split", "data.parquet: row 2: column `split`"),
        ({"id": [5, 5]}, "duplicate-id", "data.parquet: row 2: column `id` is '5' in both"),
        (
            {"target": None, "label": ["a", "b"]},
            "missing-column",
            "column `target` is missing, found `task`, `input`, `label`",
        ),
    ],
)
def test_bad_content_is_placed(tmp_path: Path, columns: dict[str, object], code: str, message: str) -> None:
    with raises(DataError, code, message):
        read_records(write(tmp_path, **columns))


def test_text_that_is_not_utf8_is_placed(tmp_path: Path) -> None:
    buffer = pa.py_buffer(b"okcaf\xe9")
    offsets = pa.array([0, 2, 6], pa.int32()).buffers()[1]
    bad = pa.Array.from_buffers(pa.string(), 2, [None, offsets, buffer])
    with raises(DataError, "bad-value", "row 2", "`input` is not UTF-8", "byte 0xe9 at offset 3"):
        read_records(write(tmp_path, input=bad))


def test_rows_in_later_batches_are_placed(tmp_path: Path) -> None:
    path = write(tmp_path, target=["y"] * 150_000 + [None])
    with raises(DataError, "empty-target", "data.parquet", "row 150001", "`target`"):
        read_records(path)


def test_gzipped_and_not_parquet(tmp_path: Path) -> None:
    path = write(tmp_path, target=["1", "2"])
    packed = tmp_path / "packed.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_records(packed).column("target").to_pylist() == ["1", "2"]
    path.write_bytes(b"task,input,target\n")
    with raises(DataError, "damaged-file", "data.parquet"):
        read_records(path)


def test_only_the_wanted_columns_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, target=["1", "2"], other=[1, 2])
    asked: list[list[str]] = []
    original = pq.ParquetFile.iter_batches

    def spy(self: pq.ParquetFile, *, columns: list[str], **options: object) -> object:
        asked.append(columns)
        return original(self, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    assert sum(len(batch) for batch in iter_labels(path, Columns(target="other"))) == 2
    assert asked == [["task", "other"]]


@pytest.mark.parametrize("declared", [True, False])  # as a dictionary, or as strings that happen to repeat
@pytest.mark.parametrize("column", ["input", "target"])
def test_what_rows_unpack_to_is_known_before_they_are(tmp_path: Path, declared: bool, column: str) -> None:
    rows = 200_000
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 100_000]))
    table = pa.table({"task": ["t"] * rows, "input": ["i"] * rows, "target": ["y"] * rows, column: repeated})
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, store_schema=declared)
    assert path.stat().st_size < 100_000  # and 20 GB of text
    with raises(DataError, "expands-too-much", "rows.parquet: unpacks to more than 1,073,741,824 bytes"):
        read_records(path)
    columns = Columns(input="other", target=column)
    with raises(DataError, "expands-too-much", "rows.parquet: unpacks to more than 1,073,741,824 bytes"):
        assert list(iter_labels(path, columns))


@pytest.mark.parametrize("distinct", [10, 5000, 70_000])
def test_repeated_and_distinct_strings_are_the_same_rows(tmp_path: Path, distinct: int) -> None:
    texts = [f"text {n % distinct}" for n in range(100_000)]
    path = write(tmp_path, input=texts, task=["t"] * len(texts), target=["y"] * len(texts))
    assert read_records(path).column("input").to_pylist() == texts

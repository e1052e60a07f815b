import csv
import gzip
from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.data import Columns, Limits, iter_labels, read_records
from equipoise.data.readers.delimited import Delimited
from equipoise.errors import DataError

HEADER = b"task,input,target\n"


def write(folder: Path, content: bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows(path: Path) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in read_records(path).table.to_pylist()]


def test_fields_stay_exactly_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + b"t,007,1\nt, x ,1.0\nt,NA,True\nt,null,-0\n")
    assert rows(path) == [("t", "007", "1"), ("t", " x ", "1.0"), ("t", "NA", "True"), ("t", "null", "-0")]


def test_byte_order_mark_crlf_quoted_line_ends_and_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbftask,input,target\r\nt,"a\r\n""b"", c",y\r\n\r\nt,d,z\r\n')
    assert rows(path) == [("t", 'a\r\n"b", c', "y"), ("t", "d", "z")]


def test_tsv_and_gzip(tmp_path: Path) -> None:
    tsv = write(tmp_path, b"task\tinput\ttarget\nt\ta,b\ty\n", "data.tsv")
    assert rows(tsv) == [("t", "a,b", "y")]
    packed = write(tmp_path, gzip.compress(HEADER) + gzip.compress(b"t,x,y\n"), "data.csv.gz")
    assert rows(packed) == [("t", "x", "y")]
    assert rows(write(tmp_path, gzip.compress(tsv.read_bytes()), "data.TSV.GZ")) == [("t", "a,b", "y")]


def test_a_gzip_file_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(HEADER + b"t,x,y\n" * 5000)[:-30], "data.csv.gz")
    with raises(DataError, "damaged-file", "data.csv.gz"):
        read_records(path)


def test_optional_columns_are_taken_where_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, b"id,task,input,target,group,split\n1,t,x,y,g,val\n2,t,x,y,,val\n")
    assert read_records(path).table.to_pylist() == [
        {"task": "t", "input": "x", "target": "y", "group": "g", "split": "validation", "id": "1"},
        {"task": "t", "input": "x", "target": "y", "group": None, "split": "validation", "id": "2"},
    ]


def test_one_column_may_be_two_fields(tmp_path: Path) -> None:
    records = read_records(write(tmp_path, HEADER + b"t,x,y\n"), Columns(group="input"))
    assert records.column("group").to_pylist() == ["x"]


def test_a_missing_column_lists_those_found_and_suggests_one(tmp_path: Path) -> None:
    path = write(tmp_path, b"task, Input,label\nt,x,y\n")
    with raises(
        DataError, "missing-column", "data.csv", "`input`", "found `task`, ` Input`, `label`", "mean ` Input`?"
    ):
        read_records(path)
    with raises(DataError, "missing-column", "column `person`", "found `task`, `input`, `target`. Name"):
        read_records(write(tmp_path, HEADER), Columns(group="person"))


def test_a_file_without_a_task_column_takes_the_default(tmp_path: Path) -> None:
    path = write(tmp_path, b"input,target\nx,y\n")
    assert read_records(path, default_task="d").column("task").to_pylist() == ["d"]
    assert next(iter(iter_labels(path, default_task="d"))).to_pylist() == [{"task": "d", "label": "y"}]
    with raises(DataError, "missing-column", "column `task`"):
        read_records(path)


@pytest.mark.parametrize("size", [64, 1 << 20])
@pytest.mark.parametrize(("bad", "count"), [(b"t,x", 2), (b"t,x,y,z", 4), (b"t,a,b,y", 4), (b"   ", 1)])
def test_a_row_with_the_wrong_number_of_fields_is_placed(tmp_path: Path, size: int, bad: bytes, count: int) -> None:
    path = write(tmp_path, HEADER + b't,"a\nb",y\n\n' + b"t,x,y\n" * 20 + bad + b"\nt,x,y\n")
    with raises(DataError, "wrong-field-count", "data.csv:25", "expected 3 fields", f"found {count}."):
        list(Delimited(path, limits=Limits(row_bytes=size)).batches(["target"], []))


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "t,\u00e9,y\n".encode() + b'"t","a\ncaf\xe9",y\n')
    offset = path.read_bytes().index(b"\xe9")
    with raises(DataError, "not-utf8", "data.csv:4", f"byte 0xe9 at offset {offset} "):
        read_records(path)
    with raises(DataError, "not-utf8", "data.csv:1", "byte 0xe9 at offset 4"):
        read_records(write(tmp_path, b"task\xe9,input,target\nt,x,y\n"))


def test_a_far_line_that_is_not_utf8_does_not_spoil_the_header(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + b"t,x,y\n" * 10_000 + b"t,caf\xe9,y\n")
    with raises(DataError, "not-utf8", "data.csv:10002", "byte 0xe9"):
        read_records(path)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (b"t,x,", "empty-target", "target"),
        (b't,x,"  "', "empty-target", "target"),
        (b"t,,y", "empty-input", "input"),
        (b",x,y", "empty-task", "task"),
        (b"t,x,nan", "bad-value", "target"),
        (b"t,NaN,y", "bad-value", "input"),
    ],
)
def test_bad_content_is_placed_after_quoted_line_ends(tmp_path: Path, row: bytes, code: str, column: str) -> None:
    path = write(tmp_path, HEADER + b't,"a\nb",y\n\n' + row + b"\nt,x,y\n")
    with raises(DataError, code, "data.csv:5", f"column `{column}` is "):
        read_records(path)


def test_a_bad_row_in_a_later_batch_is_placed(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + b"t,x,y\n" * 50 + b"t,x,nan\n")
    with raises(DataError, "bad-value", "data.csv:52", "`target`"):
        list(Delimited(path, limits=Limits(row_bytes=64)).batches(["target"], []))


def test_a_quote_that_is_never_closed_is_placed(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + b't,"a\nb",y\nt,x,"y\n' + b"t,x,y\n" * 3)
    with raises(DataError, "open-quote", "data.csv:4"):
        read_records(path)


def test_a_quote_inside_a_field_is_a_quote(tmp_path: Path) -> None:
    assert rows(write(tmp_path, HEADER + b't,5" screen,y\n')) == [("t", '5" screen', "y")]


def test_a_row_longer_than_allowed(tmp_path: Path) -> None:
    limits = Limits(row_bytes=1 << 20)
    path = write(tmp_path, HEADER + b"t,x,y\n" + b"t," + b"x" * 3_000_000 + b",y\n")
    with raises(DataError, "row-too-long", "data.csv", "1,048,576"):
        read_records(path, limits=limits)
    assert len(read_records(path)) == 2
    path = write(tmp_path, HEADER + b't,"x,y\n' + b"t,x,y\n" * 500_000)
    with raises(DataError, "open-quote", "data.csv:2"):
        read_records(path, limits=limits)
    with raises(DataError, "row-too-long", "data.csv", "1,048,576"):
        read_records(write(tmp_path, b"x" * 3_000_000), limits=limits)  # a header


def test_long_fields_do_not_stop_the_search_for_a_line(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    path = write(tmp_path, HEADER + b"t," + b"x" * 200_000 + b",y\nt,x\n")
    with raises(DataError, "wrong-field-count", "data.csv:3", "expected 3 fields"):
        read_records(path)
    assert csv.field_size_limit() == limit


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    with raises(DataError, "duplicate-column", "data.csv", "`target`"):
        read_records(write(tmp_path, b"task,input,target,target\nt,x,y,z\n"))


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), b'"task",input,target\r\n'])
def test_a_header_alone_has_no_rows(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content)
    with raises(DataError, "no-rows", "data.csv"):
        read_records(path)
    assert sum(len(batch) for batch in iter_labels(path)) == 0


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    with raises(DataError, "empty-file", "data.csv", "expected a header"):
        read_records(write(tmp_path, b""))


def test_an_id_in_two_rows_is_placed(tmp_path: Path) -> None:
    path = write(tmp_path, b'id,task,input,target\n1,t,"a\nb",y\n2,t,x,y\n1,t,x,y\n')
    with raises(DataError, "duplicate-id", "data.csv:2", "data.csv:5", "`id`", "'1'"):
        read_records(path)

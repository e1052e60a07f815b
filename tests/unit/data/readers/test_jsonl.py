import gzip
import json
from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.data import Columns, Records, iter_labels, read_records
from equipoise.data.readers.jsonl import JsonLines
from equipoise.errors import DataError

GOOD = b'{"task": "t", "input": "x", "target": "y"}\n'


def write(folder: Path, *lines: bytes, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(lines))
    return path


def line(**values: object) -> bytes:
    return json.dumps({"task": "t", "input": "x", "target": "y", **values}).encode() + b"\n"


def targets(path: Path) -> list[str]:
    return read_records(path).column("target").to_pylist()


def test_fields_and_optional_columns(tmp_path: Path) -> None:
    path = write(tmp_path, line(group="g", split="dev", id=7, other=[1, {"deep": 2}]), line(group="h", split="Test"))
    assert read_records(path).table.to_pylist() == [
        {"task": "t", "input": "x", "target": "y", "group": "g", "split": "validation", "id": "7"},
        {"task": "t", "input": "x", "target": "y", "group": "h", "split": "test", "id": None},
    ]


def test_columns_are_mapped(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"which": "t", "text": "x", "label": 3, "patient": 12}\n')
    columns = Columns(task="which", input="text", target="label", group="patient")
    assert read_records(path, columns).table.to_pylist() == [{"task": "t", "input": "x", "target": "3", "group": "12"}]


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD) + gzip.compress(GOOD))  # two members, as `cat a.gz b.gz` makes
    assert len(read_records(path)) == 2


def test_a_gzip_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD * 1000)[:-20])
    with raises(DataError, "damaged-file", "data.jsonl.gz"):
        read_records(path)
    path.write_bytes(GOOD)
    with raises(DataError, "damaged-file", "data.jsonl.gz"):
        read_records(path)


def test_blank_lines_crlf_byte_order_mark_and_no_last_line_end(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf\r\n", GOOD[:-1] + b"\r\n", b"\n", b"  \n", GOOD[:-1])
    assert len(read_records(path)) == 2
    assert JsonLines(path).place(1).endswith("data.jsonl:5")


def test_unicode_line_separators_do_not_end_a_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d"
    path = write(tmp_path, json.dumps({"task": "t", "input": text, "target": text}, ensure_ascii=False).encode())
    assert read_records(path).column("input").to_pylist() == [text]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (["1", "2"], ["1", "2"]),
        ([1, 2], ["1", "2"]),
        ([True, False], ["true", "false"]),
        ([1, "2"], ["1", "2"]),
        (["2", 1], ["2", "1"]),
        ([1, 2.0], ["1", "2.0"]),
        ([0.1, 1e22], ["0.1", "1e+22"]),
        ([1, True], ["1", "true"]),
        ([2**70, -3], [str(2**70), "-3"]),
        (["2020-01-01", "12:00"], ["2020-01-01", "12:00"]),
        (["é", "\u0000"], ["é", "\u0000"]),
    ],
)
def test_plain_values_become_text_exactly(tmp_path: Path, values: list[object], texts: list[str]) -> None:
    assert targets(write(tmp_path, *(line(target=value) for value in values))) == texts


@pytest.mark.parametrize("size", [1, 50, 100, 1 << 20])
def test_blocks_of_any_size_give_the_same_rows_and_places(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, line(target="a"), b"\n", line(target=1), line(target=2.5), line(target="b", group=3))
    source = JsonLines(path, block_bytes=size)
    found = [
        value
        for table in source.batches(["task", "target"], ["group"])
        for value in zip(map(str, table["target"].to_pylist()), map(str, table["group"].to_pylist()), strict=True)
    ]
    assert found == [("a", "None"), ("1", "None"), ("2.5", "None"), ("b", "3")]
    assert [source.place(row).rpartition(":")[2] for row in range(4)] == ["1", "3", "4", "5"]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, "\ufeff".encode(), line(), line(input="\u00e9"), b'{"input": "caf\xe9"}\n')
    offset = path.read_bytes().index(b"\xe9")
    with raises(DataError, "not-utf8", "data.jsonl:3", f"byte 0xe9 at offset {offset} "):
        list(JsonLines(path, block_bytes=size).batches(["task"], []))


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    ("bad", "code", "named"),
    [
        (b'{"task": "t", "input"\n', "broken-json", "at character 22"),
        (b"{'task': 't'}\n", "broken-json", "at character 2 "),
        (GOOD[:-1] + GOOD, "broken-json", "at character 43 (Extra data)"),
        (b'["t", "x", "y"]\n', "not-an-object", """found '["t", "x", "y"]'"""),
        (b'"t"\n', "not-an-object", """found '"t"'"""),
        (b'{"task": "t", "task": "u"}\n', "duplicate-key", "`task`"),
        (line(target=float("nan")), "bad-value", "column `target` is NaN"),
        (line(target=["y"]), "bad-value", "column `target` is a list"),
        (line(input={"a": 1}), "bad-value", "column `input` is an object"),
        (line(target="\ud800"), "bad-value", "column `target` holds half of a surrogate pair"),
    ],
)
def test_a_line_that_cannot_be_read_is_placed(tmp_path: Path, size: int, bad: bytes, code: str, named: str) -> None:
    path = write(tmp_path, GOOD, b"\n", bad, GOOD)
    with raises(DataError, code, "data.jsonl:3", named):
        list(JsonLines(path, block_bytes=size).batches(["task", "input", "target"], []))
    with raises(DataError, code, "data.jsonl:3", named):
        read_records(path)


def test_objects_that_are_not_one_per_line_are_refused(tmp_path: Path) -> None:
    pretty = json.dumps({"task": "t", "input": "x", "target": "y"}, indent=1).encode() + b"\n"
    with raises(DataError, "broken-json", "data.jsonl:1"):
        read_records(write(tmp_path, pretty))
    with raises(DataError, "broken-json", "data.jsonl:2"):
        read_records(write(tmp_path, GOOD, pretty))


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"target": None}, "empty-target", "column `target` is empty, expected a label or a string"),
        ({"target": ""}, "empty-target", "column `target`"),
        ({"target": " \t\u3000"}, "empty-target", "column `target`"),
        ({"input": None}, "empty-input", "column `input` is empty, expected a string"),
        ({"input": "\n"}, "empty-input", "column `input`"),
        ({"task": ""}, "empty-task", "column `task` is empty, expected the name of a task"),
        (
            {"split": "holdout"},
            "unknown-split",
            "column `split` is 'holdout', expected one of train, validation, test",
        ),
    ],
)
def test_bad_content_is_placed(tmp_path: Path, values: dict[str, object], code: str, message: str) -> None:
    with raises(DataError, code, "data.jsonl:3", message):
        read_records(write(tmp_path, line(split="train"), b"\n", line(**{"split": "train", **values})))


def test_a_key_that_only_some_rows_have(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, b'{"task": "t", "input": "x"}\n')
    with raises(DataError, "empty-target", "data.jsonl:2", "`target`"):
        read_records(path)
    assert read_records(path, require_target=False).column("target").to_pylist() == ["y", None]


def test_a_missing_column_lists_those_found_and_suggests_one(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"task": "t", "input": "x", "Targets": "y"}\n')
    with raises(
        DataError,
        "missing-column",
        "data.jsonl:1",
        "column `target`",
        "found `task`, `input`, `Targets`",
        "mean `Targets`?",
    ):
        read_records(path)
    with raises(DataError, "missing-column", "`patient`"):
        read_records(write(tmp_path, GOOD), Columns(group="patient"))


def test_the_default_task_fills_what_has_none(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"input": "x", "target": "y"}\n', GOOD, line(task=None))
    assert read_records(path, default_task="d").column("task").to_pylist() == ["d", "t", "d"]
    with raises(DataError, "empty-task", "data.jsonl:1", "`task`"):
        read_records(write(tmp_path, line(task="")), default_task="d")
    with raises(DataError, "not-a-task", "`default_task`", "' '"):
        read_records(path, default_task=" ")


def test_rows_to_predict_need_no_target(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"task": "t", "input": "x"}\n')
    assert read_records(path, require_target=False).column("target").to_pylist() == [None]


def test_an_optional_column_without_values_is_left_out(tmp_path: Path) -> None:
    records = read_records(write(tmp_path, line(group=None, split="", id=None)))
    assert records.table.column_names == ["task", "input", "target"]


def test_a_row_may_have_no_group_but_not_no_split(tmp_path: Path) -> None:
    assert read_records(write(tmp_path, line(group="g"), line())).column("group").to_pylist() == ["g", None]
    with raises(DataError, "missing-split", "data.jsonl:2", "`split`"):
        read_records(write(tmp_path, line(split="train"), line()))


def test_an_id_in_two_rows_is_placed(tmp_path: Path) -> None:
    path = write(tmp_path, line(id="a"), line(id="b"), b"\n", line(id="b"))
    with raises(DataError, "duplicate-id", "data.jsonl:2", "data.jsonl:4", "`id`", "'b'"):
        read_records(path)


def test_a_group_in_two_splits_is_placed_across_files(tmp_path: Path) -> None:
    write(tmp_path, line(group="g", split="train"), line(group="g", split="train"), name="a.jsonl")
    write(tmp_path, line(group="h", split="test"), line(group="g", split="test"), name="b.jsonl")
    with raises(DataError, "group-in-two-splits", "a.jsonl:1", "b.jsonl:2", "`group` is 'g'", "'train' and 'test'"):
        read_records(tmp_path)


def test_no_rows_is_an_error(tmp_path: Path) -> None:
    with raises(DataError, "no-rows", "data.jsonl"):
        read_records(write(tmp_path, b"\n \n"))


def test_labels_are_streamed_without_texts(tmp_path: Path) -> None:
    path = write(tmp_path, line(target=1), line(target=2, task="u"))
    batches = list(iter_labels(path))
    assert [batch.column_names for batch in batches] == [["task", "label"]]
    assert batches[0].to_pylist() == [{"task": "t", "label": "1"}, {"task": "u", "label": "2"}]


def test_labels_of_one_split(tmp_path: Path) -> None:
    path = write(tmp_path, line(target=1, split="train"), line(target=2, split="dev"))
    assert [row["label"] for batch in iter_labels(path, split="validation") for row in batch.to_pylist()] == ["2"]
    with raises(DataError, "unknown-split", "`split`", "train, validation, test", "found 'dev'"):
        list(iter_labels(path, split="dev"))


def test_labels_of_one_split_need_splits(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("task,target\nt,y\n")
    with raises(DataError, "no-splits", "data.csv"):
        list(iter_labels(path, split="train"))
    with raises(DataError, "missing-split", "data.jsonl:2", "`split`"):
        list(iter_labels(write(tmp_path, line(split="train"), line()), split="train"))


def test_labels_are_checked_as_records_are(tmp_path: Path) -> None:
    with raises(DataError, "empty-target", "data.jsonl:2", "`target`"):
        list(iter_labels(write(tmp_path, GOOD, line(target=""))))


def test_records_are_records(tmp_path: Path) -> None:
    assert isinstance(read_records(str(write(tmp_path, GOOD))), Records)


@pytest.mark.parametrize(
    ("number", "said"),
    [("1" * 301, "is a number of 301 digits"), ("-Infinity", "is -Infinity"), ("Infinity", "is Infinity")],
)
def test_numbers_have_the_limits_of_configurations(tmp_path, number: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        f'{{"task": "t", "input": "a", "target": {"1" * 300}}}\n{{"task": "t", "input": "b", "target": 1}}\n'
    )
    assert len(read_records(path)) == 2
    path.write_text(f'{{"task": "t", "input": "a", "target": 1}}\n{{"task": "t", "input": "b", "target": {number}}}\n')
    with raises(DataError, "bad-value", ":2", said):
        read_records(path)

"""Text files as other programs export them: delimiters, encodings, and quotes that are not doubled."""

from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.data import Limits, count_files, read_records
from equipoise.data.readers.delimited import Delimited
from equipoise.errors import ConfigError, DataError

HEADER = "task,input,target\n"


def write(folder: Path, content: str | bytes, name: str = "data.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(path: Path, **options: str) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in read_records(path, **options).table.to_pylist()]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_header_of_another_delimiter_is_hinted_at(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, f"{HEADER}t,1.5,y\n".replace(",", delimiter))
    with raises(DataError, "missing-column", f"The header holds {delimiter!r}.", f"`delimiter={delimiter!r}`"):
        read_records(path)
    assert rows(path, delimiter=delimiter) == [("t", "1.5", "y")]
    assert count_files(path, delimiter=delimiter).to_dict() == {"t": {"y": 1}}


def test_a_tab_may_be_written_as_on_a_command_line(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "task\tinput\ttarget\nt\ta,b\ty\n"), delimiter=r"\t") == [("t", "a,b", "y")]
    with raises(DataError, "missing-column", "`delimiter=','`"):
        read_records(write(tmp_path, HEADER, "data.tsv"))


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "é"])
def test_what_is_no_delimiter(tmp_path: Path, delimiter: str) -> None:
    with raises(ConfigError, "bad-delimiter", "`delimiter` must be one ASCII character"):
        read_records(write(tmp_path, HEADER), delimiter=delimiter)


LINES = {"data.csv": f"{HEADER}t,Müller,y\n", "data.jsonl": '{"task": "t", "input": "Müller", "target": "y"}\n'}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_named_and_then_read(tmp_path: Path, name: str, encoding: str) -> None:
    path = write(tmp_path, LINES[name], name, encoding)
    with raises(DataError, "not-utf8", f"{name}:1: the file is {encoding.upper()}, ", f"`encoding='{encoding}'`"):
        read_records(path)
    assert rows(path, encoding=encoding) == [("t", "Müller", "y")]


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1"])
def test_western_encodings_are_shown_and_then_read(tmp_path: Path, name: str, encoding: str) -> None:
    path = write(tmp_path, LINES[name], name, encoding)
    with raises(DataError, "not-utf8", "Müller", "is what the line should read, use `encoding='windows-1252'`"):
        read_records(path)
    assert rows(path, encoding="windows-1252") == rows(path, encoding=encoding) == [("t", "Müller", "y")]


def test_advice_is_not_given_where_it_would_be_wrong(tmp_path: Path) -> None:
    mixed = f"{HEADER}t,é,y\nt,è,y\n".encode() + b"t,\xe9,y\n"
    with raises(DataError, "not-utf8", "data.csv:4", "encodings are mixed or it is damaged here") as caught:
        read_records(write(tmp_path, mixed))
    assert "windows-1252" not in str(caught.value)
    with raises(DataError, "not-utf8", "name the encoding that it was saved in") as caught:
        read_records(write(tmp_path, HEADER.encode() + b"t,\x81\x8d,y\n"))
    assert "windows-1252" not in str(caught.value)
    with raises(DataError, "not-utf8", "else name the encoding"):
        read_records(write(tmp_path, f"{HEADER}t,привет,y\n", encoding="cp1251"))


def test_a_mark_of_utf8_is_read_whatever_the_name_of_the_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}t,é,y\n", encoding="utf-8-sig")
    for name in ("utf-8", "UTF8", "utf-8-sig"):
        assert rows(path, encoding=name) == [("t", "é", "y")]


def test_a_wrong_encoding_is_an_error_and_no_other_text(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEADER}t,Müller,y\n")
    with raises(DataError, "wrong-encoding", "data.csv: the text is not ascii"):
        read_records(path, encoding="ascii")
    for name in ("klingon", "base64", "", 3):
        with raises(ConfigError, "unknown-encoding", "`encoding` must be the name of a text encoding"):
            read_records(path, encoding=name)


def test_a_file_in_another_encoding_is_one_part(tmp_path: Path) -> None:
    path = write(tmp_path, LINES["data.jsonl"] * 500, "data.jsonl", "utf-16")
    assert count_files(path, encoding="utf-16", processes=1, part_bytes=100).total == 500


@pytest.mark.parametrize("size", [64, 1 << 20])
@pytest.mark.parametrize(
    "row",
    [r't,"say \"hi\" now",y', r't,"say \"",y', 't,"a"b,y', 't,"a" ,y', 't,"a"" b"c,y', r't,"\"",y' + '\nt,"b",y'],
)
def test_text_after_a_closing_quote_is_placed(tmp_path: Path, row: str, size: int) -> None:
    path = write(tmp_path, HEADER + 't,"a\nb",y\n\n' + "t,x,y\n" * 20 + row + '\nt,"x",y\n')
    with raises(DataError, "text-after-quote", "data.csv:25: text follows the quote", "backslash"):
        list(Delimited(path, limits=Limits(row_bytes=size)).batches(["target"], []))


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_quotes_that_mean_themselves_are_read(tmp_path: Path, size: int) -> None:
    given = ['5" pipe', ' "x"', 'a"b"c', '"" ', r"C:\dir" + "\\"]
    quoted = ['""', '"a,b"', '"a""b"', '"""a"""', '"a\r\nb"', r'"C:\dir\"']
    read = ["", "a,b", 'a"b', '"a"', "a\r\nb", "C:\\dir\\"]
    given, read = [*given[:3], given[4], *quoted], [*given[:3], given[4], *read]
    path = write(tmp_path, HEADER + "".join(f"t,x,{each}\n" for each in given))
    batches = list(Delimited(path, limits=Limits(row_bytes=size)).batches(["target"], []))
    assert [text for batch in batches for text in batch["target"].to_pylist()] == read


def test_one_field_is_one_field(tmp_path: Path) -> None:
    with raises(DataError, "wrong-field-count", "expected 1 field as in the header, found 2."):
        list(Delimited(write(tmp_path, "target\na\nb,c\n")).batches(["target"], []))

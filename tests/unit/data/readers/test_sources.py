from pathlib import Path

import pytest
from tests.support.errors import raises

from equipoise.data import count_files, read_records
from equipoise.data.readers.sources import find_sources
from equipoise.errors import ConfigError, DataError


def write(path: Path, task: str = "t", split: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    extra = f', "split": "{split}"' if split else ""
    path.write_text(f'{{"task": "{task}", "input": "x", "target": "{path.stem}"{extra}}}\n')
    return path


def order(source: object) -> list[str]:
    return read_records(source).column("target").to_pylist()


def test_files_globs_and_lists_of_them(tmp_path: Path) -> None:
    paths = [write(tmp_path / name) for name in ("b.jsonl", "a.jsonl", "c.ndjson")]
    assert order(paths) == ["b", "a", "c"]
    assert order(str(tmp_path / "*.jsonl")) == ["a", "b"]
    assert order([paths[2], str(tmp_path / "?.jsonl")]) == ["c", "a", "b"]


def test_a_folder_gives_its_known_files_sorted(tmp_path: Path) -> None:
    for name in ("b.jsonl", "sub/a.jsonl", "a.jsonl", ".hidden/x.jsonl", ".y.jsonl"):
        write(tmp_path / name)
    (tmp_path / "README.md").write_text("not data")
    (tmp_path / "t.csv").write_text("task,input,target\nt,x,csv\n")
    assert [Path(one.name).relative_to(tmp_path).as_posix() for one in find_sources(tmp_path)] == [
        "a.jsonl",
        "b.jsonl",
        "sub/a.jsonl",
        "t.csv",
    ]
    assert order(tmp_path) == ["a", "b", "a", "csv"]


def test_a_glob_may_span_folders(tmp_path: Path) -> None:
    write(tmp_path / "x/y/a.jsonl")
    assert order(str(tmp_path / "**/*.jsonl")) == ["a"]


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    assert order(str(write(tmp_path / "a[1].jsonl"))) == ["a[1]"]


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("missing.jsonl", "no-such-file", "missing.jsonl: no such file or folder (in the same folder: a.jsonl)"),
        ("none/missing.jsonl", "no-such-file", "missing.jsonl: no such file or folder (there is no folder "),
        ("*.csv", "no-such-file", "*.csv: no file matches this pattern"),
        ("empty", "no-such-file", "empty: the folder holds no file"),
        (
            "data.xlsx",
            "unknown-format",
            "`.xlsx` is not supported, expected .jsonl, .ndjson, .csv, .tsv, .parquet (each",
        ),
        ("data.json", "unknown-format", "name it .jsonl"),
        ("data.txt.gz", "unknown-format", "`.txt`"),
        ("noending", "unknown-format", "`noending`"),
    ],
)
def test_what_is_not_found_or_not_known(tmp_path: Path, name: str, code: str, message: str) -> None:
    write(tmp_path / "a.jsonl")
    (tmp_path / "empty").mkdir()
    for other in ("data.xlsx", "data.json", "data.txt.gz", "noending"):
        (tmp_path / other).write_text("x")
    with raises(DataError, code, message):
        read_records(tmp_path / name)


@pytest.mark.parametrize(("source", "name"), [(3, "int"), ({"a": 1}, "dict"), (b"x", "bytes"), (None, "NoneType")])
def test_what_is_no_source(source: object, name: str) -> None:
    with raises(DataError, "not-a-source", "`source` must be a path", f"found {name}"):
        read_records(source)


def test_an_empty_list_is_no_source() -> None:
    with raises(DataError, "no-source", "path"):
        read_records([])


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl")
    with raises(DataError, "duplicate-source", "a.jsonl"):
        read_records([path, str(tmp_path / "*.jsonl")])


def test_splits_are_in_all_files_or_in_none(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", split="train")
    write(tmp_path / "b.jsonl")
    with raises(DataError, "missing-split", "b.jsonl", "a.jsonl"):
        read_records(tmp_path)


def test_an_empty_file_among_others_is_no_matter(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", split="train")
    (tmp_path / "b.jsonl").write_text("")
    assert len(read_records(tmp_path)) == 1


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jsonl")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with raises(DataError, "cannot-read", "a.jsonl", "Permission denied"):
        read_records(path)


@pytest.mark.parametrize(
    ("names", "given", "splits"),
    [
        (["train", "dev", "test"], {}, ["validation", "test", "train"]),
        (["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"], {}, ["test", "train", "train"]),
        (["Train", "VALID"], {}, ["train", "validation"]),
        (["train", "held-out"], {"held-out": "test"}, ["test", "train"]),
        (["train", "dev"], {"dev": "test"}, ["test", "train"]),
        (["train", "held-out"], {}, None),
        (["train_1", "train_2"], {}, None),
        (["train"], {}, None),
    ],
)
def test_files_named_as_splits_are_splits(
    tmp_path: Path, names: list[str], given: dict[str, str], splits: list[str] | None
) -> None:
    for name in names:
        write(tmp_path / f"{name}.jsonl")
    for source in (tmp_path, str(tmp_path / "*.jsonl"), sorted(tmp_path.iterdir())):
        records = read_records(source, splits=given)
        assert (records.column("split").to_pylist() if records.has("split") else None) == splits
    if splits:
        assert count_files(tmp_path, split=splits[0], splits=given).total == splits.count(splits[0])


def test_a_column_of_splits_comes_before_the_names_of_files(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", split="dev")
    write(tmp_path / "test.jsonl", split="holdout")
    splits = {"Holdout": "test"}
    assert read_records(tmp_path, splits=splits).column("split").to_pylist() == ["test", "validation"]
    assert count_files(tmp_path, split="test", splits=splits).total == 1
    with raises(DataError, "unknown-split", "is 'holdout', expected one of train, validation, test", "splits={"):
        read_records(tmp_path)
    with raises(ConfigError, "unknown-split", "`splits`", "'tests' for 'holdout'"):
        read_records(tmp_path, splits={"holdout": "tests"})

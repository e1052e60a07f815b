"""Rows on disk are the rows in memory, whatever the files, and are made once."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.errors import raises

from equipoise.data import Columns, assign_splits, check_records, infer_tasks, read_records
from equipoise.data.cache import MANIFEST, entries
from equipoise.data.prepared import columns as on_disk
from equipoise.data.prepared.rows import derived
from equipoise.errors import DataError
from equipoise.runs.rows import fingerprint

TEXT = st.sampled_from(
    ["a", "b", "3", "3.0", "03", "true", "True", "é", "e\u0301", "x\u200b", "x", " a", "ﬁ", "fi", "zz"]
)
ROW = st.fixed_dictionaries(
    {"task": st.sampled_from(["t", "u"]), "input": TEXT, "target": TEXT},
    optional={"group": st.none() | TEXT},
)


def write(path: Path, rows: list[dict[str, str | None]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def spelled_alike(column) -> list[str | None]:
    return [column.in_one_spelling()[row] for row in range(len(column))]


@pytest.mark.parametrize("few", [1, 3, 1 << 16])
@settings(max_examples=25)
@given(parts=st.lists(st.lists(ROW, max_size=9), min_size=1, max_size=4).filter(any))
def test_they_are_the_rows_in_memory(tmp_path_factory, few, parts) -> None:
    folder = tmp_path_factory.mktemp("rows")
    files = [write(folder / f"{number}.jsonl", rows) for number, rows in enumerate(parts)]
    memory = read_records(files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_disk, "_FEW", few)
        patch.setattr(on_disk, "_AT_ONCE", 4)
        stored = read_records(files, cache=folder / "cache")
    assert stored.table.equals(memory.table)
    assert stored.folder is not None
    assert memory.folder is None
    assert stored.columns == memory.columns
    assert stored.tasks == memory.tasks
    assert fingerprint(stored) == fingerprint(memory)
    for name in ("input", "group"):
        if memory.has(name):
            assert spelled_alike(stored.coded(name)) == spelled_alike(memory.coded(name))
    assert assign_splits(stored).table.equals(assign_splits(memory).table)
    assert check_records(stored) == check_records(memory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("equipoise.data.infer.warnings.warn", lambda *_, **__: None)
        assert infer_tasks(stored) == infer_tasks(memory)
    rows = np.arange(len(memory))[::2]
    assert stored.take(rows).take(rows[: len(rows) // 2]).table.equals(memory.take(rows[: len(rows) // 2] * 2).table)
    assert stored.where(task="t").table.equals(memory.where(task="t").table)


def test_they_are_made_once_and_mapped(tmp_path) -> None:
    file = write(tmp_path / "rows.jsonl", [{"task": "t", "input": f"i{n}", "target": "ab"[n % 2]} for n in range(9)])
    counts: list[int] = []
    first = read_records(file, cache=tmp_path / "cache", on_rows=counts.append)
    again = read_records(file, cache=tmp_path / "cache", on_rows=counts.append)
    assert counts == [9]
    assert first.table.equals(again.table)
    assert not again.coded("input").codes.flags.owndata, "the codes are copied, not mapped"
    [entry] = entries(tmp_path / "cache")
    assert entry.folder == again.folder
    assert entry.kind == "rows"
    assert entry.size > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text(file.read_text().replace("i3", "i4")),
        lambda file: file.write_text(file.read_text() + file.read_text().splitlines()[-1].replace("i8", "i9")),
    ],
)
def test_a_changed_file_is_noticed_though_its_times_are_not(tmp_path, change) -> None:
    file = write(tmp_path / "rows.jsonl", [{"task": "t", "input": f"i{n}", "target": "ab"[n % 2]} for n in range(9)])
    read_records(file, cache=tmp_path / "cache")
    before = file.stat()
    change(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_records(file, cache=tmp_path / "cache").table.equals(read_records(file).table)
    assert len(entries(tmp_path / "cache")) == 2


def test_other_options_make_other_rows(tmp_path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("task,input,target,other\nt,a,b,c\n")
    for options in ({}, {"columns": Columns(target="other")}, {"columns": Columns(group="other")}):
        stored = read_records(file, **options, cache=tmp_path / "cache")
        assert stored.table.equals(read_records(file, **options).table)
    assert len(entries(tmp_path / "cache")) == 3
    renamed = file.rename(tmp_path / "same.csv")
    read_records(renamed, cache=tmp_path / "cache")
    assert len(entries(tmp_path / "cache")) == 3, "where a file lies decides nothing"


@pytest.mark.parametrize("name", ["input.codes", "input.arrow", "task.hashes"])
def test_a_damaged_entry_is_made_again(tmp_path, name) -> None:
    file = write(tmp_path / "rows.jsonl", [{"task": "t", "input": f"i{n}", "target": "ab"[n % 2]} for n in range(9)])
    folder = read_records(file, cache=tmp_path / "cache").folder
    assert folder is not None
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert read_records(file, cache=tmp_path / "cache").table.equals(read_records(file).table)


def test_errors_name_file_and_line_and_leave_nothing(tmp_path) -> None:
    rows = [{"task": "t", "input": f"i{n}", "target": "ab"[n % 2], "id": str(n % 7)} for n in range(9)]
    file = write(tmp_path / "rows.jsonl", rows)
    for cache in (None, tmp_path / "cache"):
        with raises(DataError, "duplicate-id", "rows.jsonl:1 and", "rows.jsonl:8"):
            read_records(file, cache=cache)
    write(file, [*rows[:5], {"task": "", "input": "x", "target": "y"}])
    with raises(DataError, "empty-task", "rows.jsonl:6"):
        read_records(file, cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


def test_splits_are_of_every_row_or_of_none(tmp_path) -> None:
    rows = [{"task": "t", "input": f"i{n}", "target": "a", "split": "train" if n else None} for n in range(4)]
    file = write(tmp_path / "rows.jsonl", rows)
    for cache in (None, tmp_path / "cache"):
        with raises(DataError, "missing-split", "rows.jsonl:1"):
            read_records(file, cache=cache)


def test_rows_in_memory_are_not_written(tmp_path) -> None:
    table = pa.table({"task": ["t"], "input": ["i"], "target": ["a"]})
    assert read_records(table, cache=tmp_path / "cache").folder is None
    assert not (tmp_path / "cache").exists()


def test_a_saved_dataset_is_prepared_by_its_files(tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"task": ["t"] * 3, "input": ["a", "b", "c"], "target": ["x", "y", "x"]}
    saved = datasets.DatasetDict({"train": datasets.Dataset.from_dict(rows), "dev": datasets.Dataset.from_dict(rows)})
    saved.save_to_disk(str(tmp_path / "saved"))
    stored = read_records(tmp_path / "saved", cache=tmp_path / "cache")
    assert stored.folder is not None
    assert stored.table.equals(read_records(tmp_path / "saved").table)


def test_batches_of_a_parquet_file_share_equal_strings(tmp_path) -> None:
    table = pa.table({"task": ["t"] * 40, "input": [f"i{n % 25}" for n in range(40)], "target": ["a", "b"] * 20})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("equipoise.data.readers.parquet._SMALL_GROUP", 0)
        patch.setattr(on_disk, "_FEW", 3)
        counts: list[int] = []
        stored = read_records(tmp_path / "rows.parquet", cache=tmp_path / "cache", on_rows=counts.append)
    assert counts == [10] * 4
    inputs = stored.coded("input")
    assert len(set(inputs.codes.tolist())) == 25
    assert len(inputs.names) == 40
    assert inputs.decoded().to_pylist() == table["input"].to_pylist()


def test_what_is_computed_of_rows_is_kept_beside_them(tmp_path) -> None:
    file = write(tmp_path / "rows.jsonl", [{"task": "t", "input": f"i{n}", "target": "a"} for n in range(4)])
    stored = read_records(file, cache=tmp_path / "cache")
    calls: list[int] = []

    def compute() -> np.ndarray:
        calls.append(1)
        return np.arange(4, dtype=np.int8)

    for seed, expected in ((0, 1), (0, 1), (1, 2)):
        assert derived(stored, "splits", {"seed": seed}, compute).tolist() == [0, 1, 2, 3]
        assert len(calls) == expected
    assert stored.folder is not None
    kept = next(stored.folder.glob(".splits-*.bin"))
    kept.write_bytes(b"\x01\x02\x03\x04")  # no longer what its name says
    derived(stored, "splits", {"seed": 0}, compute)
    derived(stored, "splits", {"seed": 1}, compute)
    assert len(calls) == 3
    assert (stored.folder / MANIFEST).is_file()
    assert read_records(file, cache=tmp_path / "cache").folder == stored.folder


def test_a_file_that_cannot_be_read_is_refused_as_without_a_cache(tmp_path, monkeypatch) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("equipoise.data.prepared.rows.checksum", refuse)
    file = write(tmp_path / "rows.jsonl", [{"task": "t", "input": "a", "target": "b"}])
    with raises(DataError, "cannot-read", "rows.jsonl: cannot be read (Permission denied)"):
        read_records(file, cache=tmp_path / "cache")


@pytest.mark.parametrize("files", [1, 2])
def test_a_file_that_changes_while_it_is_read_makes_no_entry(tmp_path, files) -> None:
    row = {"task": "t", "input": "a", "target": "b"}
    names = [write(tmp_path / f"{number}.jsonl", [row]) for number in range(files)]
    with raises(DataError, "changed-file", "0.jsonl"):
        read_records(names, cache=tmp_path / "cache", on_rows=lambda _: write(names[-1], [row, row]))
    assert entries(tmp_path / "cache") == []


def test_more_texts_than_codes_can_number_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(on_disk, "_MOST_NAMES", 2)
    rows = [{"task": "t", "input": f"i{number}", "target": "a"} for number in range(3)]
    assert len(read_records(write(tmp_path / "two.jsonl", rows[:2]), cache=tmp_path / "cache")) == 2
    with raises(DataError, "too-many-rows", "more than 2 texts in the field `input`"):
        read_records(write(tmp_path / "three.jsonl", rows), cache=tmp_path / "cache")

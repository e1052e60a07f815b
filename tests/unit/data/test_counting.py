"""Files are counted alike by one process and by several, errors included."""

import gzip
import json
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises
from tests.support.sources import Killed, Unreadable

from equipoise import Columns, StratumIndex
from equipoise.data import Limits, count_files, index_files
from equipoise.data.readers.sources import find_sources, parts_of
from equipoise.errors import DataError, PlanError

WORDS = ["a", "b", "c", "d", "e", "f", "g"]


def rows(first, last):
    return [{"task": WORDS[n % 3], "input": "x" * (n % 50), "target": WORDS[n % 7]} for n in range(first, last)]


def lines(some):
    return "".join(json.dumps(row) + "\n" for row in some)


def write(folder):
    """Files of every kind, each of some 30,000 bytes and more; the file of a kind that is cut is the largest."""
    folder.mkdir()
    (folder / "1.jsonl").write_text(lines(rows(0, 3000)))
    (folder / "2.csv").write_text(
        "task,input,target\n" + "".join(f"{','.join(row.values())}\n" for row in rows(0, 500))
    )
    (folder / "3.jsonl.gz").write_bytes(gzip.compress(lines(rows(7, 400)).encode()))
    pq.write_table(pa.Table.from_pylist(rows(0, 9000)), folder / "4.parquet", row_group_size=1000)
    return folder


count = partial(
    count_files,
    columns=Columns(),
    open_ended_tasks=frozenset(["b"]),
    split=None,
    limits=Limits(),
    default_task=None,
    part_bytes=1 << 13,
)


@pytest.mark.distributed
def test_processes_count_what_one_counts(tmp_path):
    folder = write(tmp_path / "rows")
    alone = count(folder, processes=1)
    assert alone.total == 3000 + 500 + 393 + 9000
    assert count(folder, processes=3) == alone
    assert count_files(folder, open_ended_tasks=["b"], processes=2) == alone


@pytest.mark.distributed
def test_the_first_error_is_that_of_one_process(tmp_path):
    folder = write(tmp_path / "rows")
    good = lines(rows(0, 3000))
    (folder / "1.jsonl").write_text(good + good.replace('"b"', '" "', 1) + good)
    (folder / "4.parquet").write_bytes(b"no Parquet")  # found at once, long before the line above
    errors = []
    for processes in (1, 2):
        with pytest.raises(DataError) as error:
            count(folder, processes=processes)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert "1.jsonl:3002: column `task` is empty" in errors[0]


@pytest.mark.distributed
def test_a_part_that_fails_where_the_file_does_not(tmp_path, monkeypatch):
    # As where one part unpacks to more than its share of what the file may unpack to, and another to less.
    def failing(source, part_bytes):
        good, *others = parts_of(source, part_bytes)
        return [good, Unreadable("a part"), *others]

    monkeypatch.setattr("equipoise.data.counting.parts_of", failing)
    folder = write(tmp_path / "rows")
    assert count(folder, processes=2) == count(folder, processes=1)


@pytest.mark.distributed
def test_a_dataset_in_memory_is_counted_beside_files(tmp_path):
    from datasets import Dataset

    (tmp_path / "rows.jsonl").write_text(lines(rows(0, 500)))
    source = [Dataset.from_list(rows(0, 10)), tmp_path / "rows.jsonl"]
    assert count(source, processes=2) == count(source, processes=1)


@pytest.mark.distributed
def test_a_killed_process_is_an_error(monkeypatch):
    monkeypatch.setattr("equipoise.data.counting.find_sources", lambda *_: [Killed("one.rows"), Killed("two.rows")])
    with raises(DataError, "process-ended", "one.rows", "`processes`"):
        count("rows", processes=2)


@pytest.mark.distributed
def test_a_process_that_is_killed_long_before_the_end_is_an_error_and_no_shorter_count(tmp_path, monkeypatch):
    (tmp_path / "rows.jsonl").write_text(lines(rows(0, 10)))
    one = find_sources(str(tmp_path / "rows.jsonl"))
    sources = [*one * 20, Killed("killed.rows"), *one * 200]
    monkeypatch.setattr("equipoise.data.counting.find_sources", lambda *_: sources)
    monkeypatch.setattr("equipoise.data.counting._AHEAD", 1)  # so that parts are handed out after it
    with raises(DataError, "process-ended"):
        count("rows", processes=2)


@pytest.mark.parametrize("processes", [0, -1, 1.5, True, "2"])
def test_processes_are_a_number(tmp_path, processes):
    with raises(DataError, "not-an-integer", "`processes`", "at least 1"):
        count_files(tmp_path, processes=processes)


def test_one_part_needs_no_processes(tmp_path, monkeypatch):
    monkeypatch.delattr("equipoise.data.counting.ProcessPoolExecutor")
    (tmp_path / "rows.jsonl").write_text(lines(rows(0, 10)))
    assert count_files(tmp_path, processes=8).total == 10
    (tmp_path / "more.jsonl").write_text(lines(rows(0, 10)))
    assert count_files(tmp_path).total == 20


@pytest.mark.distributed
def test_scripts_of_every_kind(tmp_path):
    for name in ("1.jsonl", "2.jsonl"):
        (tmp_path / name).write_text(lines(rows(0, 10)))
    call = f"from equipoise.data import count_files\nprint(count_files({str(tmp_path)!r}, processes=2).total)\n"
    script = tmp_path / "script.py"
    script.write_text(call)
    guarded = tmp_path / "guarded.py"
    guarded.write_text(call.replace("print", 'if __name__ == "__main__":\n    print'))
    for arguments, expected in ((["-c", call], "20\n"), ([guarded], "20\n"), ([script], "")):
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=os.environ, check=False)
        assert done.stdout == expected, done.stderr
    assert 'call it under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]


def test_rows_of_files_are_grouped_as_those_of_one_table(tmp_path) -> None:
    rng = np.random.default_rng(0)
    parts = [
        pa.table({"task": rng.choice(["a", "b"], 50), "input": ["x"] * 50, "target": rng.choice(["0", "1", "2"], 50)})
        for _ in range(3)
    ]
    for number, part in enumerate(parts):
        pq.write_table(part, tmp_path / f"{number}.parquet")
    census = count_files(tmp_path)
    whole = pa.concat_tables(parts)
    expected = StratumIndex.from_labels(census, whole["task"], whole["target"])
    index = index_files(census, tmp_path)
    assert index.order.tolist() == expected.order.tolist()
    assert index.fingerprint == expected.fingerprint
    assert index.census() == census
    pq.write_table(parts[0].slice(1), tmp_path / "0.parquet")
    with raises(PlanError, "other-sizes"):
        index_files(census, tmp_path)

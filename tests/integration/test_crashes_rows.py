"""Rows on disk whose making is killed at random moments, or meets a full disk, are never taken for whole ones."""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.support import faults
from tests.support.errors import raises

from equipoise.data import read_records
from equipoise.data.cache import entries, is_intact
from equipoise.errors import RunError

pytestmark = pytest.mark.slow
KILLS, ROWS, SEED = 20, 60_000, 1


def write(path: Path) -> Path:
    rows = ({"task": "t", "input": f"text {n % 50_000} of a patient", "target": "ab"[n % 2]} for n in range(ROWS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(file: Path, cache: Path) -> None:
    read_records(file, cache=cache)


def test_kills_at_random_moments_leave_whole_rows_or_none(tmp_path) -> None:
    file, cache = write(tmp_path / "rows.jsonl"), tmp_path / "cache"
    context, moments = multiprocessing.get_context("fork"), random.Random(SEED)
    began = time.monotonic()
    read(file, tmp_path / "other")
    whole = time.monotonic() - began
    unfinished = 0
    for _ in range(KILLS):
        process = context.Process(target=read, args=(file, cache))
        process.start()
        time.sleep(moments.random() * whole)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        unfinished += any(cache.glob(".*.unfinished"))
        assert all(is_intact(entry.folder) for entry in entries(cache))
        if moments.random() < 0.3:  # from the beginning again
            for entry in entries(cache):
                entry.folder.rename(tmp_path / f"done-{unfinished}-{time.monotonic_ns()}")
    assert unfinished > KILLS // 4, "hardly any kill came while rows were written"
    assert read_records(file, cache=cache).table.equals(read_records(file).table)
    assert not list(cache.glob(".*.unfinished"))


def test_a_full_disk_is_one_line_and_the_rows_can_be_read_elsewhere(tmp_path) -> None:
    file = write(tmp_path / "rows.jsonl")
    with faults.folder_in_memory("1m") as disk:
        with raises(RunError, "cannot-write", "bytes are free there"):
            read_records(file, cache=disk)
        assert entries(disk) == []
        assert not list(disk.glob(".*.unfinished"))
    assert len(read_records(file, cache=tmp_path / "cache")) == ROWS

"""Entries of the cache: made by one process, whole or not there, listed and removed."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support import faults
from tests.support.errors import raises

from equipoise.collate.store import TokenStore
from equipoise.data.cache import MANIFEST, checksum, clear, entries, fingerprint, is_intact, made
from equipoise.errors import RunError

NAME = f"rows-{'0' * 32}"


def make(folder: Path) -> None:
    (folder / "a").write_bytes(b"a" * 100)
    (folder / "empty").touch()


def slowly(cache: Path, log: Path) -> None:
    def slow(folder: Path) -> None:
        with log.open("a") as file:
            file.write("made\n")
        time.sleep(0.5)
        make(folder)

    made(cache, NAME, slow)


def test_an_entry_is_made_once_and_is_intact(tmp_path) -> None:
    folder = made(tmp_path, NAME, make)
    assert is_intact(folder)
    assert made(tmp_path, NAME, lambda _: pytest.fail("made again")) == folder
    for damage in (
        lambda: (folder / "a").write_bytes(b"b" * 100),
        lambda: (folder / "a").write_bytes(b"a" * 99),
        (folder / "empty").unlink,
        (folder / MANIFEST).unlink,
        lambda: (folder / MANIFEST).write_text("[]"),
    ):
        damage()
        assert not is_intact(folder)
        assert is_intact(made(tmp_path, NAME, make))


def test_processes_wait_for_the_one_that_makes_it(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=slowly, args=(tmp_path / "cache", tmp_path / "log")) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert (tmp_path / "log").read_text() == "made\n"
    assert is_intact(tmp_path / "cache" / NAME)


def test_what_a_killed_process_leaves_is_no_entry_and_is_removed(tmp_path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=slowly, args=(tmp_path / "cache", tmp_path / "log"))
    process.start()
    while not (tmp_path / "log").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list((tmp_path / "cache").glob("*.unfinished"))
    assert entries(tmp_path / "cache") == []
    assert is_intact(made(tmp_path / "cache", NAME, make))
    assert not list((tmp_path / "cache").glob(".*.unfinished"))


def test_an_error_leaves_nothing(tmp_path) -> None:
    def fail(folder: Path) -> None:
        make(folder)
        raise ValueError

    with pytest.raises(ValueError):
        made(tmp_path, NAME, fail)
    assert entries(tmp_path) == []
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_full_disk_is_one_line_and_leaves_nothing() -> None:
    with faults.folder_in_memory("1m") as disk:
        with raises(RunError, "cannot-write", "bytes are free there"):
            made(disk, NAME, lambda folder: (folder / "a").write_bytes(b"a" * (2 << 20)) and None)
        assert entries(disk) == []
        assert not list(disk.glob(".*.unfinished"))


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path) -> None:
    (tmp_path / "file").touch()
    with raises(RunError, "cannot-write", "Choose a writable folder"):
        made(tmp_path / "file" / "cache", NAME, make)


def test_entries_are_listed_and_removed(tmp_path) -> None:
    folder = made(tmp_path, NAME, make)
    other = made(tmp_path, f"tokens-{'1' * 32}", make)
    os.utime(folder / MANIFEST, (1, 1))
    (tmp_path / "mine").mkdir()
    (tmp_path / "rows-of-mine").mkdir()
    (tmp_path / f".{NAME[:-1]}1.00000000.unfinished").mkdir()
    found = entries(tmp_path)
    assert [(each.folder, each.kind) for each in found] == [(other, "tokens"), (folder, "rows")]
    assert found[0].size >= 100
    assert {each.folder for each in clear(tmp_path)} == {folder, other}
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "rows-of-mine"}


def test_the_checksum_is_that_of_all_bytes(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"")
    empty = checksum(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"\0")
    assert checksum(tmp_path / "a") != empty
    assert fingerprint([1]) != fingerprint([1, 1])


def test_tokens_are_entries_that_grow_and_holes_in_them_take_no_room(tmp_path) -> None:
    name = f"tokens-{'a' * 32}"
    store = TokenStore(tmp_path / name, rows=10_000_000)
    store.write(np.array([3]), [(np.arange(100, dtype=np.int32), np.arange(2, dtype=np.int32), 0)])
    (found,) = entries(tmp_path)
    assert (found.folder.name, found.kind) == (name, "tokens")
    assert 400 <= found.size < 1_000_000
    assert [each.folder.name for each in clear(tmp_path)] == [name]
    assert list(tmp_path.iterdir()) == []

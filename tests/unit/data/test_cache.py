"""Entries of the cache: made by one process, whole or not there, listed and removed."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import xxhash
from filelock import FileLock, Timeout
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

    made(cache, NAME, slow, Path)


def cut_meanwhile(file: Path) -> None:
    file.write_bytes(b"a" * (4 << 20))

    class Digest:
        def __init__(self) -> None:
            self._digest = xxhash.xxh3_64()

        def update(self, data: memoryview) -> None:
            self._digest.update(data)
            os.truncate(file, 0)

        def hexdigest(self) -> str:
            return self._digest.hexdigest()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xxhash, "xxh3_128", Digest)
        patch.setattr("equipoise.data.cache._READ", 1 << 20)
        checksum(file)


def test_an_entry_is_made_once_and_is_intact(tmp_path) -> None:
    folder = made(tmp_path, NAME, make, Path)
    assert is_intact(folder)
    assert made(tmp_path, NAME, lambda _: pytest.fail("made again"), Path) == folder
    for damage in (
        lambda: (folder / "a").write_bytes(b"b" * 100),
        lambda: (folder / "a").write_bytes(b"a" * 99),
        (folder / "empty").unlink,
        (folder / MANIFEST).unlink,
        lambda: (folder / MANIFEST).write_text("[]"),
    ):
        damage()
        assert not is_intact(folder)
        assert is_intact(made(tmp_path, NAME, make, Path))


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_a_killed_process_leaves_is_no_entry_and_is_removed(tmp_path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=slowly, args=(tmp_path / "cache", tmp_path / "log"))
    process.start()
    while not (tmp_path / "log").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list((tmp_path / "cache").glob("*.unfinished"))
    assert entries(tmp_path / "cache") == []
    assert is_intact(made(tmp_path / "cache", NAME, make, Path))
    assert not list((tmp_path / "cache").glob(".*.unfinished"))


def test_an_error_leaves_nothing(tmp_path) -> None:
    def fail(folder: Path) -> None:
        make(folder)
        raise ValueError

    with pytest.raises(ValueError):
        made(tmp_path, NAME, fail, Path)
    assert entries(tmp_path) == []
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_full_disk_is_one_line_and_leaves_nothing() -> None:
    with faults.folder_in_memory("1m") as disk:
        with raises(RunError, "cannot-write", "bytes are free there"):
            made(disk, NAME, lambda folder: (folder / "a").write_bytes(b"a" * (2 << 20)) and None, Path)
        assert entries(disk) == []
        assert not list(disk.glob(".*.unfinished"))


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path) -> None:
    (tmp_path / "file").touch()
    with raises(RunError, "cannot-write", "Choose a writable folder"):
        made(tmp_path / "file" / "cache", NAME, make, Path)


def test_entries_are_listed_and_removed(tmp_path) -> None:
    folder = made(tmp_path, NAME, make, Path)
    other = made(tmp_path, f"tokens-{'1' * 32}", make, Path)
    os.utime(folder / MANIFEST, (1, 1))
    (tmp_path / "mine").mkdir()
    (tmp_path / "rows-of-mine").mkdir()
    (tmp_path / f".{NAME[:-1]}1.00000000.unfinished").mkdir()
    (tmp_path / f".{NAME[:-1]}2.lock").touch()  # of an entry whose making failed
    (tmp_path / f"{NAME[:-1]}3").mkdir()  # of a process that kept splits in an entry that was removed
    found = entries(tmp_path)
    assert [(each.folder, each.kind) for each in found] == [(other, "tokens"), (folder, "rows")]
    assert found[0].size >= 100
    assert {each.folder for each in clear(tmp_path)} == {folder, other}
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "rows-of-mine"}


def test_an_entry_that_is_being_made_keeps_its_folder_and_its_lock(tmp_path) -> None:
    unfinished = tmp_path / f".{NAME}.00000000.unfinished"
    unfinished.mkdir()
    with FileLock(tmp_path / f".{NAME}.lock"):
        assert clear(tmp_path) == []
        assert unfinished.exists()
        with pytest.raises(Timeout):
            FileLock(tmp_path / f".{NAME}.lock").acquire(timeout=0)
    assert clear(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_entry_is_opened_before_it_can_be_removed(tmp_path) -> None:
    def opened(folder: Path) -> bytes:
        assert clear(tmp_path) == []
        return (folder / "a").read_bytes()

    for _ in ("made", "there"):
        assert made(tmp_path, NAME, make, opened) == b"a" * 100


@pytest.mark.slow
def test_a_file_that_is_cut_while_it_is_read_does_not_end_the_process(tmp_path) -> None:
    file = tmp_path / "a"
    process = multiprocessing.get_context("spawn").Process(target=cut_meanwhile, args=(file,))
    process.start()
    process.join()
    assert process.exitcode == 0


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

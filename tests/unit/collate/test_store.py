"""Tokens in files: shared by processes, and never wrong whatever a kill, a fault of the disk or a race leaves."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from equipoise.collate.store import PLACES, TokenStore

ROWS = 100


def tokens_of(row: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Tokens that tell the row that they are of."""
    return np.arange(row, 2 * row + 1, dtype=np.int32), np.full(row % 3, -row, np.int32), row % 32


def write(store: TokenStore, rows: list[int]) -> None:
    store.write(np.array(rows), [tokens_of(row) for row in rows])


def check(store: TokenStore, rows: list[int]) -> None:
    """Each of the rows is there with its own tokens."""
    for row in rows:
        found, (inputs, targets, findings) = store.read(row), tokens_of(row)
        assert found is not None
        assert (found[0].tolist(), found[1].tolist()) == (inputs.tolist(), targets.tolist())
        assert store.heads(np.array([row])).tolist() == [[len(inputs), len(targets), findings]]


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "tokens", ROWS)


def test_rows_are_read_as_they_were_written_in_any_order(store: TokenStore) -> None:
    write(store, [5, 3, 4, 99, 0])
    write(store, [7])
    check(store, [0, 3, 4, 5, 7, 99])
    assert store.read(6) is None
    assert store.heads(np.array([6, 7]))[:, 0].tolist() == [-1, 8]


def test_nothing_is_made_before_something_is_written(store: TokenStore) -> None:
    assert store.read(0) is None
    assert not store.folder.exists()


def test_others_see_at_once_what_is_written(store: TokenStore) -> None:
    other = pickle.loads(pickle.dumps(store))
    for row in range(0, ROWS - 1, 9):
        write(store, [row])
        check(other, [row])
        write(other, [row + 1])
        check(store, [row + 1])
    assert len(list(store.folder.glob("tokens-*"))) == 2


def test_places_take_no_room_before_they_are_written(tmp_path: Path) -> None:
    store = TokenStore(tmp_path, rows=50_000_000)
    write(store, [7])
    check(store, [7])
    assert (tmp_path / PLACES).stat().st_size == 400_000_000
    assert (tmp_path / PLACES).stat().st_blocks * 512 < 1_000_000


@pytest.mark.parametrize("damage", ["cut", "cut in the head", "zeros", "another token", "removed", "empty"])
def test_damaged_tokens_are_not_there_and_are_written_anew(store: TokenStore, damage: str) -> None:
    write(store, [3, 9])
    path = store.folder / "tokens-1"
    data = bytearray(path.read_bytes())
    if damage == "another token":
        data[-1] ^= 1
    new = {
        "cut": data[:-4],
        "cut in the head": data[: len(data) - 4 * (len(tokens_of(9)[0]) + len(tokens_of(9)[1])) - 8],
        "zeros": data[:-8] + bytes(8),
        "another token": data,
        "empty": b"",
    }
    path.unlink()
    if damage != "removed":
        path.write_bytes(new[damage])
    later = TokenStore(store.folder, ROWS)
    assert later.read(9) is None
    if damage not in ("removed", "empty"):
        check(later, [3])
    write(later, [9])
    check(later, [9])
    check(TokenStore(store.folder, ROWS), [9])


@pytest.mark.parametrize("place", [-1, 1, 1 << 40, (1 << 40) + 3, (5 << 40) + 2, (1 << 63) - 1])
def test_damaged_places_are_not_there(store: TokenStore, place: int) -> None:
    write(store, [3])
    with (store.folder / PLACES).open("r+b") as file:
        file.seek(8 * 4)
        file.write(np.int64(place).tobytes())
    later = TokenStore(store.folder, ROWS)
    assert later.read(4) is None
    check(later, [3])


def test_a_file_of_places_that_was_cut_is_filled_up(store: TokenStore) -> None:
    write(store, [3, 90])
    os.truncate(store.folder / PLACES, 8 * 50)
    later = TokenStore(store.folder, ROWS)
    assert later.read(3) is None
    write(later, [90])
    check(later, [3, 90])


WRITER = """
import sys
from pathlib import Path
from tests.unit.collate.test_store import ROWS, TokenStore, write
store = TokenStore(Path(sys.argv[1]), 10_000)
print("begun", flush=True)
row = int(sys.argv[2])
while True:
    write(store, [row % 10_000, (row + 1) % 10_000])
    row += 2
"""


@pytest.mark.slow
def test_writers_that_are_killed_leave_no_wrong_tokens(tmp_path: Path) -> None:
    for turn in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "tokens"), str(turn)]
        writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]  # of the same rows
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(0.05 * (turn + 1))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    store = TokenStore(tmp_path / "tokens", 10_000)
    there = np.flatnonzero(store.heads(np.arange(10_000))[:, 0] >= 0).tolist()
    assert len(there) > 10
    check(store, there)


LIMITED = """
import resource, sys
from pathlib import Path
from tests.unit.collate.test_store import ROWS, TokenStore, check, write
store = TokenStore(Path(sys.argv[1]), ROWS)
write(store, [1, 2])
resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))  # places take 800 bytes
try:
    for row in range(10, ROWS):
        write(store, [row])
        last = row
except OSError as error:
    print(last, error.strerror)
check(store, [1, 2, *range(10, last + 1)])
"""


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_leaves_what_was_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "tokens")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last, _, why = done.stdout.partition(" ")
    assert why.strip() == "File too large"
    store = TokenStore(tmp_path / "tokens", ROWS)
    check(store, [1, 2, *range(10, int(last) + 1)])
    assert store.read(int(last) + 1) is None
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 900


def test_two_rows_written_with_each_others_places_are_not_mixed_up(store: TokenStore) -> None:
    write(store, [3, 4])
    path = store.folder / PLACES
    places = np.fromfile(path, np.int64)
    places[[3, 4]] = places[[4, 3]]
    places.tofile(path)
    later = TokenStore(store.folder, ROWS)
    assert (later.read(3), later.read(4)) == (None, None)


def test_a_file_that_another_process_made_in_the_meantime_is_not_written_to(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))  # both look before either has made its file
    other = TokenStore(store.folder, ROWS)
    write(store, [3])
    write(other, [4])
    write(store, [5])
    check(TokenStore(store.folder, ROWS), [3, 4, 5])

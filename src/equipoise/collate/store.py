"""Tokens of rows in files that processes share: written once, mapped by all, and never trusted unseen.

A folder holds `places`, one 64-bit word for each row, and files of tokens to which one process each appends. The word
of a row names a file and an offset in it; 0 is "not yet". Tokens are written before their place, and every reading
checks a sum over the row's number and tokens, so whatever a kill, a loss of power or a race of two writers leaves is at
worst "not yet". A store is a cache: what it does not have is tokenised again.
"""

import mmap
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]

PLACES: Final = "places"
_WORD: Final = 4  # bytes of a token
_PLACE: Final = 8  # bytes of a place
_HEAD: Final = 4  # words before the tokens: check sum, input tokens, target tokens, findings
_BITS: Final = 40  # of a place, for the offset in a file; the others number the file, from 1
_MOST_FILES: Final = 1 << 22
_BINARY: Final[int] = getattr(os, "O_BINARY", 0)  # Windows would change line ends


class TokenStore:
    """Tokens of the inputs and targets of rows, by row number.

    Any number of processes may read and write at once. Pickles hold the path alone.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are; it is made by the first writing.
    rows : int
        The number of rows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = TokenStore(Path(folder) / "tokens", rows=100)
    ...     store.write(np.array([7]), [(np.array([5, 6, 1], np.int32), np.array([8, 1], np.int32), 0)])
    ...     other = TokenStore(Path(folder) / "tokens", rows=100)  # perhaps in another process
    ...     [part.tolist() for part in other.read(7)], other.read(8)
    ([[5, 6, 1], [8, 1]], None)
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder = folder
        self.rows = rows
        self._places: NDArray[np.int64] | None = None
        self._files: dict[int, Tokens] = {}
        self._writer: _Writer | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.rows)

    def read(self, row: int) -> tuple[Tokens, Tokens] | None:
        """Return the tokens of the input and the target of a row; None if they are not there yet."""
        record = self._record(row)
        if record is None:
            return None
        end = _HEAD + int(record[1])
        return record[_HEAD:end], record[end:]

    def heads(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of the input and of the target, and the findings, of rows: shape (rows, 3).

        All are -1 for a row that is not there yet.
        """
        heads = np.full((len(rows), 3), -1, np.int64)
        for number, row in enumerate(rows.tolist()):
            record = self._record(row)
            if record is not None:
                heads[number] = record[1:_HEAD]
        return heads

    def write(self, rows: NDArray[np.int64], tokens: Sequence[tuple[Tokens, Tokens, int]]) -> None:
        """Append the input, target and findings of rows, then their places.

        Raises
        ------
        OSError
            If the disk is full, or the folder cannot be written; what was written before stays.
        """
        if self._writer is None:
            self._writer = _Writer(self.folder, self.rows)
        self._writer.write(rows, [_record_of(row, *each) for row, each in zip(rows.tolist(), tokens, strict=True)])

    def _record(self, row: int) -> Tokens | None:
        """Return the words of a row, if they are there and whole."""
        if self._places is None:
            self._places = _mapped(self.folder / PLACES, np.int64, self.rows)
            if self._places is None:
                return None
        place = int(self._places[row])
        if place <= 0:
            return None
        number, offset = place >> _BITS, place & ((1 << _BITS) - 1)
        head = self._words(number, offset, _HEAD)
        if head is None:
            return None
        check, inputs, targets, _ = head.tolist()
        if inputs < 0 or targets < 0:
            return None
        record = self._words(number, offset, _HEAD + inputs + targets)
        return record if record is not None and _check_sum(row, record) == check else None

    def _words(self, number: int, offset: int, count: int) -> Tokens | None:
        """Return words of a file of tokens, which may have grown since it was mapped."""
        words = self._files.get(number)
        if words is None or len(words) < offset + count:
            words = _mapped(self.folder / _name(number), np.int32)
            if words is None or len(words) < offset + count:
                return None
            self._files[number] = words
        return words[offset : offset + count]


class _Writer:
    """The file of tokens of one process, and the places of all."""

    def __init__(self, folder: Path, rows: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._places = os.open(folder / PLACES, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        if os.fstat(self._places).st_size < rows * _PLACE:
            os.truncate(self._places, rows * _PLACE)  # longer, with zeros that take no room on disk
        self.number, self._tokens = _new_file(folder)
        self._end = 0  # words

    def __del__(self) -> None:
        for handle in (getattr(self, "_places", None), getattr(self, "_tokens", None)):
            if handle is not None:
                os.close(handle)

    def write(self, rows: NDArray[np.int64], records: Sequence[Tokens]) -> None:
        """Append records, then let the places of their rows name them."""
        if not records:
            return
        lengths = np.fromiter(map(len, records), np.int64, len(records))
        offsets = self._end + np.cumsum(lengths) - lengths
        _write(self._tokens, np.concatenate(records), self._end * _WORD)
        self._end += int(lengths.sum())
        order = np.argsort(rows)
        places = (offsets | self.number << _BITS)[order]
        # Not through a map: where the disk is full, that would end the process.
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows[order]) != 1) + 1):
            _write(self._places, places[run], int(rows[order[run[0]]]) * _PLACE)


def _record_of(row: int, inputs: Tokens, targets: Tokens, findings: int) -> Tokens:
    record = np.concatenate([np.array([0, len(inputs), len(targets), findings], np.int32), inputs, targets])
    record[0] = _check_sum(row, record)
    return record


def _check_sum(row: int, record: Tokens) -> int:
    """Return a sum over a row's number and all words of its record but the first, as a signed 32-bit number."""
    sum_of = zlib.crc32(record[1:].data, row & 0xFFFFFFFF)
    return sum_of - (1 << 32) if sum_of >= 1 << 31 else sum_of


def _name(number: int) -> str:
    return f"tokens-{number}"


def _new_file(folder: Path) -> tuple[int, int]:
    """Make the next file of tokens; return its number and handle."""
    number = 1 + max((int(each.name.rpartition("-")[2]) for each in folder.glob("tokens-*")), default=0)
    while number < _MOST_FILES:
        try:
            return number, os.open(folder / _name(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        except FileExistsError:  # another process was faster
            number += 1
    raise OSError(f"`{folder}` holds {_MOST_FILES:,} files; remove it")


def _write(handle: int, array: NDArray[Any], at: int) -> None:
    data = memoryview(array.tobytes())
    os.lseek(handle, at, os.SEEK_SET)
    while data:
        data = data[os.write(handle, data) :]


def _mapped(path: Path, dtype: Any, length: int | None = None) -> Any:
    """Map a file for reading: as many values as it holds, or exactly `length`; None if it is missing or shorter."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            item = np.dtype(dtype).itemsize
            count = size // item if length is None else length
            if not count or size < count * item:
                return None
            return np.frombuffer(mmap.mmap(file.fileno(), count * item, access=mmap.ACCESS_READ), dtype)
    except OSError:
        return None

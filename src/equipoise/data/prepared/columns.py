"""A coded column on disk: written batch by batch in little memory, and mapped by all who read it."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from equipoise.base.arrow import pc
from equipoise.data.coded import CodedColumn, numbered, text_bytes, text_hashes
from equipoise.data.spellings import normal_form, same_spelling
from equipoise.errors import DataError

_CODES: Final = "<i4"
_HASHES: Final = "<u8"
_AT_ONCE: Final = 1 << 20  # rows
_MOST_NAMES: Final = (1 << 31) - 1  # what a code can number
_FEW: Final = 1 << 16  # distinct strings, which are sorted and read into memory
_UNIQUE: Final = frozenset({"input", "id"})  # hardly any string repeats: finding those that do in a batch is no gain
_SORTED: Final = frozenset({"task", "split"})  # as in records in memory
_SPELLED: Final = frozenset({"input", "group"})


class ColumnWriter:
    """Writes a column of strings; equal strings of different batches are found by their hashes at the end.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder, which must exist.
    field : str
        The field of the records: the name of the files.
    """

    def __init__(self, folder: Path, field: str) -> None:
        self._folder, self._field = folder, field
        self._files = ExitStack()  # closed by `finish`, or by `close` where the rows cannot be used
        self._texts, self._offsets, self._hashes, self._codes = (
            self._files.enter_context(self._part(name).open("wb")) for name in ("texts", "offsets", "hashes", "codes")
        )
        self._offsets.write(np.zeros(1, "<i8").tobytes())
        self._names = self._bytes = 0
        self._respelled: list[npt.NDArray[np.int64]] = []
        self._forms: list[npt.NDArray[np.uint64]] = []

    def add(self, column: pa.ChunkedArray) -> None:
        """Append the strings of a batch, large strings with nulls.

        Raises
        ------
        DataError
            If they are more than codes can number.
        """
        for chunk in column.chunks:
            if self._field in _UNIQUE:
                given = chunk.is_valid().to_numpy(zero_copy_only=False)
                names, codes = chunk.drop_null(), np.where(given, np.cumsum(given) - 1, -1)
            else:
                encoded = chunk.dictionary_encode()
                names, codes = encoded.dictionary, encoded.indices.fill_null(-1).to_numpy()
            if self._names + len(names) > _MOST_NAMES:
                found = f"have more than {_MOST_NAMES:,} texts in the field `{self._field}`"
                raise DataError("too-many-rows", f"The rows {found}. Leave some out, or sample them before.")
            self._codes.write(np.where(codes < 0, -1, codes + self._names).astype(_CODES).tobytes())
            self._add_names(names)

    def add_nulls(self, count: int) -> None:
        """Append rows without a string."""
        self._codes.write(np.full(count, -1, _CODES).tobytes())

    def finish(self) -> None:
        """Write the files that `open_column` maps; of a column without a string there are none."""
        self._files.close()
        if self._names:
            hashes = _mapped(self._part("hashes"), _HASHES).reshape(-1, 2)
            order = np.argsort(hashes[:, 0], kind="stable")
            first = _first_equals(hashes, order)
            texts = _texts(self._part("offsets"), self._part("texts"), self._names)
            if self._field in _SORTED or _distinct(first) <= _FEW:
                places, distinct = numbered(first, len(first))
                names = texts.take(pa.array(distinct))
                self._write(CodedColumn(names, places.astype(np.int32, copy=False), hashes[distinct]).sorted())
            else:
                self._write(CodedColumn(texts, first, hashes, self._spellings(texts, hashes, order, first)))
        for name in ("texts", "offsets", "hashes", "codes"):
            self._part(name).unlink()

    def close(self) -> None:
        """Give up: close the files."""
        self._files.close()

    def _add_names(self, names: pa.Array) -> None:
        ends, data = text_bytes(names)
        if len(names):
            self._texts.write(data[int(ends[0]) : int(ends[-1])])
            self._offsets.write((ends[1:] - ends[0] + self._bytes).astype("<i8").tobytes())
            self._bytes += int(ends[-1] - ends[0])
        self._hashes.write(text_hashes(names).astype(_HASHES, copy=False).tobytes())
        if self._field in _SPELLED:
            normal = normal_form(names)
            other = pc.not_equal(normal, names)
            self._respelled.append(self._names + np.flatnonzero(other.to_numpy(zero_copy_only=False)))
            self._forms.append(text_hashes(normal.filter(other)))
        self._names += len(names)

    def _write(self, places: CodedColumn) -> None:
        """Write the files of the column: the strings of `places`, which has the place of each one that was added."""
        hashes, spellings = places.hashes, places.spellings
        assert hashes is not None
        codes = _mapped(self._part("codes"), _CODES)
        with _file(self._folder, self._field, "codes").open("wb") as file:
            for start in range(0, len(codes), _AT_ONCE):
                part = codes[start : start + _AT_ONCE]
                file.write(np.where(part < 0, -1, places.codes[part]).astype(_CODES, copy=False).tobytes())
        with _file(self._folder, self._field, "hashes").open("wb") as file:
            for start in range(0, len(hashes), _AT_ONCE):
                file.write(hashes[start : start + _AT_ONCE].tobytes())
        if spellings is not None:
            _file(self._folder, self._field, "spellings").write_bytes(spellings.astype(_CODES, copy=False).tobytes())
        batch = pa.record_batch([places.names], names=[self._field])
        with (
            pa.OSFile(str(_file(self._folder, self._field, "arrow")), "wb") as sink,
            pyarrow.ipc.new_file(sink, batch.schema) as writer,
        ):
            writer.write_batch(batch)

    def _spellings(
        self,
        texts: pa.Array,
        hashes: npt.NDArray[np.uint64],
        order: npt.NDArray[np.int64],
        first: npt.NDArray[np.int32],
    ) -> npt.NDArray[np.int32] | None:
        """Find which strings are one in several spellings, see `same_spelling`; None if it was not asked for."""
        if self._field not in _SPELLED:
            return None
        stands_for = np.arange(len(first), dtype=np.int32)
        respelled = np.concatenate([np.empty(0, np.int64), *self._respelled])
        forms = np.concatenate([np.empty((0, 2), np.uint64), *self._forms])
        kept = first[respelled] == respelled
        respelled, forms = respelled[kept], forms[kept]
        if len(respelled):
            written = _find(hashes, order, forms)  # the string that is written as the normal form of another
            with_forms = np.lexsort((forms[:, 1], forms[:, 0]))
            same = (forms[with_forms][1:] == forms[with_forms][:-1]).all(axis=1)
            several = np.zeros(len(respelled), np.bool_)
            several[with_forms[1:][same]] = several[with_forms[:-1][same]] = True
            members = np.union1d(respelled[several | (written >= 0)], first[written[written >= 0]])
            stands_for[members] = members[same_spelling(texts.take(pa.array(members)))]
        return stands_for

    def _part(self, name: str) -> Path:
        return self._folder / f".{self._field}.{name}"


def open_column(folder: Path, field: str) -> CodedColumn | None:
    """Map a column that `ColumnWriter` has written; None if the field has no string."""
    if not _file(folder, field, "arrow").exists():
        return None
    codes, hashes, spellings = (_file(folder, field, name) for name in ("codes", "hashes", "spellings"))
    with pa.memory_map(str(_file(folder, field, "arrow"))) as source:
        names = pyarrow.ipc.open_file(source).get_batch(0).column(0)
    return CodedColumn(
        names,
        _mapped(codes, _CODES),
        _mapped(hashes, _HASHES).reshape(-1, 2),
        _mapped(spellings, _CODES) if spellings.exists() else None,
    )


def _first_equals(hashes: npt.NDArray[np.uint64], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return for each hash the first that is equal; `order` sorts their first halves, and is stable."""
    first = np.arange(len(hashes), dtype=np.int32)
    doubtful: list[npt.NDArray[np.int64]] = []
    leader, half = 0, None  # of the hashes whose first halves are equal, the first; where the last piece ended
    for start in range(0, len(order), _AT_ONCE):
        members = order[start : start + _AT_ONCE]
        halves = hashes[members, 0]
        begins = np.append(half is None or halves[0] != half, halves[1:] != halves[:-1])
        at = np.flatnonzero(begins)
        leaders = np.append(leader, members[at])[np.cumsum(begins)]
        differ = hashes[members, 1] != hashes[leaders, 1]
        if differ.any():  # one in a million times, with as many rows as codes can number
            doubtful.append(np.unique(halves[differ]))
        first[members] = leaders
        leader, half = int(leaders[-1]), halves[-1]
    for equal in np.concatenate([np.empty(0, np.uint64), *doubtful]):
        begin, end = (np.searchsorted(hashes[:, 0], equal, side, sorter=order) for side in ("left", "right"))
        members = order[begin:end]
        _, firsts, places = np.unique(hashes[members, 1], return_index=True, return_inverse=True)
        first[members] = members[firsts][places]
    return first


def _distinct(first: npt.NDArray[np.int32]) -> int:
    """Count the hashes that are the first of their kind."""
    return sum(
        int(np.count_nonzero(first[start : start + _AT_ONCE] == np.arange(start, min(start + _AT_ONCE, len(first)))))
        for start in range(0, len(first), _AT_ONCE)
    )


def _find(
    hashes: npt.NDArray[np.uint64], order: npt.NDArray[np.int64], wanted: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Return for each wanted hash the place of an equal one, or -1."""
    places = np.minimum(np.searchsorted(hashes[:, 0], wanted[:, 0], sorter=order), len(order) - 1)
    found = order[places]
    # Halves that are equal by chance are less likely than a wrong bit in memory, and only lose a warning.
    return np.where((hashes[found] == wanted).all(axis=1), found, -1)


def _texts(offsets: Path, data: Path, length: int) -> pa.Array:
    return pa.LargeStringArray.from_buffers(length, _buffer(offsets), _buffer(data))


def _mapped(path: Path, dtype: str) -> npt.NDArray[Any]:
    return np.frombuffer(_buffer(path), dtype)


def _buffer(path: Path) -> pa.Buffer:
    if not path.stat().st_size:  # which cannot be mapped
        return pa.py_buffer(b"")
    with pa.memory_map(str(path)) as file:
        return file.read_buffer()


def _file(folder: Path, field: str, name: str) -> Path:
    return folder / f"{field}.{name}"

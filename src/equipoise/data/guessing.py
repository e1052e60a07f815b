"""Guess from names and values which column is which field, and say why."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.arrow import as_text, is_blank, pc
from equipoise.data.columns import FIELDS, canonical_splits
from equipoise.data.infer import infer_kind
from equipoise.data.readers.options import DEFAULT_OPTIONS, ReadOptions
from equipoise.data.readers.source import FileSource, Source
from equipoise.data.readers.sources import find_sources
from equipoise.errors import DataError

_ROWS: Final = 20_000  # that are looked at
_DELIMITERS: Final = (";", "\t", "|")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "task": ("task_name", "dataset", "problem"),
    "split": ("set", "subset", "partition", "fold"),
    "group": (
        *("group_id", "patient", "patient_id", "subject", "subject_id", "user", "user_id", "author", "author_id"),
        *("document_id", "doc_id", "person_id", "customer_id", "session_id", "speaker_id", "encounter_id"),
    ),
    "id": ("row_id", "example_id", "record_id", "uid", "uuid", "guid", "idx", "index"),
    "input": (
        *("text", "inputs", "input_text", "sentence", "question", "prompt", "document", "content", "body", "note"),
        *("report", "abstract", "message", "review", "comment", "tweet", "utterance", "query", "source", "instruction"),
        *("description", "title", "article", "context", "dialogue"),
    ),
    "target": (
        *("label", "labels", "targets", "target_text", "class", "category", "y", "output", "answer", "response"),
        *("completion", "summary", "intent", "sentiment", "diagnosis", "outcome", "topic", "rating", "stars", "grade"),
    ),
}
_NAMELESS: Final = frozenset({"target", *_NAMES["target"][:11]})  # which say nothing of the task
_MOST_SCORES: Final = 20  # more different numbers are measurements, such as ages
_NUMBER: Final = r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"


class Guess(NamedTuple):
    """A key of a configuration, the value that the data suggest, and why."""

    key: str
    value: Any
    why: str

    def __str__(self) -> str:
        """Return a sentence for a terminal."""
        return f"Guessed {self.key}: {self.value}. Why: {self.why}."


@dataclasses.dataclass(frozen=True)
class _Column:
    """What a column holds: the values of the first rows, and how often each occurs."""

    name: str
    values: pa.Array
    counts: NDArray[np.int64]
    blanks: int
    length: float  # of a value, in characters, on average

    @property
    def plain_name(self) -> str:
        return re.sub(r"[\s_-]+", "_", self.name.strip().casefold())

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def is_label(self) -> bool:
        """Whether the values look like labels: at least two, which repeat, and which are no measurements."""
        if len(self.counts) < 2 or infer_kind(self.counts)[0] != "classification":
            return False
        return len(self.counts) <= _MOST_SCORES or not pc.all(pc.match_substring_regex(self.values, _NUMBER)).as_py()

    @property
    def is_unique(self) -> bool:
        return len(self.counts) == self.rows

    @property
    def is_text(self) -> bool:
        """Whether the values look like texts: words rather than numbers or single words."""
        spaces = pc.mean(pc.cast(pc.match_substring(self.values, " "), pa.float64())).as_py()
        return bool(spaces is not None and spaces > 0.5)


def guess_columns(source: object, given: Mapping[str, Any], how: ReadOptions = DEFAULT_OPTIONS) -> list[Guess]:
    r"""Guess how a source is read: its columns, the task of rows without one, the delimiter, and missing targets.

    Names come first, as in `FIELDS` and in wide use ("text", "label", "patient_id"). A column whose name says nothing
    is judged by the values of the first 20,000 rows: the input is the longest text, and the targets are those that
    repeat. Several columns of targets are a task each.

    Parameters
    ----------
    source
        As in `equipoise.data.read_records`.
    given : mapping of str to object
        What is known by key, as in ``{"data.columns.input": "text"}``, and is not guessed.
    how : ReadOptions
        How files are read.

    Returns
    -------
    list of Guess
        What differs from the defaults.

    Raises
    ------
    DataError
        If the source cannot be read, or no column can be the input or the target.

    Examples
    --------
    >>> rows = [{"text": f"case {row} is fine", "mood": "glad" if row % 3 else "sad"} for row in range(9)]
    >>> for guess in guess_columns(rows, {}):
    ...     print(guess.key, guess.value)
    data.columns.input text
    data.columns.target mood
    data.default_task mood
    """
    found = find_sources(source, how)
    guesses: list[Guess] = []
    names = found[0].text_columns()
    if how.delimiter is None and len(names) == 1:
        delimiter = next((each for each in _DELIMITERS if each in names[0]), None)
        if delimiter is not None and isinstance(found[0], FileSource):
            how = dataclasses.replace(how, delimiter=delimiter)
            guesses.append(Guess("data.delimiter", delimiter, f"the header has no comma but {delimiter!r}"))
            found = find_sources(source, how)
            names = found[0].text_columns()
    columns = _sample(found, names)
    if not columns or not max(column.rows for column in columns):
        raise DataError("no-rows", f"{found[0].name}: no rows were found.")
    return guesses + _Guesser(columns, given, found).guesses()


def _sample(sources: Sequence[Source], names: Sequence[str]) -> list[_Column]:
    """Return the columns of the first rows as texts; NaN is no value."""
    texts: dict[str, list[pa.ChunkedArray]] = {name: [] for name in names}
    left = _ROWS
    for source in sources:
        whole = dataclasses.replace(source, nullable=frozenset(names))
        for batch in whole.batches([], names):
            for name in batch.column_names:
                column = batch.column(name).slice(0, left)
                texts[name].append(as_text(column, partial(_wrong, source, name)))
            left -= batch.num_rows
            if left <= 0:
                break
        if left <= 0:
            break
    return [_column(name, parts) for name, parts in texts.items() if parts]


def _column(name: str, parts: Iterable[pa.ChunkedArray]) -> _Column:
    column = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.large_string())
    blank = is_blank(column)
    kept = column.filter(pc.invert(blank))
    counted = pc.value_counts(kept)
    length = pc.mean(pc.utf8_length(kept)).as_py() or 0.0
    counts = counted.field("counts").to_numpy(zero_copy_only=False).astype(np.int64)
    return _Column(name, counted.field("values"), counts, len(column) - len(kept), length)


class _Guesser:
    """Fills one field after another; what a field has taken is no other's."""

    def __init__(self, columns: Sequence[_Column], given: Mapping[str, Any], sources: Sequence[Source]) -> None:
        self._columns = {column.name: column for column in columns}
        self._given, self._source, self._title = given, sources[0], _title(sources)
        named = {field: given.get(f"data.columns.{field}") for field in FIELDS}
        self._field = {field: name or (field if field in self._columns else None) for field, name in named.items()}
        self._tasks: tuple[str, ...] = tuple(given.get("data.columns.tasks", ()))
        self._found: list[Guess] = []

    def guesses(self) -> list[Guess]:
        rows = max(column.rows for column in self._columns.values())
        self._by_name("task", lambda each: each.is_label or len(each.counts) == 1, "its name")
        self._by_name("split", lambda each: _are_splits(each.values), "its values are names of splits")
        self._by_name(
            "group", lambda each: not each.is_unique, "its name; rows with the same value belong together, in one split"
        )
        self._by_name("id", lambda each: each.is_unique and each.rows == rows, "each row has a value of its own")
        self._input()
        if not self._tasks:
            self._target()
        if self._tasks:
            self._field["target"] = None
        self._task()
        self._missing()
        return self._found

    def _free(self) -> list[_Column]:
        taken = {*self._tasks, *(name for name in self._field.values() if name is not None)}
        return [column for column in self._columns.values() if column.name not in taken]

    def _take(self, field: str, column: _Column, why: str) -> None:
        self._field[field] = column.name
        self._found.append(Guess(f"data.columns.{field}", column.name, why))

    def _by_name(self, field: str, fits: Callable[[_Column], bool], why: str) -> None:
        if self._field[field] is None:
            for column in self._free():
                if column.plain_name in _NAMES[field] and fits(column):
                    self._take(field, column, why)
                    return

    def _input(self) -> None:
        if self._field["input"] is not None:
            return
        free = [column for column in self._free() if column.rows]
        named = [column for column in free if column.plain_name in _NAMES["input"] and not column.is_label]
        texts = [column for column in free if column.is_text]
        if not (named or texts):
            self._refuse("input", "the texts", free)
        chosen = max(named or texts, key=lambda each: each.length)
        of = "its name" if named else "of the columns of texts it has the longest"
        self._take("input", chosen, f"{of} ({chosen.length:.0f} characters on average)")

    def _target(self) -> None:
        if self._field["target"] is not None:
            return
        free = [column for column in self._free() if column.rows]
        named = [column for column in free if column.plain_name in _NAMES["target"]]
        labels = [column for column in free if column.is_label]
        if len(named) == 1:
            self._take("target", named[0], f"its name; {_values(named[0])}")
        elif len(chosen := [each for each in named if each.is_label] or labels) == 1:
            self._take("target", chosen[0], f"its values repeat ({_values(chosen[0])})")
        elif chosen:
            self._tasks = tuple(column.name for column in chosen)
            listed = ", ".join(f"`{each.name}`: {_values(each)}" for each in chosen[:5])
            why = f"the values of each repeat ({listed}), so each is a task; leave out those that are none"
            self._found.append(Guess("data.columns.tasks", list(self._tasks), why))
        elif texts := [column for column in free if column.is_text]:
            self._take("target", texts[0], "a column of texts beside the input, which do not repeat")
        else:
            self._refuse("target", "the labels, or the texts to generate", free)

    def _task(self) -> None:
        if self._tasks or self._field["task"] is not None or self._given.get("data.default_task"):
            return
        target = self._columns.get(self._field["target"] or "")
        if target is not None and target.plain_name not in _NAMELESS:
            name, why = target.name, "no column names a task, so all rows are of one: that of the target's column"
        else:
            name, why = self._title, "no column names a task, so all rows are of one, called as the data"
        self._found.append(Guess("data.default_task", name, why))

    def _missing(self) -> None:
        target = self._columns.get(self._field["target"] or "")
        if target is not None and target.blanks and "data.missing_labels" not in self._given:
            rows = "row has" if target.blanks == 1 else "rows have"
            why = f"{target.blanks:,} of the first {target.blanks + target.rows:,} {rows} no target, and are skipped"
            self._found.append(Guess("data.missing_labels", "skip", why))

    def _refuse(self, field: str, what: str, free: Sequence[_Column]) -> None:
        listed = ", ".join(f"`{column.name}`" for column in free) or "none"
        sentence = f"no column looks like {what}, found {listed}. Name it with `Columns({field}=...)`."
        raise self._source.error("cannot-guess", sentence)


def _values(column: _Column) -> str:
    return f"{len(column.counts):,} different values in {column.rows:,} rows"


def _title(sources: Sequence[Source]) -> str:
    """Return the name of a file, or of the folder of several, unless it is that of a split; else "task"."""
    first = sources[0]
    if not isinstance(first, FileSource):
        return "task"
    stem = (first.path if len(sources) == 1 else first.path.absolute().parent).name.split(".")[0]
    is_split = not canonical_splits(pa.chunked_array([[stem]], pa.large_string())).null_count
    return "task" if is_split or not stem.strip() else stem


def _are_splits(values: pa.Array) -> bool:
    return len(values) > 1 and not canonical_splits(pa.chunked_array([values])).null_count


def _wrong(source: Source, name: str, _: int | None, problem: str) -> DataError:
    return source.error("bad-value", f"column `{name}` {problem}")

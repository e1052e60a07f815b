"""Guess from names and values which column is which field, and say why."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.data.columns import FIELDS, canonical_splits
from equipoise.data.readers.options import DEFAULT_OPTIONS, ReadOptions
from equipoise.data.readers.source import FileSource, Source
from equipoise.data.readers.sources import find_sources
from equipoise.data.sampled import SampledColumn, plain, sample_columns
from equipoise.data.tasks import some_of
from equipoise.errors import DataError

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
LEAST: Final = 0.1
"""The share of inputs with several targets from which on a column that explains them is that of the tasks."""


class Guess(NamedTuple):
    """A key of a configuration, the value that the data suggest, and why."""

    key: str
    value: Any
    why: str

    def __str__(self) -> str:
        """Return a sentence for a terminal."""
        return f"Guessed {self.key}: {self.value}. Why: {self.why}."


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
    columns = sample_columns(found, names)
    if not columns or not max(column.rows for column in columns):
        raise DataError("no-rows", f"{found[0].name}: no rows were found.")
    return guesses + _Guesser(columns, given, found).guesses()


def guess_group(source: object, given: Mapping[str, Any], how: ReadOptions = DEFAULT_OPTIONS) -> str | None:
    """Return the name of a column that looks like groups, or None; arguments and errors as in `guess_columns`.

    Examples
    --------
    >>> rows = [{"text": f"case {row}", "label": "yes", "patient_id": row // 2} for row in range(9)]
    >>> guess_group(rows, {}), guess_group(rows, {"data.columns.group": "text"})
    ('patient_id', None)
    """
    found = find_sources(source, how)
    names = found[0].text_columns()
    called = [name for name in names if plain(name) in _NAMES["group"]]
    if not called or "group" in names:
        return None
    guesser = _Guesser(sample_columns(found, called), given, found)
    guesser.group()
    return next((guess.value for guess in guesser.found), None)


class _Guesser:
    """Fills one field after another; what a field has taken is no other's."""

    def __init__(self, columns: Sequence[SampledColumn], given: Mapping[str, Any], sources: Sequence[Source]) -> None:
        self._columns = {column.name: column for column in columns}
        self._given, self._source, self._title = given, sources[0], _title(sources)
        named = {field: given.get(f"data.columns.{field}") for field in FIELDS}
        self._field = {field: name or (field if field in self._columns else None) for field, name in named.items()}
        self._tasks: tuple[str, ...] = tuple(given.get("data.columns.tasks", ()))
        self.found: list[Guess] = []

    def guesses(self) -> list[Guess]:
        rows = max(column.rows for column in self._columns.values())
        self._by_name("task", lambda each: each.is_label or len(each.counts) == 1, "its name")
        self._by_name("split", lambda each: _are_splits(each.values), "its values are names of splits")
        self.group()
        self._by_name("id", lambda each: each.is_unique and each.rows == rows, "each row has a value of its own")
        self._input()
        if not self._tasks:
            self._target()
        if self._tasks:
            self._field["target"] = None
        self._task()
        self._missing()
        return self.found

    def group(self) -> None:
        """Guess the column of groups."""
        why = "its name; rows with the same value belong together, in one split"
        self._by_name("group", lambda each: not each.is_unique, why)

    def _free(self) -> list[SampledColumn]:
        taken = {*self._tasks, *(name for name in self._field.values() if name is not None)}
        return [column for column in self._columns.values() if column.name not in taken]

    def _take(self, field: str, column: SampledColumn, why: str) -> None:
        self._field[field] = column.name
        self.found.append(Guess(f"data.columns.{field}", column.name, why))

    def _by_name(self, field: str, fits: Callable[[SampledColumn], bool], why: str) -> None:
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
            self.found.append(Guess("data.columns.tasks", list(self._tasks), why))
        elif texts := [column for column in free if column.is_text]:
            self._take("target", texts[0], "a column of texts beside the input, which do not repeat")
        else:
            self._refuse("target", "the labels, or the texts to generate", free)

    def _task(self) -> None:
        if self._tasks or self._field["task"] is not None or self._given.get("data.default_task"):
            return
        target = self._columns.get(self._field["target"] or "")
        text = self._columns.get(self._field["input"] or "")
        dividing = [] if target is None else [each for each in self._free() if _divides(each, target)]
        if target is not None and text is not None:
            for column in dividing:
                if why := _tells_tasks(column, text, target):
                    self._take("task", column, why)
                    return
        if target is not None and target.plain_name not in _NAMELESS:
            name, why = target.name, "no column names a task, so all rows are of one: that of the target's column"
        else:
            name, why = self._title, "no column names a task, so all rows are of one, called as the data"
        for column in dividing:
            values = some_of(column.values.to_pylist(), 5)
            why += f"; not used: {column.name} ({len(column.values)} values: {values}). If it is the task:"
            why += f" `--task-column {shlex.quote(column.name)}` (`data.columns.task`)"
        self.found.append(Guess("data.default_task", name, why))

    def _missing(self) -> None:
        target = self._columns.get(self._field["target"] or "")
        if target is not None and target.blanks and "data.missing_labels" not in self._given:
            rows = "row has" if target.blanks == 1 else "rows have"
            why = f"{target.blanks:,} of the first {target.blanks + target.rows:,} {rows} no target, and are skipped"
            self.found.append(Guess("data.missing_labels", "skip", why))

    def _refuse(self, field: str, what: str, free: Sequence[SampledColumn]) -> None:
        listed = ", ".join(f"`{column.name}`" for column in free) or "none"
        sentence = f"no column looks like {what}, found {listed}. Name it with `Columns({field}=...)`."
        raise self._source.error("cannot-guess", sentence)


def _divides(column: SampledColumn, target: SampledColumn) -> bool:
    """Whether each target belongs to one value of a column of labels, and each value has several targets."""
    if not (column.is_label and target.is_label) or len(column.codes) != len(target.codes):
        return False
    values = _pairs(target, column)[:, 1]
    return len(values) == len(target.values) and bool((np.bincount(values, minlength=len(column.values)) > 1).all())


def _tells_tasks(column: SampledColumn, text: SampledColumn, target: SampledColumn) -> str:
    """Say why a column that divides the targets has the tasks: it explains why inputs have several; or nothing."""
    if len(text.codes) != len(column.codes):
        return ""
    of_target = dict(_pairs(target, column).tolist())
    pairs = _pairs(text, target)
    inputs = pairs[:, 0]
    cells = inputs * len(column.values) + np.array([of_target.get(each, 0) for each in pairs[:, 1].tolist()], np.int64)
    within = np.unique(_repeated(cells) // len(column.values))  # several targets with one value of the column
    different = _repeated(inputs)
    if len(different) < LEAST * len(text.values) or len(within) > len(different) / 2:
        return ""
    values = some_of(column.values.to_pylist(), 5)
    return (
        f"each target belongs to one of its {len(column.values)} values ({values}), and of {len(different):,} inputs"
        f" with different targets only {len(within):,} have them with one value"
    )


def _pairs(one: SampledColumn, other: SampledColumn) -> NDArray[np.int64]:
    """Return the different pairs of codes of the rows that have both."""
    both = (one.codes >= 0) & (other.codes >= 0)
    return np.unique(np.stack([one.codes[both], other.codes[both]], axis=1), axis=0)


def _repeated(values: NDArray[np.int64]) -> NDArray[np.int64]:
    found, counts = np.unique(values, return_counts=True)
    return found[counts > 1]


def _values(column: SampledColumn) -> str:
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

"""Which column of a source is which field of a record, and the names of the splits."""

import dataclasses
from typing import Final

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.errors import ConfigError, DataError

REQUIRED: Final = ("task", "input", "target")
OPTIONAL: Final = ("group", "split", "id")
FIELDS: Final = (*REQUIRED, *OPTIONAL)
SPLITS: Final = ("train", "validation", "test")
_CANONICAL: Final = {name: name for name in SPLITS} | dict.fromkeys(("val", "valid", "dev", "eval"), "validation")


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns of a source.

    Parameters
    ----------
    task, input, target : str
        Columns of the task's name, the input and the target (for a classification: the label).
    group : str or None
        Column whose rows must stay in one split (a patient, a document). None takes a column named
        "group" if there is one.
    split : str or None
        Column with the split of each row. None takes a column named "split" if there is one.
    id : str or None
        Column that identifies a row. None takes a column named "id" if there is one.

    Raises
    ------
    ConfigError
        If a name is empty, or two of `task`, `input` and `target` are the same column.

    Examples
    --------
    >>> Columns(input="text", target="label").source_of("input")
    'text'
    >>> Columns().source_of("group")
    'group'
    """

    task: str = "task"
    input: str = "input"
    target: str = "target"
    group: str | None = None
    split: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        for field in FIELDS:
            name: object = getattr(self, field)
            if name is None and field in OPTIONAL:
                continue
            if not isinstance(name, str) or not name:
                sentence = f"`columns.{field}` must be the name of a column, found {name!r}."
                raise ConfigError("not-a-column-name", sentence)
        if len({self.task, self.input, self.target}) < 3:
            sentence = "`columns.task`, `columns.input` and `columns.target` must be three columns"
            found = f"{self.task!r}, {self.input!r} and {self.target!r}"
            raise ConfigError("same-column", f"{sentence}, found {found}.")

    def source_of(self, field: str) -> str:
        """Return the source's name for a record's `field`."""
        name: str | None = getattr(self, field)
        return field if name is None else name

    def is_named(self, field: str) -> bool:
        """Return whether `field` was asked for by name, so that its absence is an error."""
        return getattr(self, field) is not None


def check_split(split: str | None) -> None:
    """Raise a DataError unless this is the name of a split, or None."""
    if split is not None and split not in SPLITS:
        raise DataError("unknown-split", f"`split` must be one of {', '.join(SPLITS)}, found {split!r}.")


def canonical_splits(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Map every name of a split to "train", "validation" or "test", whatever its case.

    Parameters
    ----------
    names : pyarrow.ChunkedArray
        Names of splits; nulls stay null.

    Returns
    -------
    pyarrow.ChunkedArray
        The canonical names; null where the name is not known.

    Examples
    --------
    >>> canonical_splits(pa.chunked_array([["Train", "dev", "holdout"]])).to_pylist()
    ['train', 'validation', None]
    """
    known, canonical = (pa.array(each, pa.large_string()) for each in (_CANONICAL.keys(), _CANONICAL.values()))
    plain = pc.cast(pc.utf8_lower(pc.utf8_trim_whitespace(names)), pa.large_string())
    return pc.take(canonical, pc.index_in(plain, value_set=known))

"""Which column of a source is which field of a record, and the names of the splits."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, cast

import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.errors import ConfigError, DataError

REQUIRED: Final = ("task", "input", "target")
OPTIONAL: Final = ("group", "split", "id")
FIELDS: Final = (*REQUIRED, *OPTIONAL)
SPLITS: Final = ("train", "validation", "test")
_CANONICAL: Final = {name: name for name in SPLITS} | dict.fromkeys(("val", "valid", "dev", "eval"), "validation")


def mapping_of(split: str) -> str:
    """Return the advice for an unknown split, such as "Say which of them it is with `splits={'holdout': ...}`."."""
    return f"Say which of them it is with `splits={{{split!r}: ...}}`."


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns of a source.

    Parameters
    ----------
    task : str
        Column with the name of the task.
    input : str
        Column with the input.
    target : str
        Column with the target; for a classification the label.
    group : str or None
        Column whose rows must stay in one split (a patient, a document). None takes a column named
        "group" if there is one.
    split : str or None
        Column with the split of each row. None takes a column named "split" if there is one.
    id : str or None
        Column that identifies a row. None takes a column named "id" if there is one.
    tasks : sequence of str
        For a wide source, which has a column of targets for each task: these columns. Each row becomes one row for each
        of them, with the column's name as its task, as by `pandas.melt`. Where the cell is empty, the row has no target
        of that task, and there is no such row. `task` and `target` are not read. The name
        of the task is added to an id ("17:sepsis").

    Raises
    ------
    ConfigError
        If a name is empty, two of `task`, `input` and `target` are the same column, or a column of `tasks` is duplicate
        or another field.

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
    tasks: tuple[str, ...] = ()

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
        tasks: object = self.tasks
        if not isinstance(tasks, list | tuple) or not all(  # pyright: ignore[reportUnnecessaryIsInstance]
            isinstance(name, str) and name.strip() for name in cast("Sequence[object]", tasks)
        ):
            sentence = f"`columns.tasks` must be a list of the names of columns, found {tasks!r}."
            raise ConfigError("not-a-column-name", sentence)
        object.__setattr__(self, "tasks", tuple(self.tasks))
        taken = [self.input, *(name for name in (self.group, self.split, self.id) if name is not None)]
        for position, name in enumerate(self.tasks):
            if name in (*taken, *self.tasks[:position]):
                sentence = f"`columns.tasks` must be columns of targets, each once, found {name!r} twice or elsewhere."
                raise ConfigError("same-column", sentence)

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


def split_names(given: Mapping[str, str]) -> dict[str, str]:
    """Return which split a name means: the names that are given, before those that are always known.

    Parameters
    ----------
    given : mapping of str to str
        Names of splits in the data, and "train", "validation" or "test" for each.

    Raises
    ------
    ConfigError
        If a name is mapped to what is not a split.

    Examples
    --------
    >>> names = split_names({"held-out": "test", "dev": "test"})
    >>> names["held-out"], names["dev"], names["val"]
    ('test', 'test', 'validation')
    """
    for name, split in given.items():
        if split not in SPLITS:
            message = f"`splits` must map names to {', '.join(SPLITS)}, found {split!r} for {name!r}."
            raise ConfigError("unknown-split", message)
    return _CANONICAL | {name.strip().lower(): split for name, split in given.items()}


def canonical_splits(names: pa.ChunkedArray, known: Mapping[str, str] = _CANONICAL) -> pa.ChunkedArray:
    """Map every name of a split to "train", "validation" or "test", whatever its case.

    Parameters
    ----------
    names : pyarrow.ChunkedArray
        Names of splits; nulls stay null.
    known : mapping of str to str
        What `split_names` returns.

    Returns
    -------
    pyarrow.ChunkedArray
        The canonical names; null where the name is not known.

    Examples
    --------
    >>> canonical_splits(pa.chunked_array([["Train", "dev", "holdout"]])).to_pylist()
    ['train', 'validation', None]
    """
    before, canonical = (pa.array(each, pa.large_string()) for each in (known.keys(), known.values()))
    plain = pc.cast(pc.utf8_lower(pc.utf8_trim_whitespace(names)), pa.large_string())
    return pc.take(canonical, pc.index_in(plain, value_set=before))

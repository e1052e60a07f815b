"""Which column of a source is which field of a record."""

import dataclasses

from equipoise.errors import ConfigError

REQUIRED = ("task", "input", "target")
OPTIONAL = ("group", "split", "id")


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
        for field in (*REQUIRED, *OPTIONAL):
            name: object = getattr(self, field)
            if name is None and field in OPTIONAL:
                continue
            if not isinstance(name, str) or not name:
                raise ConfigError(
                    "not-a-column-name", f"`columns.{field}` must be the name of a column, found {name!r}."
                )
        if len({self.task, self.input, self.target}) < 3:
            raise ConfigError(
                "same-column",
                "`columns.task`, `columns.input` and `columns.target` must be three columns, found "
                f"{self.task!r}, {self.input!r} and {self.target!r}.",
            )

    def source_of(self, field: str) -> str:
        """Return the source's name for a record's `field`."""
        name: str | None = getattr(self, field)
        return field if name is None else name

    def is_named(self, field: str) -> bool:
        """Return whether `field` was asked for by name, so that its absence is an error."""
        return getattr(self, field) is not None

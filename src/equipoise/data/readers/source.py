"""The protocol of sources of rows, and the errors that they share."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from equipoise.base.registry import suggest
from equipoise.errors import DataError


class Source(Protocol):
    """Rows that can be streamed as Arrow tables."""

    @property
    def name(self) -> str:
        """The name of the source in errors: its path, or its type."""
        ...

    @property
    def split(self) -> str | None:
        """The split that all rows belong to because of where they are, or None."""
        ...

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the `required` columns and those of the `optional` ones that exist.

        Raises
        ------
        DataError
            If a required column is missing, or the source cannot be read.
        """
        ...

    def place(self, row: int) -> str:
        """Return the place of a row (counted from 0), in the form that editors use: `file:line`."""
        ...


def missing_column(source: str, name: str, found: Iterable[str]) -> DataError:
    """Return the error for a column that a source does not have.

    Examples
    --------
    >>> print(missing_column("a.csv", "target", ["task", "text", "targets"]))
    a.csv: column `target` is missing, found `task`, `text`, `targets`. Did you mean `targets`? Name it
    with `data.columns` or `Columns(...)`.
    """
    names = list(found)
    listed = ", ".join(f"`{other}`" for other in names) if names else "none"
    hint = suggest(name, names, "`{}`".format)
    return DataError(
        "missing-column",
        f"{source}: column `{name}` is missing, found {listed}.{hint} Name it with `data.columns` or `Columns(...)`.",
    )


def not_utf8(place: str, byte: int, value: int) -> DataError:
    """Return the error for a byte that is not UTF-8, at offset `byte` of the (unpacked) file."""
    return DataError(
        "not-utf8",
        f"{place}: byte 0x{value:02x} at offset {byte} is not UTF-8. Save the file as UTF-8, for example with "
        "`iconv -f LATIN1 -t UTF-8`.",
    )

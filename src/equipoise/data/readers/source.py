"""What every source of rows offers, and the errors that all of them share."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from equipoise.errors import DataError


class Source(Protocol):
    """Rows that can be streamed as Arrow tables."""

    @property
    def name(self) -> str:
        """How errors name the source: its path, or what it is."""
        ...

    @property
    def split(self) -> str | None:
        """The split that all rows belong to because of where they were found, or None."""
        ...

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the `required` columns and those of the `optional` ones that exist.

        Raises
        ------
        DataError
            A required column is missing, or the source cannot be read.
        """
        ...

    def place(self, row: int) -> str:
        """Where a row (counted from 0) is found, as an editor would say it: `file:line`."""
        ...


def missing_column(source: str, name: str, found: Iterable[str]) -> DataError:
    """Build the error for a column that a source does not have.

    Examples
    --------
    >>> print(missing_column("a.csv", "target", ["task", "text", "targets"]))
    a.csv: column `target` is missing, found `task`, `text`, `targets`. Did you mean `targets`? Name the
    columns with `Columns(...)`.
    """
    names = list(found)
    listed = ", ".join(f"`{other}`" for other in names) if names else "none"
    plain = {other.strip().casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), plain, n=1, cutoff=0.6)
    hint = f" Did you mean `{plain[close[0]]}`?" if close else ""
    return DataError(
        f"{source}: column `{name}` is missing, found {listed}.{hint} Name the columns with `Columns(...)`."
    )


def not_utf8(place: str, byte: int, value: int) -> DataError:
    """Build the error for a byte that is not UTF-8, at offset `byte` of the (unpacked) file."""
    return DataError(
        f"{place}: byte 0x{value:02x} at offset {byte} is not UTF-8. Save the file as UTF-8, for example with "
        "`iconv -f LATIN1 -t UTF-8`."
    )

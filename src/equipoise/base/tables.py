"""Tables for the terminal: drawn by rich on a screen, aligned plain text in a pipe or a file."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TextIO, TypeVar

from equipoise.errors import printable_line

LEFT: Final = frozenset({"task", "label"})
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A titled table of strings; the columns named in `left` are left-aligned, all others right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[str] = LEFT

    def to_text(self) -> str:
        """Return the table as aligned plain text.

        Examples
        --------
        >>> print(Table("Census", ["task", "rows"], [["heart", "649"], ["skin", "25"]]).to_text())
        Census
        task   rows
        heart   649
        skin     25
        """
        return "\n".join([self.title, *aligned(self.columns, self.rows, self.left)])


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[str] = LEFT) -> list[str]:
    """Return the lines of a table; the columns named in `left` are left-aligned, all others right-aligned."""
    lines = [list(heads), *([printable_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(heads, line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def aligned_columns(columns: Mapping[str, Callable[[T], str]], rows: Iterable[T]) -> list[str]:
    """Return the lines of a table whose columns are given as functions of a row, by heading."""
    return aligned(list(columns), [[show(row) for show in columns.values()] for row in rows])


def html_table(columns: Mapping[str, Callable[[T], str]], rows: Sequence[T], most: int = 60) -> str:
    """Return the same table as HTML, for notebooks; of more than `most` rows the first ones, and how many follow.

    Examples
    --------
    >>> html_table({"task": str, "rows": lambda name: str(len(name))}, ["a<b"])
    '<table><tr><th>task</th><th>rows</th></tr><tr><td>a&lt;b</td><td>3</td></tr></table>'
    """
    heads = "".join(f"<th>{escape(head)}</th>" for head in columns)
    shown = [
        "".join(f"<td>{escape(printable_line(show(row)))}</td>" for show in columns.values()) for row in rows[:most]
    ]
    body = "".join(f"<tr>{cells}</tr>" for cells in [heads, *shown])
    rest = f"<p>... {len(rows) - most:,} more rows</p>" if len(rows) > most else ""
    return f"<table>{body}</table>{rest}"


def print_table(table: Table, stream: TextIO) -> None:
    """Print a table and an empty line: drawn by rich on a terminal, aligned text elsewhere."""
    if not stream.isatty():
        stream.write(table.to_text() + "\n\n")
        return
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 (only a terminal pays for rich)
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = RichTable(title=Text(table.title), title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for name in table.columns:
        drawn.add_column(Text(name), justify="left" if name in table.left else "right")
    for row in table.rows:
        drawn.add_row(*(Text(printable_line(cell)) for cell in row))  # Text, not markup: a label may hold brackets
    console = Console(file=stream)
    console.print(drawn)
    console.print()

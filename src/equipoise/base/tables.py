"""Tables for the terminal: drawn by rich on a screen, aligned plain text in a pipe or a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from equipoise.errors import printable_line


@dataclass(frozen=True)
class Table:
    """A titled table of texts; the columns named in `left` are aligned to the left, all others right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[str] = field(default_factory=lambda: frozenset({"task", "label"}))

    def to_text(self) -> str:
        """Aligned plain text.

        Examples
        --------
        >>> print(Table("Census", ["task", "rows"], [["heart", "649"], ["skin", "25"]]).to_text())
        Census
        task   rows
        heart   649
        skin     25
        """
        lines = [list(self.columns), *([printable_line(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        aligned = (
            "  ".join(
                text.ljust(width) if name in self.left else text.rjust(width)
                for text, width, name in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        )
        return "\n".join([self.title, *aligned])


def print_table(table: Table, stream: TextIO) -> None:
    """Print a table and an empty line; drawn if the stream is a terminal, aligned text otherwise."""
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

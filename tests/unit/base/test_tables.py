"""Tables: plain text in a pipe, drawn on a terminal, and no markup out of labels."""

import io

from equipoise.base.tables import Table, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


TABLE = Table("Census [bold]", ["task", "rows"], [["[red]heart[/red]", "649"], ["skin", "25"]])


def test_plain_text_is_aligned() -> None:
    stream = io.StringIO()
    print_table(TABLE, stream)
    lines = ["Census [bold]", "task              rows", "[red]heart[/red]   649", f"skin{25:18}", "", ""]
    assert stream.getvalue() == "\n".join(lines)


def test_a_terminal_gets_a_drawn_table_with_brackets_as_they_are() -> None:
    stream = Terminal()
    print_table(TABLE, stream)
    text = stream.getvalue()
    assert "[red]heart[/red]" in text
    assert "Census [bold]" in text
    assert "\u2500" in text

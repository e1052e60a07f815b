"""The errors and warnings that Equipoise raises: one base class for each.

Every message names the thing, says what was expected and what was found, and says what to do. What it quotes from
data is escaped, so that a label cannot drive the terminal that shows it.
"""

import re
from typing import Any, Final

MOST_CHARACTERS: Final = 20_000
"""Of one message; what is longer is cut in the middle."""

# Controls (ESC drives a terminal), marks that reorder text on a screen, separators that break lines, and halves of
# surrogate pairs, which no stream can write. The end of a line stays: messages have several.
_UNSAFE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class EquipoiseError(Exception):
    """Base of every error that Equipoise raises on purpose.

    Parameters
    ----------
    code : str
        A stable name of what is wrong, in lower case with hyphens: the words of a message may change, a code does not.
    message : str
        What was expected, what was found and what to do. Control characters are escaped, and a very long message is
        cut in the middle.

    Examples
    --------
    >>> error = PlanError("no-draws", "`draws` must be an integer above 0, found 0.")
    >>> error.code, str(error)
    ('no-draws', '`draws` must be an integer above 0, found 0.')
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        code, message = ("uncoded", code) if message is None else (code, message)
        super().__init__(_safe_message(message))
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:  # pickle would call the class with the message alone
        return type(self), (self.code, str(self)), self.__dict__


class DataError(EquipoiseError, ValueError):
    """A data file or table is not what it was said to be."""


class ConfigError(EquipoiseError, ValueError):
    """A configuration or an argument of the command line cannot be used."""


class PlanError(EquipoiseError, ValueError):
    """A census, a scheme or a plan asks for something that cannot be drawn."""


class StateError(EquipoiseError, ValueError):
    """A saved state does not belong to the plan, seed or dataset that it is loaded into."""


class RunError(EquipoiseError, RuntimeError):
    """A run directory, a checkpoint or a model cannot be used."""


class EquipoiseWarning(UserWarning):
    """Base of every warning that Equipoise gives; `code` and message as for `EquipoiseError`."""

    def __init__(self, code: str, message: str | None = None) -> None:
        code, message = ("uncoded", code) if message is None else (code, message)
        super().__init__(_safe_message(message))
        self.code = code


class DataWarning(EquipoiseWarning):
    """The data can be used, but something in it will surprise."""


class PlanWarning(EquipoiseWarning):
    """The plan can be drawn, but something in it will surprise."""


class RunWarning(EquipoiseWarning):
    """The run can be used, but something in its directory will surprise."""


def printable(text: str) -> str:
    r"""Write what a terminal would obey, or could not show, as escapes.

    Parameters
    ----------
    text : str
        A message or a table, perhaps with names and values from data in it; ends of lines stay.

    Returns
    -------
    str
        The same where nothing in it is unsafe; of its own result again the same.

    Examples
    --------
    >>> print(printable("label \x1b[31mred\x1b[0m"))
    label \x1b[31mred\x1b[0m
    >>> printable("sorgfältig 東京") == "sorgfältig 東京"
    True
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printable_line(text: str) -> str:
    r"""Do the same to a text that must stay in its line, such as the cell of a table.

    Examples
    --------
    >>> print(printable_line("two\nlines"))
    two\nlines
    """
    return printable(text).replace("\n", "\\n")


def printable_json(text: str) -> str:
    r"""Escape the same characters in JSON text, so that it means what it did.

    Examples
    --------
    >>> print(printable_json('["right to left: \u202e"]'))
    ["right to left: \u202e"]
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _safe_message(text: str) -> str:
    """Make the message of an error: printable, and cut in the middle where it is very long."""
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2 - 50
        text = f"{text[:half]} [... {len(text) - 2 * half:,} characters ...] {text[-half:]}"
    return printable(text)

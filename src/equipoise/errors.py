"""The errors and warnings of Equipoise, each with a stable code.

Every message says what was expected, what was found and what to do. Values quoted from data are escaped, so that a
label cannot send control sequences to a terminal.
"""

import re
from typing import Any, Final

MOST_CHARACTERS: Final = 20_000
"""Length limit of a message; a longer one is cut in the middle."""

STOPPED: Final = 75
"""Exit code of a process that a signal has stopped and that can be started again: EX_TEMPFAIL of sysexits.h. No shell
and no Python exits with it by itself."""

# Controls (ESC drives a terminal), marks that reorder text on a screen, separators that break lines, and halves of
# surrogate pairs, which no stream can write. The end of a line stays: messages have several.
_UNSAFE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class EquipoiseError(Exception):
    """Base class of the errors that Equipoise raises.

    Parameters
    ----------
    code : str
        A stable name of what is wrong, in lower case with hyphens. Messages may be reworded, codes do
        not change.
    message : str
        What was expected, what was found and what to do. Control characters are escaped, and a very long message is
        cut in the middle.

    Examples
    --------
    >>> error = PlanError("no-draws", "`draws` must be an integer above 0, found 0.")
    >>> error.code, str(error)
    ('no-draws', '`draws` must be an integer above 0, found 0.')
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(_safe_message(message))
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:  # pickle would call the class with the message alone
        return type(self), (self.code, str(self)), self.__dict__


class DataError(EquipoiseError, ValueError):
    """A data file or table is not as described."""


class ConfigError(EquipoiseError, ValueError):
    """A configuration or a command-line argument is invalid."""


class ReadOnlyError(ConfigError, AttributeError):
    """An attribute was assigned whose change would have no effect; the message says what does."""


class PlanError(EquipoiseError, ValueError):
    """A census, a scheme or a plan is invalid or cannot be drawn."""


class StateError(EquipoiseError, ValueError):
    """A saved state does not belong to the plan, seed or dataset that it is loaded into."""


class RunError(EquipoiseError, RuntimeError):
    """A run directory, a checkpoint or a model cannot be used."""


class EquipoiseWarning(UserWarning):
    """Base class of the warnings of Equipoise; code and message as for `EquipoiseError`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(_safe_message(message))
        self.code = code


class DataWarning(EquipoiseWarning):
    """The data can be used, but something in it may be unexpected."""


class PlanWarning(EquipoiseWarning):
    """The plan can be drawn, but something in it may be unexpected."""


class RunWarning(EquipoiseWarning):
    """The run can be used, but something in its directory, or in how it is resumed, may be unexpected."""


def printable(text: str) -> str:
    r"""Escape what a terminal would interpret or cannot show.

    Parameters
    ----------
    text : str
        A message or a table, perhaps with names and values from data in it; line breaks stay.

    Returns
    -------
    str
        The escaped text; unchanged if nothing in it is unsafe.

    Examples
    --------
    >>> print(printable("label \x1b[31mred\x1b[0m"))
    label \x1b[31mred\x1b[0m
    >>> printable("sorgfältig 東京") == "sorgfältig 東京"
    True
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printable_line(text: str) -> str:
    r"""Escape as `printable` does, and line breaks too: for text that must stay on its line, such as a table cell.

    Examples
    --------
    >>> print(printable_line("two\nlines"))
    two\nlines
    """
    return printable(text).replace("\n", "\\n")


def printable_json(text: str) -> str:
    r"""Escape the same characters in JSON text without changing its value.

    Examples
    --------
    >>> print(printable_json('["right to left: \u202e"]'))
    ["right to left: \u202e"]
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _safe_message(text: str) -> str:
    """Return a printable message, cut in the middle if it is very long."""
    return _cut(printable(_cut(text)))  # escapes are longer than what they stand for


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2 - 50
    return f"{text[:half]} [... {len(text) - 2 * half:,} characters ...] {text[-half:]}"

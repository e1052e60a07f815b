"""Read untrusted JSON: plain values of bounded depth, or one of our errors."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from equipoise.base.files import read_text, write_atomically
from equipoise.errors import EquipoiseError

MOST_DEPTH: Final = 64
MOST_DIGITS: Final = 300  # every such integer is a finite float64 as well
_MAY_BE_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")

Refuse = Callable[[str], Exception]


def parse_json(text: str, refuse: Refuse) -> Any:
    r"""Parse one JSON value.

    Parameters
    ----------
    text : str
        The text. All numbers must be finite, the keys of an object unique, and all strings valid Unicode.
    refuse : callable
        Makes the error from a sentence that says what is wrong.

    Returns
    -------
    object
        Dicts, lists, strings, numbers, booleans and None.

    Raises
    ------
    EquipoiseError
        If the text is not JSON, holds NaN, an infinity or an integer of more than 300 digits, is nested deeper than 64
        levels, has a duplicate key, or holds half of a surrogate pair. `refuse` makes the error.

    Examples
    --------
    >>> parse_json('{"a": [1, 2.5, null]}', ValueError)
    {'a': [1, 2.5, None]}
    >>> parse_json('{"a": 1, "a": 2}', ValueError)
    Traceback (most recent call last):
    ...
    ValueError: duplicate key 'a' in an object
    """
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_constant, object_pairs_hook=once_each)
    except json.JSONDecodeError as error:
        raise refuse(str(error)) from None
    except RecursionError:
        raise refuse(f"it is nested deeper than {MOST_DEPTH} levels") from None
    except _NotPlainError as error:
        raise refuse(str(error)) from None
    _check(value, refuse, texts=_MAY_BE_HALF.search(text) is not None)
    return value


def read_json(path: Path, error: type[EquipoiseError], advice: str = "") -> Any:
    """Read a JSON file as `parse_json` does; the error names the file and has the code "cannot-read" or "damaged-file".

    Parameters
    ----------
    path : pathlib.Path
        The file.
    error : type of EquipoiseError
        The class of the error.
    advice : str
        A sentence that says what to do, at the end of the message.
    """

    def refuse(why: str) -> EquipoiseError:
        return error("damaged-file", f"Cannot read `{path}`: {why}. {advice}".rstrip())

    return parse_json(read_text(path, error), refuse)


class _NotPlainError(Exception):
    """Valid JSON with values that are not plain."""


class RepeatedKeyError(_NotPlainError):
    """A JSON object has a duplicate key; each reader words its own message."""

    def __init__(self, key: str) -> None:
        super().__init__(f"duplicate key {key!r:.80} in an object")
        self.key = key


def to_json(value: Any) -> str:
    """Return the text of a JSON file, indented; NaN and infinities are refused."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, as `to_json` has it."""
    with write_atomically(path) as temporary:
        temporary.write_text(to_json(value), encoding="utf-8")


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict of key-value pairs, as an `object_pairs_hook`; raise RepeatedKeyError if a key is duplicate."""
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise RepeatedKeyError(twice)
    return values


def _integer(literal: str) -> int:
    if len(literal) > MOST_DIGITS:
        raise _NotPlainError(f"an integer has {len(literal)} digits, more than the limit of {MOST_DIGITS}")
    return int(literal)


def _constant(literal: str) -> Any:
    raise _NotPlainError(f"{literal} is not a number")


def _check(value: Any, refuse: Refuse, *, texts: bool) -> None:
    """Check every value once, without recursion: depth, overflowed floats, and strings if one looks broken."""
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH + 1):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                held = cast("dict[str, Any]", each)
                inner.extend(held.values())
                if texts:
                    inner.extend(held)
            elif isinstance(each, list):
                inner.extend(cast("list[Any]", each))
            elif isinstance(each, float) and not math.isfinite(each):
                raise refuse("a number is too large for a float64")
            elif texts and isinstance(each, str) and _HALF.search(each):
                raise refuse("a string holds half of a surrogate pair, which is not a character")
        if not inner:
            return
        level = inner
    raise refuse(f"it is nested deeper than {MOST_DEPTH} levels")

"""Read JSON that may come from anyone: plain values of bounded depth, or one error of ours."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

from equipoise.errors import EquipoiseError

MOST_DEPTH: Final = 64
MOST_DIGITS: Final = 300  # every such integer is a finite float64 as well
_MAY_BE_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")

Refuse = Callable[[str], EquipoiseError]


def parse_json(text: str, refuse: Refuse) -> Any:
    r"""Parse one JSON value.

    Parameters
    ----------
    text : str
        The text. Every number in it must be finite, every key of an object stand once, and every text be Unicode.
    refuse : callable
        Makes the error from what is wrong with the text.

    Returns
    -------
    object
        Dicts, lists, texts, numbers, booleans and None.

    Raises
    ------
    EquipoiseError
        What `refuse` makes: the text is no JSON, has NaN, an infinity or an integer of more than 300 digits, nests
        deeper than 64, repeats a key, or holds half of a surrogate pair.

    Examples
    --------
    >>> from equipoise.errors import DataError
    >>> parse_json('{"a": [1, 2.5, null]}', DataError)
    {'a': [1, 2.5, None]}
    >>> parse_json('{"a": 1, "a": 2}', DataError)
    Traceback (most recent call last):
    ...
    equipoise.errors.DataError: the key 'a' stands twice in one object
    """
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_constant, object_pairs_hook=once_each)
    except json.JSONDecodeError as error:
        raise refuse(str(error)) from None
    except RecursionError:
        raise refuse(f"it nests deeper than {MOST_DEPTH}") from None
    except RepeatedKeyError as error:
        raise refuse(f"the key {error.key!r:.80} stands twice in one object") from None
    except _NotPlainError as error:
        raise refuse(str(error)) from None
    _check(value, refuse, texts=_MAY_BE_HALF.search(text) is not None)
    return value


class RepeatedKeyError(Exception):
    """A JSON object that gives a key twice; readers say it in their own words."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs, as an `object_pairs_hook`; RepeatedKeyError if a key stands there twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise RepeatedKeyError(twice)
    return values


class _NotPlainError(Exception):
    """JSON by the letter, but not plain values."""


def _integer(literal: str) -> int:
    if len(literal) > MOST_DIGITS:
        raise _NotPlainError(f"an integer has {len(literal)} digits, at most {MOST_DIGITS} are read")
    return int(literal)


def _constant(literal: str) -> Any:
    raise _NotPlainError(f"{literal} is not a number")


def _check(value: Any, refuse: Refuse, *, texts: bool) -> None:
    """Look at every value once, without recursion: depth, overflowed floats, and texts if one looks broken."""
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
                raise refuse("a text holds half of a surrogate pair, which is no character")
        if not inner:
            return
        level = inner
    raise refuse(f"it nests deeper than {MOST_DEPTH}")

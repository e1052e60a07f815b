"""Dataclasses to plain JSON values and back, guided by their annotations alone.

Every refusal names the key by its dotted path, what was expected and what was found.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from inspect import Parameter
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from equipoise.base.registry import options_of, suggest

T = TypeVar("T")
KeyPath = tuple[str, ...]
Refuse = Callable[[KeyPath, str, str], Exception]
"""Makes the error of a key: its path, a code and a sentence."""

_KINDS: dict[Any, str] = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


def to_plain(value: Any) -> Any:
    """Return dicts, lists and scalars that hold the same; a value with its own `to_dict` speaks for itself.

    Examples
    --------
    >>> from equipoise.census import Stratum
    >>> to_plain({"of": Stratum("mood", None), "shares": np.array([0.5, 0.5])})
    {'of': {'task': 'mood', 'label': None}, 'shares': [0.5, 0.5]}
    """
    if hasattr(value, "to_dict"):
        return to_plain(value.to_dict())
    if _is_named_tuple(type(value)):
        return {name: to_plain(item) for name, item in value._asdict().items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("list[Any]", value)]
    return value


def from_plain(kind: type[T], data: Any, refuse: Callable[[str], Exception]) -> T:
    """Build a value of an annotated type from plain JSON values, strictly.

    Parameters
    ----------
    kind : type
        A dataclass, a NamedTuple, or any annotation that `Builder` reads.
    data : object
        What `to_plain` returned, perhaps by way of JSON.
    refuse : callable
        Makes the error of a sentence that says what is wrong.

    Examples
    --------
    >>> from equipoise.census import Stratum
    >>> from_plain(Stratum, {"task": "mood", "label": "glad"}, ValueError)
    Stratum(task='mood', label='glad')
    >>> from_plain(Stratum, {"task": 3, "label": "glad"}, ValueError)
    Traceback (most recent call last):
        ...
    ValueError: `task` must be a string, found 3.
    """
    return Builder(lambda _path, _code, sentence: refuse(sentence)).convert(kind, data, ())


class Builder:
    """Builds dataclasses and NamedTuples from plain values.

    Types that are read: dataclasses and NamedTuples (mappings of exactly their fields; missing ones take their
    default), `X | Y`, `Literal`, `tuple`, `list`, mappings with string keys, numpy arrays (lists of numbers), `int`,
    `float` (integers too), `str`, `bool`, `Any`, a `range` (an integer in it), and those with a converter.

    Parameters
    ----------
    refuse : callable
        Makes the error: (path, code, sentence) -> exception.
    converters : mapping of type to callable
        How to read values of types that are none of those above; each raises `ValueError` with a message that says
        what was expected.
    """

    def __init__(self, refuse: Refuse, converters: Mapping[type, Callable[[Any], Any]] | None = None) -> None:
        self._error = refuse
        self._converters = converters or {}
        self._known: dict[type, tuple[dict[str, Parameter], dict[str, Any]]] = {}

    def convert(self, kind: Any, value: Any, path: KeyPath) -> Any:
        """Convert one value to an annotated type, or raise the error that refuses it."""
        origin, arguments = get_origin(kind), get_args(kind)
        if kind is Any:
            return value
        if isinstance(kind, range):
            if not _is_integer(value) or value not in kind:
                self._refuse(path, f"an integer from {kind.start} to {kind[-1]}", value)
            return value
        if origin in (Union, types.UnionType):
            return self._union(arguments, value, path)
        if origin is Literal:
            if value not in arguments or isinstance(value, bool) is not isinstance(arguments[0], bool):
                self._refuse(path, "one of " + ", ".join(map(repr, arguments)), value)
            return value
        if origin is np.ndarray:
            return self._array(arguments, value, path)
        if origin in (tuple, list):
            return self._sequence(cast(type, origin), arguments, value, path)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(arguments[1], value, path)
        if kind in self._converters:
            try:
                return self._converters[kind](value)
            except ValueError as error:
                code = getattr(error, "code", "bad-value")
                raise self._error(path, code, f"`{'.'.join(path)}`: {error}") from error
        if is_dataclass(kind) or _is_named_tuple(kind):
            return self.build(cast("type[Any]", kind), value, path)
        return self._scalar(kind, value, path)

    def build(self, cls: type[T], data: Any, path: KeyPath = ()) -> T:
        """Build one dataclass or NamedTuple from a mapping of its fields."""
        if not isinstance(data, Mapping):
            self._refuse(path, "a mapping of keys to values", data)
        given = cast("Mapping[str, Any]", data)
        if cls not in self._known:
            self._known[cls] = options_of(cls), get_type_hints(cls)
        known, hints = self._known[cls]
        for key in given:
            if key not in known:
                names = ".".join((*path, str(key)))
                hint = suggest(key, known, show=lambda name: f"`{'.'.join((*path, name))}`")
                sentence = f"unknown key `{names}`.{hint} Known here: {', '.join(known)}."
                raise self._error((*path, str(key)), "unknown-key", sentence)
        for key, parameter in known.items():
            if key not in given and parameter.default is parameter.empty:
                name = ".".join((*path, key))
                raise self._error(path, "missing-key", f"`{name}` is missing. Give it a value.")
        values = {key: self.convert(hints[key], value, (*path, key)) for key, value in given.items()}
        try:
            return cls(**values)
        except (ValueError, TypeError, OverflowError) as error:
            code = getattr(error, "code", "bad-value")
            name = ".".join(path)
            place = f"in `{name}`: " if path and f"`{name}" not in str(error) else ""
            raise self._error(path, code, f"{place}{error}") from error

    def _mapping(self, kind: Any, value: Any, path: KeyPath) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._refuse(path, "a mapping", value)
        entries = cast("Mapping[Any, Any]", value)
        for key in entries:
            if not isinstance(key, str):
                self._refuse(path, "a mapping with strings as keys (quote them)", key)
        return {key: self.convert(kind, item, (*path, key)) for key, item in entries.items()}

    def _union(self, arguments: tuple[Any, ...], value: Any, path: KeyPath) -> Any:
        if value is None and type(None) in arguments:
            return None
        choices = [kind for kind in arguments if kind is not type(None)]
        fitting = [kind for kind in choices if self._fits(kind, value)] or choices
        return self.convert(fitting[0], value, path)

    def _fits(self, kind: Any, value: Any) -> bool:
        """Whether a value's own form (scalar, list, mapping) is one that a type can hold."""
        if kind in self._converters:
            return "name" in value if isinstance(value, Mapping) else True
        origin = get_origin(kind)
        if origin in (tuple, list, np.ndarray):
            return isinstance(value, list | tuple)
        if (isinstance(origin, type) and issubclass(origin, Mapping)) or is_dataclass(kind) or _is_named_tuple(kind):
            return isinstance(value, Mapping)
        if kind in (str, bool, int):
            return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        return not isinstance(value, list | tuple | Mapping | str)

    def _sequence(self, origin: type, arguments: tuple[Any, ...], value: Any, path: KeyPath) -> Any:
        if not isinstance(value, list | tuple):
            self._refuse(path, "a list", value)
        items = cast("list[Any]", value)
        repeated = origin is list or arguments[-1] is Ellipsis
        if not repeated and len(items) != len(arguments):
            self._refuse(path, f"a list of {len(arguments)} values", value)
        kinds = [arguments[0]] * len(items) if repeated else list(arguments)
        return origin(
            self.convert(kind, item, (*path, str(place)))
            for place, (kind, item) in enumerate(zip(kinds, items, strict=True))
        )

    def _array(self, arguments: tuple[Any, ...], value: Any, path: KeyPath) -> Any:
        dtype = get_args(arguments[1])[0]
        integers = issubclass(dtype, np.integer)
        expected = "a list of integers" if integers else "a list of numbers"
        try:
            array = np.array(value, dtype=np.int64 if integers and not value else None)
        except (ValueError, TypeError, OverflowError):
            array = np.empty(0, dtype=object)
        right = np.issubdtype(array.dtype, np.integer) or (not integers and np.issubdtype(array.dtype, np.floating))
        if not isinstance(value, list | tuple) or not right:
            self._refuse(path, expected, value)
        try:
            return array.astype(dtype, casting="same_kind")
        except TypeError:
            self._refuse(path, expected, value)

    def _scalar(self, kind: Any, value: Any, path: KeyPath) -> Any:
        if kind is float and _is_integer(value):
            try:
                return float(value)
            except OverflowError:
                self._refuse(path, "a number", value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self._refuse(path, _KINDS.get(kind, "null" if kind is type(None) else kind.__name__), value)
        return value

    def _refuse(self, path: KeyPath, expected: str, value: Any) -> NoReturn:
        name = f"`{'.'.join(path)}`" if path else "the value"
        raise self._error(path, "bad-value", f"{name} must be {expected}, found {value!r:.200}.")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")

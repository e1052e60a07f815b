"""Turn plain data into frozen dataclasses, guided by their annotations alone.

Every refusal names the key by its dotted path, the file and line where known, what was expected and
what was found.
"""

import difflib
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from equipoise.config._yaml import Document, KeyPath
from equipoise.errors import ConfigError

T = TypeVar("T")
Convert = Callable[[Any], Any]


class Builder:
    """Builds dataclasses from the data of one document.

    Parameters
    ----------
    document : Document
        Says in which file and line a key stands.
    converters : mapping of type to callable
        How to read values of types that are neither plain nor dataclasses; each raises `ValueError`
        with a message that says what was expected.
    """

    def __init__(self, document: Document, converters: Mapping[type, Convert]) -> None:
        self.document = document
        self.converters = converters

    def build(self, cls: type[T], data: Any, path: KeyPath = ()) -> T:
        """Build one dataclass from a mapping; missing keys take the field's default."""
        if data is None:
            data = {}
        if not isinstance(data, Mapping):
            self._refuse(path, "a mapping of keys to values", data)
        given = cast("Mapping[str, Any]", data)
        hints = get_type_hints(cls)
        known = [field.name for field in fields(cast("Any", cls)) if field.init]
        for key in given:
            if key not in known:
                raise ConfigError(self._unknown((*path, str(key)), known))
        for field in fields(cast("Any", cls)):
            required = field.default is MISSING and field.default_factory is MISSING
            if required and field.name not in given:
                name = ".".join((*path, field.name))
                raise ConfigError(f"{self.document.where(path)}`{name}` is missing. Give it a value.")
        values = {key: self.convert(hints[key], value, (*path, key)) for key, value in given.items()}
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{self.document.where(path)}{error}") from error
        except ValueError as error:
            name = ".".join(path) or "the configuration"
            raise ConfigError(f"{self.document.where(path)}in `{name}`: {error}") from error

    def convert(self, kind: Any, value: Any, path: KeyPath) -> Any:
        """Convert one value to an annotated type or refuse it."""
        origin, arguments = get_origin(kind), get_args(kind)
        if kind is Any:
            converted = value
        elif origin in (Union, types.UnionType):
            converted = self._convert_union(arguments, value, path)
        elif origin is Literal:
            if not isinstance(value, str) or value not in arguments:
                self._refuse(path, "one of " + ", ".join(map(repr, arguments)), value)
            converted = value
        elif origin is tuple:
            converted = self._convert_tuple(arguments, value, path)
        elif origin is not None:
            converted = self._convert_mapping(arguments[1], value, path)
        elif kind in self.converters:
            converted = self._convert_special(kind, value, path)
        elif is_dataclass(kind):
            converted = self.build(cast("type[Any]", kind), value, path)
        else:
            converted = self._convert_scalar(kind, value, path)
        return converted

    def _convert_special(self, kind: type, value: Any, path: KeyPath) -> Any:
        try:
            return self.converters[kind](value)
        except ValueError as error:
            raise ConfigError(f"{self.document.where(path)}`{'.'.join(path)}`: {error}") from error

    def _convert_mapping(self, kind: Any, value: Any, path: KeyPath) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._refuse(path, "a mapping", value)
        entries = cast("Mapping[str, Any]", value)
        return {key: self.convert(kind, item, (*path, key)) for key, item in entries.items()}

    def _convert_union(self, arguments: tuple[Any, ...], value: Any, path: KeyPath) -> Any:
        if value is None and type(None) in arguments:
            return None
        choices = [kind for kind in arguments if kind is not type(None)]
        fitting = [kind for kind in choices if self._fits(kind, value)] or choices
        return self.convert(fitting[0], value, path)

    def _fits(self, kind: Any, value: Any) -> bool:
        """Whether a value's own form (text, list, mapping) is one that a type can hold."""
        if kind in self.converters:
            return "scheme" in value if isinstance(value, Mapping) else True
        origin = get_origin(kind)
        if origin is tuple:
            return isinstance(value, list | tuple)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return isinstance(value, Mapping)
        return not isinstance(value, list | tuple | Mapping)

    def _convert_tuple(self, arguments: tuple[Any, ...], value: Any, path: KeyPath) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            self._refuse(path, "a list", value)
        items = cast("list[Any]", value)
        if arguments[-1] is not Ellipsis and len(items) != len(arguments):
            self._refuse(path, f"a list of {len(arguments)} values", value)
        kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
        return tuple(
            self.convert(kind, item, (*path, str(position)))
            for position, (kind, item) in enumerate(zip(kinds, items, strict=True))
        )

    def _convert_scalar(self, kind: Any, value: Any, path: KeyPath) -> Any:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self._refuse(path, _KINDS.get(kind, kind.__name__), value)
        return value

    def _refuse(self, path: KeyPath, expected: str, value: Any) -> None:
        name = ".".join(path) or "the configuration"
        raise ConfigError(f"{self.document.where(path)}`{name}` must be {expected}, found {value!r:.200}.")

    def _unknown(self, path: KeyPath, known: list[str]) -> str:
        close = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
        hint = f" Did you mean `{'.'.join((*path[:-1], close[0]))}`?" if close else ""
        return f"{self.document.where(path)}unknown key `{'.'.join(path)}`.{hint} Known here: {', '.join(known)}."


_KINDS: dict[Any, str] = {
    int: "a integer",
    float: "a number",
    str: "text",
    bool: "true or false",
}

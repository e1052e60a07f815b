"""Values of arguments: integers of any library as plain ones; frozen dataclasses whose fields hold arrays."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, cast

import numpy as np

from equipoise.errors import ConfigError, EquipoiseError, ReadOnlyError


def integer(name: str, value: object, error: type[EquipoiseError] = ConfigError) -> int:
    """Return an integer as a plain one, which JSON holds, or raise an error with the code "not-an-integer".

    Parameters
    ----------
    name : str
        The argument, for the message.
    value : object
        An integer of Python or numpy. Booleans, floats (6.0 too) and strings are refused.
    error : type of EquipoiseError
        What is raised.

    Examples
    --------
    >>> integer("seed", np.int64(3))
    3
    >>> integer("seed", 3.0)
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: `seed` must be an integer, found 3.0. Convert it with int().
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise error("not-an-integer", f"`{name}` must be an integer, found {value!r:.80}. Convert it with int().")
    return int(value)


def boolean(name: str, value: object) -> bool:
    """Return a boolean of Python or numpy as a plain one, or raise a ConfigError with the code "not-a-bool".

    Examples
    --------
    >>> boolean("replacement", np.True_)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise ConfigError("not-a-bool", f"`{name}` must be True or False, found {value!r:.80}.")
    return bool(value)


class Settled:
    """Base of classes with attributes that nothing reads after the constructor, so that assigning them is an error.

    Attributes
    ----------
    _SETTLED : mapping of str to str
        Each such attribute, and the sentence that says what to do instead.
    """

    _SETTLED: ClassVar[Mapping[str, str]]

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, or raise a ReadOnlyError if it is settled."""
        if name in self._SETTLED and (name in vars(self) or isinstance(getattr(type(self), name, None), property)):
            message = f"`{name}` of a {type(self).__name__} cannot be assigned: its draws would not change with it."
            raise ReadOnlyError("read-only", f"{message} {self._SETTLED[name]}")
        super().__setattr__(name, value)


class ArrayValue:
    """Base of dataclasses with ``eq=False`` and read-only, flat arrays of fixed types among their fields.

    Pickles and copies go through the constructor, so that their arrays are read-only too.
    """

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(cast("Any", self)))

    def _key(self) -> tuple[Any, ...]:
        return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in self._fields())

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._fields()

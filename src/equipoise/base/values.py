"""Frozen dataclasses whose fields hold arrays: equal, hashable and copied by their fields."""

from dataclasses import fields
from typing import Any, cast

import numpy as np


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

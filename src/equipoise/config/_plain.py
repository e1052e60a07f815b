"""Turn a configuration back into plain data, so that what is saved reads back as the same thing."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast


def to_plain(value: Any) -> Any:
    """Plain dicts, lists and scalars of a dataclass; a value with its own `to_dict` speaks for itself."""
    if hasattr(value, "to_dict"):
        return to_plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {key: to_plain(item) for key, item in entries.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("list[Any]", value)]
    return value

"""A configuration before it is checked: the file, with options and overrides applied."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, cast

from equipoise.config._yaml import Document, KeyPath, parse_yaml
from equipoise.errors import ConfigError


class Draft:
    """Nested plain data, with the place where each key was given.

    Examples
    --------
    >>> draft = Draft(parse_yaml("plan: {draws: 100}"))
    >>> draft.override("plan.draws=200")
    >>> draft.document.data
    {'plan': {'draws': 200}}
    """

    def __init__(self, document: Document) -> None:
        data = {} if document.data is None else deepcopy(document.data)
        if not isinstance(data, dict):
            message = f"{document.where(())}a configuration must be a mapping, found {data!r}."
            raise ConfigError("not-a-mapping", message)
        self._data = cast("dict[str, Any]", data)
        self._places = dict(document.places)
        self._name = document.name

    @property
    def document(self) -> Document:
        """The data and the places as they are now."""
        return Document(self._data, self._places, self._name)

    def set(self, path: Sequence[str], value: Any, place: str) -> None:
        """Set one value at a path, creating the mappings on the way."""
        here = self._data
        for depth, key in enumerate(path[:-1]):
            inner = here.setdefault(key, {})
            if inner is None:
                inner = here[key] = {}
            if not isinstance(inner, dict):
                outer = ".".join(path[: depth + 1])
                before = f"{place}: " if place else ""
                message = f"{before}`{outer}` has the value {inner!r}, which has no keys to set."
                raise ConfigError("not-a-mapping", message)
            here = cast("dict[str, Any]", inner)
        here[path[-1]] = value
        self._places[tuple(path)] = place
        stale: list[KeyPath] = [known for known in self._places if known[: len(path)] == tuple(path)]
        for known in stale:
            self._places[known] = place

    def override(self, text: str) -> None:
        """Apply one ``a.b=value``; the value is read as YAML, so ``[1, 2]`` and ``{a: 1}`` work."""
        name, equals, value = text.partition("=")
        path = name.strip().split(".")
        if not equals or not all(path):
            raise ConfigError("bad-override", f"`--set` must look like `plan.draws=1000`, found {text!r}.")
        place = f"--set {text}"
        self.set(path, parse_yaml(value, place).data, place)

"""Read YAML by the YAML 1.2 core rules, with the line of every key and no duplicate keys.

PyYAML follows YAML 1.1, where ``no`` is false, ``1e-3`` is a string and ``1:30`` is 90. A label named
``no`` or a learning rate of ``1e-3`` must mean what they say, so the 1.2 rules replace those.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from equipoise.errors import ConfigError

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """What one YAML text holds, and where each key was given."""

    data: Any
    places: Mapping[KeyPath, str] = field(default_factory=dict[KeyPath, str])
    name: str = ""

    def where(self, path: KeyPath) -> str:
        """Say where a key was given, e.g. ``"run.yaml, line 3: "``; empty if nothing is known of it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return f"{self.places[path[:end]]}: "
        return f"{self.name}: " if self.name else ""


class _CoreLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own)


_CORE_RULES: tuple[tuple[str, str, str], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+0123456789."),
    ("null", r"~|null|Null|NULL|", "~nN"),
)  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Quotes every text that either version of YAML would read as something else."""

    yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012 (PyYAML's own)


for _tag, _pattern, _first in _CORE_RULES:
    for _class in (_CoreLoader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            [*_first, *([""] if _tag == "null" else [])],
        )


def _core_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    # SafeLoader reads "010" as octal 8; in the core rules it is ten.
    return int(str(loader.construct_scalar(node)).replace("_", ""))


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _core_int)


def parse_yaml(text: str, name: str = "") -> Document:
    r"""Parse one YAML text.

    Parameters
    ----------
    text : str
        The text.
    name : str
        How messages call it, usually the file's name.

    Returns
    -------
    Document
        The data as plain dicts, lists and scalars, and the line of every key.

    Raises
    ------
    ConfigError
        If it is not YAML, holds a duplicate or non-text key, or a tag that is not plain data.

    Examples
    --------
    >>> parse_yaml("learning_rate: 1e-3\nlabel: no").data
    {'learning_rate': 0.001, 'label': 'no'}
    """
    prefix = f"{name}: " if name else ""
    loader = _CoreLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(None, {}, name)
        places: dict[KeyPath, str] = {}
        _collect_places(node, (), places, name or "text")
        return Document(loader.construct_document(node), places, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name or 'text'}, line {mark.line + 1}: " if mark else prefix
        raise ConfigError(f"{place}this is not plain YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{prefix}this is not plain YAML: {error}.") from error
    finally:
        loader.dispose()


def dump_yaml(data: Any) -> str:
    r"""Write plain data as YAML, keys in their order.

    Examples
    --------
    >>> dump_yaml({"label": "no", "verbaliser": "1e3", "rate": 0.001})
    "label: 'no'\nverbaliser: '1e3'\nrate: 0.001\n"
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def read_yaml(path: Path) -> Document:
    """Read and parse one YAML file; see `parse_yaml`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot read `{path}`: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"`{path}` must be UTF-8 text: {error}.") from error
    return parse_yaml(text, str(path))


def _collect_places(node: yaml.Node, path: KeyPath, places: dict[KeyPath, str], name: str) -> None:
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _collect_places(item, (*path, str(position)), places, name)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        place = f"{name}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise ConfigError(f"{place}: a key must be plain text, found {key.value!r}.")
        here = (*path, str(key.value))
        if here in places:
            raise ConfigError(f"{place}: `{'.'.join(here)}` was already given in {places[here]}. Keep one.")
        places[here] = place
        key.tag = "tag:yaml.org,2002:str"  # a label or task named 1 or true stays text
        _collect_places(value, here, places, name)

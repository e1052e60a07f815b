"""Read YAML by the YAML 1.2 core rules, with the line of every key and no duplicate keys.

PyYAML follows YAML 1.1, where ``no`` is false, ``1e-3`` is a string and ``1:30`` is 90. A label named
``no`` or a learning rate of ``1e-3`` must be read as written, so the 1.2 rules replace those.

A file may be untrusted: it is read as plain data of bounded size. Tags are rejected; an alias counts with all the
values that it expands to.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from yaml.constructor import ConstructorError
from yaml.scanner import ScannerError

from equipoise.base.files import read_text
from equipoise.errors import ConfigError

KeyPath = tuple[str, ...]

MOST_BYTES: Final = 1 << 24
MOST_VALUES: Final = 1_000_000  # a cost for every pair of 1,000 labels
MOST_DEPTH: Final = 32
_HALF: Final = re.compile("[\ud800-\udfff]")
_MOST_DIGITS: Final = 300  # every such integer is a finite float64 as well


@dataclass(frozen=True)
class Document:
    """The data of a YAML document, and where each key was given."""

    data: Any
    places: dict[KeyPath, str] = field(default_factory=dict[KeyPath, str])
    name: str = ""

    def where(self, path: KeyPath) -> str:
        """Return where a key was given, e.g. ``"run.yaml, line 3: "``; empty if unknown."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                place = self.places[path[:end]]
                return f"{place}: " if place else ""
        return f"{self.name}: " if self.name else ""


class _CoreLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own)

    def fetch_tag(self) -> NoReturn:
        """Reject every tag, including those of plain data."""
        raise ScannerError(None, None, "tags such as `!!str` are not read, values are plain data", self.get_mark())


_CORE_RULES: tuple[tuple[str, str, str | tuple[str, ...]], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
)  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Quotes every string that either version of YAML would read as another type."""

    yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012 (PyYAML's own)


for _tag, _pattern, _first in _CORE_RULES:
    for _class in (_CoreLoader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Between single quotes PyYAML writes a next-line character as it is, and reads it as the end of a line.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


_Dumper.add_representer(str, _text)


def _core_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    # SafeLoader reads "010" as octal 8; in the core rules it is ten.
    literal = str(loader.construct_scalar(node)).replace("_", "")
    if len(literal) > _MOST_DIGITS:
        raise ConstructorError(None, None, f"an integer has more than {_MOST_DIGITS} digits", node.start_mark)
    return int(literal)


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _core_int)


def parse_yaml(text: str, name: str = "") -> Document:
    r"""Parse one YAML document.

    Parameters
    ----------
    text : str
        The document.
    name : str
        Its name in messages, usually the file's name.

    Returns
    -------
    Document
        The data as plain dicts, lists and scalars, and the line of every key.

    Raises
    ------
    ConfigError
        If it is not YAML, has a duplicate key, a key that is not a string, or a tag, nests deeper than 32, or has more
        than 1,000,000 values, with aliases expanded.

    Examples
    --------
    >>> parse_yaml("learning_rate: 1e-3\nlabel: no").data
    {'learning_rate': 0.001, 'label': 'no'}
    """
    prefix = f"{name}: " if name else ""
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None, {}, name)
        places = _Places(name or "YAML")
        places.collect(node, ())
        return Document(loader.construct_document(node), places.found, name)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError("too-deep", f"{prefix}this nests deeper than {MOST_DEPTH}.") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: a character beyond Unicode
        mark = getattr(error, "problem_mark", None)
        place = f"{name or 'YAML'}, line {mark.line + 1}: " if mark else prefix
        raise ConfigError("not-yaml", f"{place}this is not plain YAML: {getattr(error, 'problem', error)}.") from error


def dump_yaml(data: Any) -> str:
    r"""Write plain data as YAML, keys in their order.

    Examples
    --------
    >>> dump_yaml({"label": "no", "verbaliser": "1e3", "rate": 0.001})
    "label: 'no'\nverbaliser: '1e3'\nrate: 0.001\n"
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def read_yaml(path: Path) -> Document:
    """Read and parse one YAML file of at most 16 MiB; see `parse_yaml`."""
    return parse_yaml(read_text(path, ConfigError, MOST_BYTES), str(path))


class _Places:
    """The line of every key; every value is checked on the way, aliases each time."""

    def __init__(self, name: str) -> None:
        self.found: dict[KeyPath, str] = {}
        self._name = name
        self._values = 0

    def collect(self, node: yaml.Node, path: KeyPath) -> None:
        """Visit a node and all below it."""
        line = f"{self._name}, line {node.start_mark.line + 1}"
        self._values += 1
        if self._values > MOST_VALUES:
            raise ConfigError("too-many-values", f"{line}: more than {MOST_VALUES:,} values, with aliases expanded.")
        if len(path) > MOST_DEPTH:
            raise ConfigError("too-deep", f"{line}: this nests deeper than {MOST_DEPTH}, or an alias contains itself.")
        if isinstance(node, yaml.ScalarNode):
            _check_unicode(node.value, line)
        elif isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.collect(item, (*path, str(position)))
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            place = f"{self._name}, line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                found = "a sequence" if isinstance(key, yaml.SequenceNode) else "a mapping"
                raise ConfigError("not-a-string", f"{place}: a key must be a string, found {found}.")
            _check_unicode(key.value, place)
            here = (*path, str(key.value))
            if here in self.found:
                message = f"{place}: `{'.'.join(here)}` was already given in {self.found[here]}. Keep one."
                raise ConfigError("duplicate-key", message)
            self.found[here] = place
            key.tag = "tag:yaml.org,2002:str"  # a label or task named 1 or true remains a string
            self.collect(value, here)


def _check_unicode(text: str, place: str) -> None:
    if _HALF.search(text):
        raise ConfigError("not-unicode", f"{place}: half of a surrogate pair, which is not a character.")

"""The JSON schema of configurations, made from the dataclasses that hold them and from the registries of schemes."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final, Literal, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

from equipoise.base.codec import to_plain
from equipoise.base.docstrings import descriptions_of
from equipoise.base.registry import registered
from equipoise.config._adapter import AdapterConfig
from equipoise.config._compare import ComparisonConfig, default_trials
from equipoise.config._evaluation import METHODS
from equipoise.config._loss import LossConfig
from equipoise.config._schema import OWNED_TRAINER_ARGUMENTS
from equipoise.config._scheme_schemas import DEFINITIONS, Schema, alternatives
from equipoise.config._values import ScheduleFile
from equipoise.drawing.batches import Batches
from equipoise.feedback import Feedback
from equipoise.rates import Rates
from equipoise.schedule import Recipe
from equipoise.weights import ClassWeights

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Any: {},
}
_NAMED: Final[Mapping[Any, str]] = {
    Rates: "mixing_rates",
    ClassWeights: "class_weights",
    Recipe: "recipe",
    ScheduleFile: "schedule_file",
    Feedback: "feedback_rule",
    LossConfig: "loss",
    AdapterConfig: "adapter",
}
_METHOD: Final[Schema] = {"enum": [*METHODS]}
_KEYS: Final[Mapping[str, Callable[[], Schema]]] = {
    # What an annotation does not say of a key.
    "training.batches": lambda: {"enum": list(registered(Batches))},
    "evaluation.method": lambda: {"anyOf": [_METHOD, {"type": "object", "additionalProperties": _METHOD}]},
    "trainer": lambda: {"type": "object", "propertyNames": {"not": {"enum": sorted(OWNED_TRAINER_ARGUMENTS)}}},
    "training.task_weighting": lambda: {"anyOf": [{"type": "string"}, {"type": "object", "required": ["name"]}]},
}


class Key(NamedTuple):
    """A key of a configuration.

    Attributes
    ----------
    name : str
        With dots, as in ``plan.draws``; ``NAME`` is any name, as in ``tasks.NAME.prompt``.
    schema : dict
        Its JSON schema.
    required : bool
        Whether it must be given.
    """

    name: str
    schema: Schema
    required: bool

    @property
    def description(self) -> str:
        """What the key means, in Markdown."""
        return self.schema.get("description", "")

    @property
    def default(self) -> Any:
        """The value where the key is not given; None also where there is no default."""
        return self.schema.get("default")

    @property
    def types(self) -> tuple[str, ...]:
        """The types and names of values, as in ``("integer", "null")``; choices are quoted.

        Examples
        --------
        >>> {key.name: key.types for key in configuration_keys()}["plan.rates_in"]
        ('"examples"', '"tokens"', '"input_tokens"', '"target_tokens"')
        """
        return tuple(dict.fromkeys(_types(self.schema)))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the configuration of a run or a comparison.

    It says of every key its type, its default and its meaning, and lists the registered schemes with their options, so
    that an editor completes and checks a configuration. What depends on other keys or on the data is checked by
    `load_config` alone.

    Returns
    -------
    dict of str to object
        The schema, as JSON values.

    Examples
    --------
    >>> schema = json_schema()
    >>> schema["properties"]["plan"]["properties"]["draws"]["type"]
    ['integer', 'null']
    >>> schema["properties"]["plan"]["properties"]["allow_repeats"]
    {'type': 'boolean', 'default': False, 'description': 'Accept a plan whose forecast has errors.'}
    """
    named = {name: make() for name, make in DEFINITIONS.items()}
    return {
        "$schema": DIALECT,
        "title": "Configuration of Equipoise",
        **_object_of(ComparisonConfig, ""),
        "$defs": named,
    }


def configuration_keys() -> list[Key]:
    """Return every key of a configuration, sections before what is in them.

    Returns
    -------
    list of Key
        In the order of the fields. Options of schemes, losses and adapters are in the schema's ``$defs``.

    Examples
    --------
    >>> keys = {key.name: key for key in configuration_keys()}
    >>> keys["training.log_every"].default, keys["training.log_every"].description
    (10, 'Steps between two logs.')
    >>> keys["data.source"].required, "tasks.NAME.prompt" in keys
    (True, True)
    """
    return list(_walk(json_schema(), ()))


def _walk(schema: Schema, path: tuple[str, ...]) -> Sequence[Key]:
    found: list[Key] = []
    for part in (schema, *schema.get("anyOf", ())):
        inner: dict[str, Schema] = part.get("properties", {})
        for name, each in inner.items():
            here = (*path, name)
            found += [Key(".".join(here), each, name in part.get("required", ())), *_walk(each, here)]
        rest = part.get("additionalProperties")
        if isinstance(rest, dict) and path:
            found += _walk(cast("Schema", rest), (*path, "NAME"))
    return found


def _types(schema: Schema) -> list[str]:
    if "$ref" in schema:
        return [schema["$ref"].rpartition("/")[2].replace("_", " ")]
    if "enum" in schema:
        return ["null" if each is None else f'"{each}"' for each in schema["enum"]]
    if "anyOf" in schema:
        return [name for each in schema["anyOf"] for name in _types(each)]
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _object_of(kind: type, path: str) -> Schema:
    """Return the schema of a dataclass: its fields, with defaults and descriptions, and no other keys."""
    described = {name: text for base in reversed(kind.__mro__) for name, text in descriptions_of(base).items()}
    hints = get_type_hints(kind)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for field in fields(cast("Any", kind)):
        name = f"{path}.{field.name}".lstrip(".")
        made = _KEYS[name]() if name in _KEYS else _of(hints[field.name], name)
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(field.name)
        elif (plain := _default(field)) != {}:  # a section without a required key, or a mapping
            made |= {"default": plain}
        properties[field.name] = made | ({"description": described[field.name]} if field.name in described else {})
    # A section may be empty, unless one of its keys is required.
    types_: Any = "object" if required else ["object", "null"]
    made = {"type": types_, "properties": properties, "additionalProperties": False}
    return made | ({"required": required} if required else {})


def _default(field: "Field[Any]") -> Any:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    if is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "to_dict"):
        return {}  # its keys have their own
    return to_plain(value)


def _of(kind: Any, path: str) -> Schema:
    """Return the schema of an annotated type, as `equipoise.base.codec.Builder` reads it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if path == "compare.candidates" and kind == tuple[str, ...]:
        return {"type": "array", "items": {"enum": list(default_trials())}}
    if kind in _NAMED:
        return {"$ref": f"#/$defs/{_NAMED[kind]}"}
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if origin in (Union, types.UnionType):
        return alternatives([_of(each, path) for each in arguments])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        items = {"type": "array", "items": _of(arguments[0], path)}
        several = arguments[-1] is not Ellipsis
        return items | ({"minItems": len(arguments), "maxItems": len(arguments)} if several else {})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        values = _of(arguments[1], f"{path}.NAME")
        return {"type": "object", **({"additionalProperties": values} if values else {})}
    return _object_of(kind, path)

"""The JSON schemas of what a name with options stands for: rates, weights, recipes, rules, losses and adapters."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from equipoise.base.docstrings import descriptions_of, summary_of
from equipoise.base.registry import registered
from equipoise.base.schemes import Scheme
from equipoise.config._adapter import AdapterConfig
from equipoise.config._loss import Level
from equipoise.feedback import Feedback
from equipoise.rates import Rates
from equipoise.schedule import Recipe
from equipoise.weights import ClassWeights

Schema = dict[str, Any]
WEIGHTS: Final[Schema] = {"$ref": "#/$defs/class_weights"}
_SCALARS: Final[Mapping[Any, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def alternatives(kinds: Sequence[Schema]) -> Schema:
    """Return the schema of a value of any of several kinds, scalar types together.

    Examples
    --------
    >>> alternatives([{"type": "integer"}, {"type": "null"}])
    {'type': ['integer', 'null']}
    >>> alternatives([{"enum": ["a"]}, {"type": "null"}])
    {'enum': ['a', None]}
    """
    if all(set(each) == {"type"} and isinstance(each["type"], str) for each in kinds):
        return {"type": [each["type"] for each in kinds]}
    if len(kinds) == 2 and "enum" in kinds[0] and kinds[1] == {"type": "null"}:
        return {"enum": [*kinds[0]["enum"], None]}
    return {"anyOf": list(kinds)}


def _scheme(base: type[Scheme]) -> Schema:
    """Return the schema of a scheme: a string such as ``temperature:2``, or a mapping of `name` and options."""
    plain: list[str] = []
    named: list[str] = []
    mappings: list[Schema] = []
    for name, kind in registered(base).items():
        properties, required = _options_of(kind)
        properties |= {option: {"type": "number"} for option in base.common}
        mappings.append(_named_mapping([name], summary_of(kind), properties, required))
        named += [name, *kind.aliases]
        plain += [*([] if required else [name]), *kind.aliases]
        if kind.aliases:
            mappings.append(_named_mapping(list(kind.aliases), summary_of(kind), properties, []))
    text = {"type": "string", "pattern": rf"^\s*({'|'.join(map(str, named))})\s*([:,].*)?$"}
    return {"anyOf": [{"enum": plain}, text, *mappings]}


def _options_of(kind: type) -> tuple[dict[str, Schema], list[str]]:
    """Return the schema of each field of a scheme, and the names of those that must be given."""
    hints, described = get_type_hints(kind), descriptions_of(kind)
    properties = {
        field.name: _option(hints[field.name])
        | ({} if field.default in (MISSING, None) else {"default": field.default})
        | ({"description": described[field.name]} if field.name in described else {})
        for field in fields(cast("Any", kind))
    }
    required = [
        field.name
        for field in fields(cast("Any", kind))
        if field.default is MISSING and field.default_factory is MISSING
    ]
    return properties, required


def _option(hint: Any) -> Schema:
    origin = get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, ClassWeights):
        return WEIGHTS
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if origin in (Union, types.UnionType):
        return alternatives([{"type": "null"} if each is type(None) else _option(each) for each in get_args(hint)])
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = _option(get_args(hint)[1])
        return {"type": "object", **({"additionalProperties": inner} if inner else {})}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _option(get_args(hint)[0])}
    return {}  # a scheme of one's own may take anything


def _named_mapping(names: list[str], about: str, properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    return {
        "type": "object",
        "description": about,
        "properties": {"name": {"enum": names}, **properties},
        "required": ["name", *required],
        "additionalProperties": False,
    }


def _recipe() -> Schema:
    scheme = _scheme(Recipe)
    at = {"type": "number", "description": "Where the stage begins: a draw, or a part of the training below 1."}
    weights = {"anyOf": [WEIGHTS, {"type": "object", "additionalProperties": WEIGHTS}]}
    stage: Schema = {
        "type": "object",
        "properties": {"at": at, "rates": {"$ref": "#/$defs/mixing_rates"}, "weights": weights},
        "required": ["at"],
        "additionalProperties": False,
    }
    return {"anyOf": [*scheme["anyOf"], {"type": "array", "items": stage, "minItems": 1}]}


def _loss() -> Schema:
    """Return the schema of a loss; losses of tokens and of label scores may have the same name."""
    losses = import_module("equipoise.losses.named")  # above configurations; needs no torch
    of_tokens, of_labels = registered(losses.NamedTokenLoss), registered(losses.LabelLoss)
    norm = {"type": "number", "description": "The power of a label's length that divides its score."}
    mappings: list[Schema] = []
    for level, known in (("token", of_tokens), ("label", of_labels)):
        for name, kind in known.items():
            properties, required = _options_of(kind)
            if level == "label":
                properties |= {"level": {"const": "label"}, "length_norm": norm}
                required += ["level"] if name in of_tokens else []
            else:
                properties |= {"level": {"enum": [each for each in get_args(Level) if each != "label"]}}
            mappings.append(_named_mapping([name], summary_of(kind), properties, required))
    return {"anyOf": [{"enum": sorted({*of_tokens, *of_labels})}, *mappings]}


def _adapter() -> Schema:
    described = descriptions_of(AdapterConfig)
    names = {"type": "array", "items": {"type": "string"}}
    kinds: dict[str, Schema] = {
        "kind": {"const": "lora"},
        "r": {"type": "integer", "default": AdapterConfig.r},
        "alpha": {"type": "number"},
        "dropout": {"type": "number", "default": AdapterConfig.dropout},
        "targets": {"anyOf": [{"type": "string"}, names]},
    }
    properties = {name: kind | {"description": described[name]} for name, kind in kinds.items()}
    return {"anyOf": [{"type": "string", "pattern": "="}, {"type": "object", "properties": properties}]}


DEFINITIONS: Final[Mapping[str, Callable[[], Schema]]] = {
    "mixing_rates": lambda: _scheme(Rates),
    "class_weights": lambda: _scheme(ClassWeights),
    "recipe": _recipe,
    "schedule_file": lambda: {"type": "string", "pattern": r"\.json$"},
    "feedback_rule": lambda: _scheme(Feedback),
    "loss": _loss,
    "adapter": _adapter,
}
"""How the schema under each name of ``$defs`` is made."""

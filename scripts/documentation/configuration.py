"""The reference of the configuration: every key with its type, default and meaning, from the schema."""

import json
import re
from typing import Any

from equipoise.config import Key, configuration_keys, json_schema

TITLES = {
    "mixing_rates": "Mixing rates",
    "class_weights": "Class weights",
    "recipe": "Recipes of schedules",
    "feedback_rule": "Feedback rules",
    "loss": "Losses",
    "adapter": "Adapters",
}
DETAILS = {
    "mixing_rates": "[Formulas and papers](../methods.md#mixing-rates).",
    "class_weights": "[Formulas and papers](../methods.md#class-weights).",
    "recipe": "[When to use which](../schedules.md#recipes).",
    "feedback_rule": "[Formulas and papers](../methods.md#feedback).",
    "loss": "[When to use which](../losses.md).",
    "adapter": "[What of the model is trained](../guide.md#what-of-the-model-is-trained).",
}


def page() -> str:
    """Return the page of all keys, and of the options of what has a name."""
    keys = configuration_keys()
    parts = [
        "# Configuration reference",
        (
            "Every key of a configuration, in YAML, for `equipoise plan`, `train` and `compare`. `equipoise init` "
            "writes a first one. All keys but `data.source` may be left out; an unknown key is an error that names the "
            "nearest. On the command line, `--set training.batch_size=16` sets a key. `NAME` is a name of your own."
        ),
    ]
    sections = [key for key in keys if "." not in key.name]
    alone = [key for key in sections if not any(each.name.startswith(f"{key.name}.") for each in keys)]
    parts += ["## The whole run", *map(_entry, alone)]
    for section in (section for section in sections if section not in alone):
        inner = [key for key in keys if key.name.startswith(f"{section.name}.")]
        leaves = [key for key in inner if not any(each.name.startswith(f"{key.name}.") for each in inner)]
        parts += [f"## `{section.name}`", section.description, *map(_entry, leaves)]
    parts += ["## Names with options", _NAMES]
    defined = json_schema()["$defs"]
    for name, title in TITLES.items():
        parts += [f"### {title}", DETAILS[name], *_named(defined[name])]
    return "\n\n".join(parts)


_NAMES = """\
What these keys take is a name, or a name with options. Both forms mean the same:

```yaml
plan:
  rates: temperature:2,maximum=65536
  weights: {name: effective, beta: 0.999}
```

Losses are a name or a mapping."""


def _entry(key: Key) -> str:
    """Return one key as an entry of a list of definitions."""
    required = " **Required.**" if key.required else ""
    default = "" if key.required or key.default in (None, [], {}) else f" Default: `{_plain(key.default)}`."
    anchor = f"{{ #{key.name} }}"
    return f"`{key.name}`{anchor} {_types(key.types)}\n:   {_one_line(key.description)}{required}{default}"


def _types(types: tuple[str, ...]) -> str:
    linked = {name.replace("_", " "): _anchor(title) for name, title in TITLES.items()}
    of_yaml = {"object": "mapping", "array": "list"}
    shown = [
        f"[{each}](#{linked[each]})" if each in linked else of_yaml.get(each, each.replace('"', "`")) for each in types
    ]
    return " · ".join(each for each in shown if each != "null")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _named(schema: dict[str, Any]) -> list[str]:
    """Return the mappings of a schema, each with its options, as entries of a list of definitions."""
    made: list[str] = []
    for each in schema["anyOf"]:
        options = dict(each.get("properties", {}))
        if not options:
            continue
        names = options.pop("name", {}).get("enum", ["kind: lora"])
        options = {name: value for name, value in options.items() if name not in {"kind", "level"}}
        term = " or ".join(f"`{name}`" for name in names)
        lines = [_one_line(each.get("description", "Low-rank adaptation (LoRA), by PEFT."))]
        for name, option in options.items():
            default = f" Default: `{_plain(option['default'])}`." if "default" in option else ""
            needed = " **Required.**" if name in each.get("required", ()) else ""
            lines.append(f"- `{name}`: {_one_line(_meaning(name, option))}{needed}{default}")
        made.append(f"{term}\n:   {lines[0]}" + "".join(f"\n{' ' * 4}{line}" for line in ["", *lines[1:]]))
    return made


def _meaning(name: str, option: dict[str, Any]) -> str:
    if name == "max_ratio":
        return "The largest weight is at most this many times the smallest."
    return option.get("description", "")


def _one_line(text: str) -> str:
    return re.sub(r"(?<=\w)\*|<(?=\w)", r"\\\g<0>", " ".join(text.split()))


def _plain(value: Any) -> str:
    """Return a default as YAML has it."""
    if isinstance(value, dict) and "name" in value:
        options = {name: each for name, each in value.items() if name not in {"name", "scale", "level"}}
        return value["name"] + "".join(f",{name}={each}" for name, each in options.items())
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")

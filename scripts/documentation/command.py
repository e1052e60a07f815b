"""The reference of the command: every command with its options and defaults, from the command itself."""

import inspect
import re
from typing import Any

import typer

from equipoise.cli import app

FACTS = re.compile(r" *\[((?:default|required|env var|x>=)[^\]]*)\]")


def page() -> str:
    """Return the page of all commands."""
    group: Any = typer.main.get_command(app)
    with group.make_context("equipoise", [], resilient_parsing=True) as context:
        parts = [
            "# Command reference",
            (
                "Every command, from `equipoise --help`. An option overrides the configuration, and `--set` "
                "overrides both; the keys that it sets are in the [configuration reference](configuration.md)."
            ),
            _epilog(group.epilog),
        ]
        for name, each in group.commands.items():
            with each.make_context(name, [], parent=context, resilient_parsing=True) as inner:
                each.get_help(inner)  # fills in the names of metrics
                parts += _command(name, each, inner)
    return "\n\n".join(part for part in parts if part)


def _command(name: str, each: Any, context: Any) -> list[str]:
    usage = " ".join([f"equipoise {name}", *each.collect_usage_pieces(context)])
    parts = [f"## `equipoise {name}`", _prose(each.help or ""), f"```text\n{usage}\n```"]
    arguments = [parameter for parameter in each.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in each.params if parameter.param_type_name == "option"]
    for title, parameters in (("Arguments", arguments), ("Options", options)):
        shown = [_parameter(parameter, context) for parameter in parameters if not getattr(parameter, "hidden", False)]
        if shown:
            parts += [f"### {title} of {name}", *shown]
    return [*parts, _epilog(each.epilog)]


def _parameter(parameter: Any, context: Any) -> str:
    """Return one argument or option as an entry of a list of definitions."""
    forms, text = parameter.get_help_record(context)
    text = " ".join(text.split())
    facts = [fact for group in FACTS.findall(text) for fact in group.split("; ")]
    said = [_marked(FACTS.sub("", text).strip())]
    for fact in facts:
        name, _, value = fact.partition(": ")
        if name in {"default", "env var"}:
            value = f"`{value}`" if " " not in value else value
            said.append(f"Default: {value}." if name == "default" else f"Environment variable: {value}.")
        else:
            said.append("**Required.**" if fact == "required" else f"At least {fact.removeprefix('x>=')}.")
    return f"`{forms.replace(' <str>', '').replace(' <path>', '')}`\n:   {' '.join(each for each in said if each)}"


def _prose(text: str) -> str:
    """Return a help text as Markdown."""
    return _marked(inspect.cleandoc(text))


def _marked(text: str) -> str:
    """Return a text with options as code, and what Markdown or HTML would take for a mark as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if at % 2 else re.sub(r"(?<![\w`-])(--?[a-z][\w-]*)", r"`\1`", re.sub(r"([<*\[])", r"\\\1", part))
        for at, part in enumerate(parts)
    )


def _epilog(text: str | None) -> str:
    """Return an epilog as Markdown: what stands after a mark of `click` is kept as it is."""
    blocks = re.split(r"\n\n", inspect.cleandoc(text or ""))
    made = []
    for block in blocks:
        if block.startswith("\b\n"):
            title, _, rest = block.removeprefix("\b\n").partition("\n")
            made.append(f"{_marked(title)}\n\n```text\n{inspect.cleandoc(rest)}\n```")
        elif block:
            made.append(_prose(block))
    return "\n\n".join(made)

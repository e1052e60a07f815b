"""Configurations with comments, for people to read and change."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from equipoise.config._yaml import dump_yaml
from equipoise.errors import printable_line

_WIDTH = 100


def commented_yaml(data: Mapping[str, Any], comments: Mapping[str, str], path: str = "") -> str:
    r"""Write plain data as YAML, with comments above its keys.

    Parameters
    ----------
    data : mapping of str to object
        What `parse_yaml` reads back.
    comments : mapping of str to str
        Comments by dotted key; of a list or a mapping of values, above it. They are wrapped; what a terminal would
        interpret is escaped. The key "" has the comment above all.
    path : str
        The dotted key of `data` itself.

    Returns
    -------
    str

    Examples
    --------
    >>> print(commented_yaml({"plan": {"draws": 640}, "seed": 0}, {"": "A run.", "plan.draws": "One pass."}), end="")
    # A run.
    <BLANKLINE>
    plan:
      # One pass.
      draws: 640
    <BLANKLINE>
    seed: 0
    """
    lines = _comment(comments.get("", "")) if not path else []
    for key, value in data.items():
        here = f"{path}.{key}".lstrip(".")
        if not path and lines:
            lines.append("")
        lines += _comment(comments.get(here, ""))
        if isinstance(value, Mapping) and value:
            head = dump_yaml({key: {}}).removesuffix(" {}\n")
            inner = commented_yaml(value, comments, here)
            lines += [head, *(f"  {line}" for line in inner.removesuffix("\n").split("\n"))]
        else:
            lines += dump_yaml({key: value}).removesuffix("\n").split("\n")
    return "".join(f"{line}\n" for line in lines)


def _comment(text: str) -> list[str]:
    paragraphs = [printable_line(" ".join(each.split())) for each in text.splitlines()]
    return [f"# {line}" for each in paragraphs for line in wrap(each, _WIDTH, break_on_hyphens=False)]

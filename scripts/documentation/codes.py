"""The reference of error codes: each with its kinds and the messages that the sources have, from the sources."""

import ast
import re
from collections import defaultdict
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
KIND = re.compile(r"\w+(Error|Warning)|Problem")
CODE = re.compile(r"[a-z]+(-[a-z0-9]+)+")


def page() -> str:
    """Return the page of all codes."""
    found = codes()
    parts = [
        "# Error codes",
        (
            "The code of an error or a warning is in brackets on the terminal, and in Python its attribute `code`; "
            "codes do not change between versions, messages may. Here are all of them, with the messages in which "
            "they come, where these are fixed in the sources; dots are in place of values. What to do is in the "
            "message; [what to do on an error](../crashes.md#what-to-do-on-an-error) has more on those of runs. The "
            "classes are on [their page](errors.md)."
        ),
    ]
    for code, uses in sorted(found.items()):
        kinds = ", ".join(sorted({f"`{kind}`" for kind, _ in uses}))
        messages = sorted({message for _, message in uses if message})
        fenced = [f"``` {{ .text .wrapped }}\n{message}\n```" for message in messages]
        parts.append("\n\n".join((f"## {code}", kinds, *fenced)))
    return "\n\n".join(parts)


def codes() -> dict[str, list[tuple[str, str]]]:
    """Return the codes of the sources, each with the kinds and messages of its uses.

    Examples
    --------
    >>> codes()["no-sampler"][0][0]
    'ConfigError'
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted((SOURCES / "equipoise").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            texts = {
                node.targets[0].id: _text(node.value)
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            }
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                for kind, code, message in _use(call, texts):
                    found[code].append((kind, message))
    return dict(found)


def _use(call: ast.Call, texts: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return kind, code and message of a call that makes an error, a warning or a problem; none of another call."""
    kind = call.func.id if isinstance(call.func, ast.Name) else ""
    values = [each.value if isinstance(each, ast.Constant) else None for each in call.args]
    at = 1 if kind == "Problem" else 0  # its level is first
    if not KIND.fullmatch(kind) or len(values) < at + 2:
        return []
    code = values[at]
    if not isinstance(code, str) or not CODE.fullmatch(code):
        return []
    message = call.args[at + 1]
    kind = f"{values[0]}" if kind == "Problem" else kind
    return [(kind, code, texts.get(message.id, "") if isinstance(message, ast.Name) else _text(message))]


def _text(node: ast.expr) -> str:
    """Return a string of the sources with dots in place of its values; empty if it is made otherwise."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""

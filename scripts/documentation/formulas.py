"""Formulas of docstrings in HTML, without a script that a page would have to load."""

# ruff: noqa: RUF001 - the symbols of formulas look like letters

import re
from html import escape, unescape

FORMULA = re.compile(r":math:<code>(.*?)</code>|<p>\.\. math::(.*?)</p>", re.DOTALL)
SYMBOLS = {
    "pi": "π", "lambda": "λ", "epsilon": "ε", "xi": "ξ", "partial": "∂", "sum": "∑", "sim": "∼", "in": "∈",
    "leftarrow": "←", "top": "⊤", "cdot": "·", "le": "≤", "ge": "≥", "times": "×",
    "mid": "∣", "quad": "\u2003", ",": "\u2009",
    "qquad": "\u2003", "gamma": "γ", "{": "{", "}": "}",
}  # fmt: skip
FUNCTIONS = {"exp", "log", "ln", "min", "max"}
TOKEN = re.compile(r"\\([A-Za-z]+|.)|([_^{}])|(\s+)|([A-Za-z]+|.)", re.DOTALL)


def for_site(html: str) -> str:
    r"""Return a page with each formula of LaTeX in HTML.

    Examples
    --------
    >>> for_site(r"<p>:math:<code>\lambda_k = W_k / W</code></p>")
    '<p><span class="formula"><i>λ</i><sub><i>k</i></sub> = <i>W</i><sub><i>k</i></sub> / <i>W</i></span></p>'
    """
    return FORMULA.sub(
        lambda match: _written(unescape(match[1])) if match[1] else f"<p>{_written(unescape(match[2]))}</p>", html
    )


def _written(latex: str) -> str:
    tokens = [match.groups() for match in TOKEN.finditer(latex.strip())]
    made, rest = _group(tokens)
    if rest:
        raise ValueError(f"unbalanced braces in {latex!r}")
    return f'<span class="formula">{made}</span>'


Tokens = list[tuple[str | None, ...]]


def _group(tokens: Tokens) -> tuple[str, Tokens]:
    """Return what stands before the next closing brace in HTML, and what stands after it."""
    made = ""
    while tokens:
        if tokens[0][1] == "}":
            return made, tokens[1:]
        one, tokens = _one(tokens)
        made += one
    return made, []


def _one(tokens: Tokens) -> tuple[str, Tokens]:
    (command, mark, space, text), tokens = tokens[0], tokens[1:]
    if mark == "{":
        return _group(tokens)
    if mark in {"_", "^"}:
        inner, tokens = _one(tokens)
        tag = "sub" if mark == "_" else "sup"
        return f"<{tag}>{inner}</{tag}>", tokens
    if command is not None:
        return _command(command, tokens)
    if space:
        return " ", tokens
    return (f"<i>{text}</i>" if (text or "").isalpha() else escape(text or "")), tokens


def _command(command: str, tokens: Tokens) -> tuple[str, Tokens]:
    if command in {"operatorname", "text"}:
        name, tokens = _one(tokens)
        return re.sub(r"</?i>", "", name), tokens
    if command == "sqrt":
        inner, tokens = _one(tokens)
        return f'√<span class="root">{inner}</span>', tokens
    if command in FUNCTIONS:
        return command, tokens
    symbol = SYMBOLS[command]
    return (f"<i>{symbol}</i>" if symbol.isalpha() else symbol), tokens

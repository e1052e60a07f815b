"""The reference of the Python interface: a page for each room, every public name on exactly one of them."""

import ast
import inspect
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import griffe

SOURCES = Path(__file__).parents[2] / "src"
# The modules of each page; what users import from them is what their `__all__` names.
PAGES: dict[str, tuple[str, ...]] = {
    "census": ("equipoise.census",),
    "rates": ("equipoise.rates",),
    "weights": ("equipoise.weights",),
    "plan": ("equipoise.plan",),
    "schedule": ("equipoise.schedule",),
    "feedback": ("equipoise.feedback",),
    "drawing": ("equipoise.drawing",),
    "samplers": ("equipoise.samplers",),
    "multilabel": ("equipoise.multilabel",),
    "iterable": ("equipoise.iterable",),
    "testing": ("equipoise.testing",),
    "errors": ("equipoise.errors",),
    "data": ("equipoise.data",),
    "config": ("equipoise.config",),
    "collate": ("equipoise.collate",),
    "models": ("equipoise.models",),
    "losses": (
        "equipoise.losses",
        "equipoise.losses.tokens",
        "equipoise.losses.labels",
        "equipoise.losses.tasks",
        "equipoise.losses.training",
    ),
    "metrics": ("equipoise.metrics",),
    "calibration": ("equipoise.calibration",),
    "statistics": ("equipoise.statistics",),
    "compare.advice": ("equipoise.compare.advice",),
    "loaders": ("equipoise.loaders",),
    "trainer": ("equipoise.trainer",),
}
# What samplers offer to the rooms around them, and not to users.
INTERNAL = {
    "samplers": {
        *("bounds", "check", "check_after", "earliest_after", "of_all_ranks", "read"),
        *("resume_checked", "settled", "start", "start_at", "trained_until"),
    }
}


@cache
def _tree(module: str) -> ast.Module:
    path = SOURCES.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def names_of(module: str) -> list[str]:
    """Return the public names of a module: its `__all__`, or else the classes that it defines.

    Examples
    --------
    >>> names_of("equipoise.census")
    ['Census', 'Stratum']
    """
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    classes = [node.name for node in _tree(module).body if isinstance(node, ast.ClassDef)]
    return [name for name in classes if not name.startswith("_")]


def home_of(module: str, name: str) -> str:
    """Return where a name is defined that a module hands on.

    Examples
    --------
    >>> home_of("equipoise", "Plan")
    'equipoise.plan.plan.Plan'
    """
    for node in ast.walk(_tree(module)):
        source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        handed_on = source.startswith("equipoise") and source != module  # or a module of this one
        if handed_on and any(alias.name == name for alias in node.names):
            return home_of(source, name)
    return f"{module}.{name}"


def entries(page: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of what stands on a page; a name of several modules of it stands under the first."""
    seen: set[str] = set()
    for module in PAGES[page]:
        for name in names_of(module):
            if (home := home_of(module, name)) not in seen:
                seen.add(home)
                yield module, name


def page(name: str) -> str:
    """Return the page of a room, with a directive of mkdocstrings for each public name."""
    first, *_ = PAGES[name]
    parts = [f"# `{first}`", _docstring(first)]
    module = first
    if len(PAGES[name]) > 1:
        parts.append(f"## `{first}`")
    for where, entry in entries(name):
        if where != module:
            module = where
            parts += [f"## `{module}`", _docstring(module)]
        options: dict[str, object] = {"inherited_members": inherited(name, home_of(where, entry))}
        if name in INTERNAL:
            options["filters"] = ["!^_", f"!^({'|'.join(sorted(INTERNAL[name]))})$"]
        if len(PAGES[name]) > 1:
            options["heading_level"] = 3
        parts.append(f"::: {_identifier(where, entry)}\n    options: {json.dumps(options)}")
    return "\n\n".join(parts)


@cache
def _package() -> griffe.Module:
    return cast(griffe.Module, griffe.load("equipoise", search_paths=[SOURCES]))


def inherited(page: str, home: str) -> list[str]:
    """Return which inherited members stand under a class: those that no base of it on the same page has.

    Examples
    --------
    >>> inherited("rates", "equipoise.rates.base.Rates"), inherited("rates", "equipoise.rates.equal.Equal")
    (['help', 'of', 'to_dict'], [])
    """
    found = _package()[home.removeprefix("equipoise.")]
    if not isinstance(found, griffe.Class):
        return []
    shown = {home_of(module, name) for module, name in entries(page)}
    bases = [base for base in found.mro() if base.path in shown]
    under_bases = {name for base in bases for name in base.all_members}
    public = {name for name, member in found.inherited_members.items() if member.has_docstring and name[0] != "_"}
    return sorted(public - under_bases - INTERNAL.get(page, set()))


def index() -> str:
    """Return the page with every public name and the first line of its docstring, by room."""
    found = {home_of(module, name): (module, name) for each in PAGES for module, name in entries(each)}
    short = {home_of("equipoise", name): name for name in names_of("equipoise")}
    parts = [
        "# Python reference",
        (
            "Every public name, by the module that it is imported from. What is marked with ★ can also be imported "
            "from `equipoise` itself, as in `from equipoise import Plan`. The first part of the modules needs numpy "
            "and pyarrow alone, and its samplers torch; the second needs the extra `train`."
        ),
    ]
    for each, modules in PAGES.items():
        if each == "census":
            parts.append("## Plans and draws")
        if each == "data":
            parts.append("## Training, evaluation, comparison")
        parts.append(f"### [`{modules[0]}`]({each}.md)\n\n{_docstring(modules[0]).splitlines()[0]}")
        lines = [
            f"- [`{name}`][{_identifier(module, name)}]{' ★' if home in short else ''}: {_summary(home)}"
            for home, (module, name) in found.items()
            if module in modules
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _identifier(module: str, name: str) -> str:
    """Return the path by which mkdocstrings finds a name: that of its home, if a file of the room has the same name."""
    return home_of(module, name) if _is_module(f"{module}.{name}") else f"{module}.{name}"


def _is_module(name: str) -> bool:
    path = SOURCES.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _docstring(module: str) -> str:
    return inspect.cleandoc(ast.get_docstring(_tree(module)) or "")


def _summary(home: str) -> str:
    """Return the first line of the docstring of a name, or what it is."""
    module, _, name = home.rpartition(".")
    body = _tree(module).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found, text = node.name, ast.get_docstring(node)
        else:  # a constant, with its docstring below it
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            found = target.id if isinstance(target, ast.Name) else ""
            text = str(ast.literal_eval(after.value)) if isinstance(after, ast.Expr) else None
        if found == name and text:
            return text.splitlines()[0]
    raise LookupError(f"{home} has no docstring")

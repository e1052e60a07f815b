"""Classes found by their attribute `name`, and made from a name with options: one file is all that a new one needs."""

import difflib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, TypeVar, cast

from equipoise.errors import EquipoiseError

T = TypeVar("T")


def suggest(name: object, known: Iterable[str], show: Callable[[str], str] = repr) -> str:
    """Return " Did you mean 'x'?" for the known name that is nearest, or "" where none is near.

    Examples
    --------
    >>> suggest("eqaul", ["equal", "proportional"])
    " Did you mean 'equal'?"
    >>> suggest("nonsense", ["equal", "proportional"])
    ''
    """
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
    return f" Did you mean {show(folded[close[0]])}?" if close else ""


def registered(base: type[T]) -> dict[str, type[T]]:
    """Return the subclasses of a base that have a `name` of their own, by name.

    Every module of the package that the base stands in is imported first, so a new file there is known at once; a
    subclass defined anywhere else is known once it is defined.

    Examples
    --------
    >>> class Shape: ...
    >>> class Round(Shape):
    ...     name = "round"
    >>> registered(Shape) == {"round": Round}
    True
    """
    package = import_module(base.__module__.rpartition(".")[0])
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        import_module(found.name)
    pending, known = [base], dict[str, type[T]]()
    while pending:
        for each in pending.pop().__subclasses__():
            pending.append(each)
            if isinstance(vars(each).get("name"), str):
                known[cast(Any, each).name] = each
    return dict(sorted(known.items()))


def options_of(kind: Callable[..., Any], arguments: int = 0) -> dict[str, inspect.Parameter]:
    """Return the parameters that a configuration may set: all but the first `arguments` and `*args`, `**kwargs`."""
    parameters = list(inspect.signature(kind).parameters.values())[arguments:]
    return {each.name: each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}


def make(
    base: type[T],
    value: Any,
    kind: str,
    error: type[EquipoiseError],
    *arguments: Any,
    defaults: Mapping[str, Any] | None = None,
    others: Iterable[str] = (),
) -> T:
    """Make a registered class from its name, or from a mapping of `name` and options.

    Parameters
    ----------
    base : type
        The base of the classes.
    value : str, mapping or instance of base
        "equal", {"name": "temperature", "temperature": 2}, or an instance, which is returned as it is. Any option
        is passed to a class that takes `**options`.
    kind : str
        What the classes are, for messages: "mixing rates".
    error : type of EquipoiseError
        What is raised, with the codes "unknown-name", "unknown-option", "missing-option" and "bad-option".
    *arguments
        Passed on before the options.
    defaults : mapping, optional
        Options that are set where the value does not set them and the class takes them.
    others : iterable of str
        Further options that the caller takes itself, for messages.

    Examples
    --------
    >>> from equipoise.errors import PlanError
    >>> class Shape: ...
    >>> class Round(Shape):
    ...     name = "round"
    ...     def __init__(self, radius=1): self.radius = radius
    >>> make(Shape, {"name": "round", "radius": 3}, "shapes", PlanError).radius
    3
    >>> make(Shape, "ruond", "shapes", PlanError)
    Traceback (most recent call last):
        ...
    equipoise.errors.PlanError: unknown shapes 'ruond'. Did you mean 'round'? Known: round.
    """
    if isinstance(value, base):
        return value
    given = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {"name": value}
    name, known = given.pop("name", None), registered(base)
    if not isinstance(name, str) or name not in known:
        raise error("unknown-name", f"unknown {kind} {name!r:.80}.{suggest(name, known)} Known: {', '.join(known)}.")
    accepted = options_of(known[name], len(arguments))
    forwards = any(each.kind is each.VAR_KEYWORD for each in inspect.signature(known[name]).parameters.values())
    for option in given:
        if option not in accepted and not forwards:
            names = list(dict.fromkeys((*accepted, *others)))
            taken = ", ".join(names) or "no options"
            hint = suggest(option, names)
            raise error("unknown-option", f"{kind} {name!r} take {taken}, found {option!r:.80}.{hint}")
    options = {key: each for key, each in (defaults or {}).items() if key in accepted} | given
    missing = [key for key, each in accepted.items() if each.default is each.empty and key not in options]
    if missing:
        raise error("missing-option", f"{kind} {name!r} need the option {missing[0]!r}, found {sorted(options)}.")
    try:
        return known[name](*arguments, **options)
    except EquipoiseError:
        raise
    except (TypeError, ValueError, OverflowError) as problem:
        raise error("bad-option", f"{kind} {name!r} cannot be made of {options!r:.200}: {problem}.") from problem

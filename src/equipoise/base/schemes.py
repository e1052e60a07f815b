"""The base of mixing rates, class weights and label losses: found by name, made of a string, written as JSON."""

import math
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Self, TypeGuard, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

from equipoise.base.registry import make, registered, suggest
from equipoise.errors import PlanError

S = TypeVar("S", bound="Scheme")
Read = Callable[[str], Any]
"""Reads the file that a string names, for options that are mappings."""


class Scheme:
    """Base of frozen dataclasses that are found by their class attribute `name`.

    A scheme is one file in the package of its base, or a subclass defined anywhere else; its options are its fields.

    Attributes
    ----------
    name : str
        The name in configurations, on the command line and in JSON.
    aliases : mapping of str to str
        Further names, each with the string that it abbreviates.
    common : tuple of str
        Options that every scheme of the base takes beside its fields.
    values : int
        How many of its first options a string may give without their names.
    kind : str
        Name of the base's schemes in messages, such as "class weights".

    Examples
    --------
    >>> from equipoise.weights import ClassWeights, Power
    >>> str(Power(gamma=0.5)), Power(gamma=0.5).to_dict()
    ('Power(gamma=0.5)', {'name': 'power', 'gamma': 0.5})
    >>> ClassWeights.of("power:0.5"), ClassWeights.of("sqrt"), ClassWeights.of({"name": "power", "gamma": 0.5})
    (Power(gamma=0.5), Power(gamma=0.5), Power(gamma=0.5))
    """

    name: ClassVar[str]
    aliases: ClassVar[Mapping[str, str]] = {}
    kind: ClassVar[str] = "scheme"
    common: ClassVar[tuple[str, ...]] = ()
    values: ClassVar[int] = 1

    def __str__(self) -> str:
        """Return the call that makes this scheme, without options that are None."""
        options = (f"{name}={value}" for name, value in _options(self).items())
        return f"{type(self).__name__}({', '.join(options)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the scheme as JSON values: its `name` and its options, without those that are None."""
        plain = {key: each.to_dict() if isinstance(each, Scheme) else each for key, each in _options(self).items()}
        return {"name": getattr(self, "name", type(self).__name__), **plain}

    @classmethod
    def of(cls, value: Any, read: Read | None = None) -> Self:
        """Make a scheme of this base from a string or a mapping.

        Parameters
        ----------
        value : str, mapping or scheme
            ``NAME[:VALUE][,option=value]...``, where VALUE is the scheme's first option, and may be several values,
            separated by commas, of a scheme that says so; a mapping of `name` and options, as `to_dict` returns it; or
            a scheme, which is returned unchanged.
        read : callable, optional
            Reads the file that VALUE names where the option is a mapping or a list.

        Raises
        ------
        PlanError
            If the name or an option is unknown, or an option is missing or out of its range.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls._from_options(_parsed(cls, value, read), read)
        if isinstance(value, Mapping) and "name" in value:
            given = dict(cast("Mapping[str, Any]", value))
            return cls._from_options(_parsed(cls, _known_name(cls, given.pop("name")), read) | given, read)
        needs = {
            name: [each.default is MISSING for each in fields(cast("Any", kind))]
            for name, kind in registered(cls).items()
        }
        example = min(needs, key=lambda name: (any(needs[name]), len(needs[name])))
        message = f"{cls.kind} must be a string such as {example!r} or a mapping with the key `name`, found"
        if isinstance(value, type):
            hint = f"the class {value.__name__}. Call it: {value.__name__}(...)."
        elif isinstance(value, Scheme):
            hint = f"{value.kind} {value}."
        else:
            found = sorted(map(str, value)) if isinstance(value, Mapping) else value
            hint = f"{found!r:.80}. Known: {', '.join(registered(cls))}.{_as_table(cls, value)}"
        raise PlanError("not-a-scheme", f"{message} {hint}")

    @classmethod
    def _from_options(cls, options: dict[str, Any], read: Read | None) -> Self:
        for key, hint in get_type_hints(registered(cls)[options["name"]]).items():
            if _is_scheme(hint) and isinstance(options.get(key), str | Mapping):
                options[key] = hint.of(options[key], read)
        return make(cls, options, cls.kind, PlanError, others=cls.common)

    @classmethod
    def help(cls) -> str:
        """Return a line for each scheme of this base: its string form, and the first line of its docstring."""
        lines: list[str] = []
        for name, kind in registered(cls).items():
            first, *others = [*fields(cast("Any", kind))[: kind.values], None]
            if first is None:
                form = name
            elif _wraps_a_scheme(kind):
                continue  # it has no string form
            else:
                value = "FILE" if _is_table(get_type_hints(kind)[first.name]) else first.name.upper()
                value += "".join(f"[,{each.name.upper()}]" for each in others if each is not None)
                optional = first.default is not MISSING
                form = f"{name}[:{value}]" if optional else f"{name}:{value}"
            lines.append(f"{form}: {(kind.__doc__ or '').partition(chr(10))[0]}")
            lines += [f"{alias}: {text}" for alias, text in kind.aliases.items()]
        return "\n".join(lines)


def class_named(base: type[S], name: str) -> type[S]:
    """Return the scheme class of this name, for the `__getattr__` of a package; AttributeError if there is none."""
    for each in registered(base).values() if not name.startswith("_") else ():
        if each.__name__ == name:
            return each
    raise AttributeError(f"no {base.kind} are named {name!r}")


def _wraps_a_scheme(kind: type[Scheme]) -> bool:
    return any(_is_scheme(get_type_hints(kind)[field.name]) for field in fields(cast("Any", kind)))


def _as_table(base: type[Scheme], value: Any) -> str:
    """Say how a mapping without a name is given to the scheme that takes numbers."""
    for name, kind in registered(base).items() if isinstance(value, Mapping) and value else ():
        first, *_ = [*fields(cast("Any", kind))[: kind.values], None]
        if first is not None and _holds_numbers(get_type_hints(kind)[first.name]):
            key = next(iter(cast("Mapping[Any, Any]", value)))
            return f" Numbers of your own: {{name: {name}, {first.name}: {{{key}: ...}}}}."
    return ""


def _options(scheme: Scheme) -> dict[str, Any]:
    values = {field.name: getattr(scheme, field.name) for field in fields(cast("Any", scheme))}
    return {name: value for name, value in values.items() if value is not None}


def _known_name(base: type[Scheme], name: object) -> str:
    known = registered(base)
    aliases = [alias for each in known.values() for alias in each.aliases]
    if not isinstance(name, str) or name not in (*known, *aliases):
        names = [*(each for each, kind in known.items() if not _wraps_a_scheme(kind)), *aliases]
        message = f"unknown {base.kind} {name!r:.80}.{suggest(name, names)} Known: {', '.join(names)}."
        raise PlanError("unknown-name", message)
    return name


def _parsed(base: type[Scheme], text: str, read: Read | None) -> dict[str, Any]:
    """Return `name` and options of a string."""
    head, *rest = text.split(",")
    name, colon, argument = (part.strip() for part in head.partition(":"))
    known = registered(base)
    full = next((each.aliases[name] for each in known.values() if name in each.aliases), None)
    options: dict[str, Any] = {"name": _known_name(base, name)} if full is None else _parsed(base, full, read)
    kind = known[options["name"]]
    hints = get_type_hints(kind)
    unnamed = [field.name for field in fields(cast("Any", kind))[: kind.values]] if colon and full is None else []
    if colon:
        if not unnamed:
            raise PlanError("unknown-option", f"{name!r} takes no value after a colon, found {argument!r:.80}.")
        first = unnamed.pop(0)
        if _holds_numbers(hints[first]) and _pair(argument, hints):
            pairs = [pair for each in (argument, *rest) if (pair := _pair(each, hints))]
            rest = [each for each in rest if not _pair(each, hints)]
            options[first] = dict(pairs)
            if len(options[first]) < len(pairs):
                raise PlanError("duplicate-key", f"{name!r} is given a name twice, in {text!r:.80}.")
        else:
            options[first] = _value(name, hints[first], argument, read)
    for option in rest:
        key, equals, value = (part.strip() for part in option.partition("="))
        if not equals and key and unnamed:
            key, equals, value = unnamed.pop(0), "=", key
        elif equals:
            unnamed = []  # what follows a name has one itself
        if not equals or not key:
            message = f"an option of {name!r} must look like `name=value`, found {option!r:.80}."
            raise PlanError("not-an-option", message)
        options[key] = _value(key, hints.get(key), value, read)
    return options


def _pair(text: str, options: Container[str] = ()) -> tuple[str, float] | None:
    """Return the key and the number of ``KEY=NUMBER``; None if it is something else, or the key is an option."""
    key, _, value = (part.strip() for part in text.rpartition("="))
    try:
        return (key, float(value)) if key and key not in options else None
    except ValueError:
        return None


def _value(name: str, hint: Any, text: str, read: Read | None) -> Any:
    if _is_table(hint):
        if read is None:
            kind = "mapping" if issubclass(get_origin(hint), Mapping) else "list"
            raise PlanError(f"not-a-{kind}", f"{name!r} needs a {kind}, found {text!r:.80}. Pass the scheme itself.")
        return read(text)
    try:
        return int(text) if re.fullmatch(r"[-+]?[0-9]{1,300}", text) else float(text)
    except ValueError:
        if hint in (None, float, float | None):
            raise PlanError("not-a-number", f"{name!r} needs a number, found {text!r:.80}.") from None
        return text


def _is_scheme(hint: Any) -> TypeGuard[type[Scheme]]:
    return isinstance(hint, type) and issubclass(hint, Scheme)


def _is_table(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping | Sequence)


def _holds_numbers(hint: Any) -> bool:
    return _is_table(hint) and get_args(hint) == (str, float)


def checked_names(name: str, values: Mapping[Any, Any]) -> None:
    """Raise a PlanError if a key is not a string: YAML reads an unquoted 1 or yes as something else."""
    odd = [key for key in values if not isinstance(key, str)]
    if odd:
        raise PlanError("not-a-string", f"`{name}` must have strings as keys, found {odd[0]!r}. Quote it.")


def checked_number(
    name: str, value: object, *, above: float | None = None, least: float | None = None, hint: str
) -> float:
    """Return `value` as a float, or raise a PlanError that says what `name` must be.

    Parameters
    ----------
    name : str
        The argument, for the message.
    value : object
        The value to check, of Python or numpy. Booleans, strings, NaN and infinities are rejected.
    above, least : float, optional
        An open or a closed lower bound.
    hint : str
        The sentence that says what to do.
    """
    code = "not-a-number"
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    number: Any = value if is_number else math.nan
    if math.isfinite(number):
        if (above is None or number > above) and (least is None or number >= least):
            return float(number)
        code = "out-of-range"
    bounds = ("" if above is None else f" above {above:g}") + ("" if least is None else f" of at least {least:g}")
    raise PlanError(code, f"`{name}` must be a finite number{bounds}, found {kind_of(value)}. {hint}")


def kind_of(value: object) -> str:
    """Return a number, also as a string, or what is empty; of anything else the type: its file may be another one.

    Examples
    --------
    >>> kind_of(-1), kind_of("a password"), kind_of(["a password"])
    ('-1', 'a string', 'a list')
    """
    is_number = isinstance(value, bool | int | float | np.integer | np.floating)
    is_empty = value is None or (isinstance(value, str | list | tuple | Mapping) and not value)
    if is_number or is_empty or (isinstance(value, str) and re.fullmatch(r"[-+.eE\d]{1,30}", value)):
        return f"{value!r:.80}"
    kinds: dict[type, str] = {str: "a string", list: "a list", tuple: "a tuple"}
    return kinds.get(type(value), "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}")

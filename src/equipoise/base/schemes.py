"""What class-weight and mixing-rate schemes share: their text, their JSON form, and checks of arguments."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from equipoise.errors import PlanError

S = TypeVar("S", bound="Scheme")


class Scheme:
    """Base of the frozen dataclasses that a plan is made of.

    Examples
    --------
    >>> from equipoise.weights import Power
    >>> str(Power(gamma=0.5)), Power(gamma=0.5).to_dict()
    ('Power(gamma=0.5)', {'scheme': 'Power', 'gamma': 0.5})
    """

    def __str__(self) -> str:
        """Give the call that makes this scheme, without the options left out."""
        options = (f"{name}={value}" for name, value in _options(self).items())
        return f"{type(self).__name__}({', '.join(options)})"

    def to_dict(self) -> dict[str, Any]:
        """Give the scheme as JSON values: its name under `scheme`, then its options."""
        values = {
            name: value.to_dict() if isinstance(value, Scheme) else value for name, value in _options(self).items()
        }
        return {"scheme": type(self).__name__, **values}


def _options(scheme: Scheme) -> dict[str, Any]:
    assert is_dataclass(scheme)
    values = {field.name: getattr(scheme, field.name) for field in fields(scheme)}
    return {name: value for name, value in values.items() if value is not None}


def scheme_from_dict(values: Mapping[str, Any], known: Mapping[str, type[S]], kind: str) -> S:
    """Make a scheme from what its `to_dict` gave.

    Parameters
    ----------
    values : mapping
        The name of the scheme under `scheme`, and its options.
    known : mapping of str to type
        The schemes that may be named.
    kind : str
        What the scheme is, for messages: "class weights" or "mixing rates".

    Raises
    ------
    PlanError
        When the scheme or an option is unknown, or an option is missing or out of its range.
    """
    name = values.get("scheme")
    if not isinstance(name, str) or name not in known:
        raise PlanError(f"`scheme` of the {kind} must be one of {', '.join(known)}, found {name!r}.")
    options = {key: value for key, value in values.items() if key != "scheme"}
    accepted = {field.name: field for field in fields(known[name])}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        taken = ", ".join(accepted) or "no options"
        raise PlanError(f"{name} takes {taken}, found {', '.join(unknown)}. Remove or rename it.")
    required = [key for key, field in accepted.items() if field.default is MISSING]
    missing = [key for key in required if key not in options]
    if missing:
        raise PlanError(f"{name} needs {', '.join(missing)}, found {sorted(options) or 'no options'}.")
    for key, value in options.items():
        if isinstance(value, Mapping) and isinstance(value.get("scheme"), str):
            options[key] = scheme_from_dict(value, known, kind)
    return known[name](**options)


def checked_names(name: str, values: Mapping[Any, Any]) -> None:
    """Raise a PlanError when a key is no text: YAML reads an unquoted 1 or yes as something else."""
    odd = [key for key in values if not isinstance(key, str)]
    if odd:
        raise PlanError(f"`{name}` must have texts as keys, found {odd[0]!r}. Quote it.")


def checked_number(
    name: str, value: object, *, above: float | None = None, least: float | None = None, hint: str
) -> float:
    """Give `value` as a float, or raise a PlanError that says what `name` must be.

    Parameters
    ----------
    name : str
        The argument, for the message.
    value : object
        What the caller gave. Booleans, texts, NaN and infinities are refused.
    above, least : float, optional
        An open or a closed lower bound.
    hint : str
        The sentence that says what to do.
    """
    wanted = "a finite number"
    if above is not None:
        wanted += f" above {above:g}"
    if least is not None:
        wanted += f" of at least {least:g}"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if (above is None or number > above) and (least is None or number >= least):
            return number
    raise PlanError(f"`{name}` must be {wanted}, found {value!r}. {hint}")

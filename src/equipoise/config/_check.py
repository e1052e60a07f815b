"""The checks of numbers and choices in configurations."""

import math
from collections.abc import Sequence

from equipoise.errors import ConfigError


def in_range(name: str, value: float, low: float, high: float = math.inf, *, open_low: bool = False) -> None:
    """Reject a number outside ``[low, high]``, or ``(low, high]`` if `open_low`."""
    if math.isnan(value) or value > high or value < low or (open_low and value == low):
        above = f"greater than {low}" if open_low else f"at least {low}"
        limits = above if high == math.inf else f"{above} and at most {high}"
        raise ConfigError("out-of-range", f"`{name}` must be {limits}, found {value}.")


def one_of(name: str, value: str, choices: Sequence[str]) -> None:
    """Reject a string that is not one of the choices."""
    if value not in choices:
        raise ConfigError("unknown-choice", f"`{name}` must be one of {', '.join(choices)}, found {value!r}.")

"""Losses by name, without torch: the registries of label and token losses behind a mapping of name, level, options."""

from collections.abc import Mapping
from typing import Any, Final

from equipoise.base.registry import make, registered, suggest
from equipoise.errors import ConfigError
from equipoise.losses.labels.base import LabelLoss
from equipoise.losses.tokens.base import NamedTokenLoss

LEVELS: Final = ("sequence", "token", "label")


def default_level(name: object) -> str:
    """Return the level of a loss where a configuration sets none: that of its token loss, or else `label`."""
    of_tokens = registered(NamedTokenLoss)
    return of_tokens[name].default_level if isinstance(name, str) and name in of_tokens else "label"


def named_loss(chosen: str | Mapping[str, Any]) -> tuple[LabelLoss | NamedTokenLoss, str, float]:
    """Make the loss that a configuration names, its level and `length_norm`; see `ConfiguredLoss.of`.

    Examples
    --------
    >>> named_loss({"name": "focal", "gamma": 1})
    (TokenFocal(gamma=1, label_smoothing=0.0), 'sequence', 0.0)
    """
    given = dict(chosen) if isinstance(chosen, Mapping) else {"name": chosen}
    name, level = given.get("name"), given.pop("level", None)
    if level is None:
        level = default_level(name)
    if level not in LEVELS:
        hint = suggest(level, LEVELS)
        raise ConfigError(
            "unknown-level", f"`level` of a loss must be one of {', '.join(LEVELS)}, found {level!r:.80}.{hint}"
        )
    if level == "label":
        length_norm = given.pop("length_norm", 0.0)
        check_length_norm(length_norm)
        return LabelLoss.of(given), level, float(length_norm)
    if isinstance(name, str) and name in registered(LabelLoss) and name not in registered(NamedTokenLoss):
        raise ConfigError(
            "wrong-level",
            f"{name} is a loss of label scores, so its `level` must be label, found {level}. Remove it.",
        )
    return make(NamedTokenLoss, given, "token losses", ConfigError), level, 0.0


def check_length_norm(value: object) -> None:
    """Raise a ConfigError unless the value is a power in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(
            "out-of-range",
            f"`length_norm` must be in [0, 1], found {value!r}. Use 0 for log-likelihoods of whole labels.",
        )

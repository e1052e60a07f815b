"""The loss of a run: a name, or a mapping of `name`, `level` and options."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from equipoise.config._schemes import parse_weights
from equipoise.errors import ConfigError

Level = Literal["sequence", "token", "label"]

# Options by name. Their values are checked by the losses themselves, when training starts: those need torch.
TOKEN_LOSSES: Mapping[str, tuple[str, ...]] = {
    "cross_entropy": ("label_smoothing",),
    "focal": ("gamma", "label_smoothing"),
    "logit_adjusted": ("tau", "aim"),  # where labels differ in their first token
}
LABEL_LOSSES: Mapping[str, tuple[str, ...]] = {
    "cross_entropy": (),
    "weighted": ("weights", "on_top"),
    "focal": ("gamma",),
    "class_balanced_focal": ("beta", "gamma"),
    "balanced_softmax": (),
    "logit_adjusted": ("tau", "aim"),
    "ldam": ("max_margin", "scale", "reweight_from", "beta"),
    "vector_scaling": ("gamma", "tau"),
    "cost_sensitive": ("costs",),
}


@dataclass(frozen=True)
class LossConfig:
    """What training minimises.

    Attributes
    ----------
    name : str
        One of `TOKEN_LOSSES` (levels `sequence` and `token`) or `LABEL_LOSSES` (level `label`).
    level : {"sequence", "token", "label"}
        A loss of target tokens, a mean per sequence or per token; or one of the scores of all labels of the task.
    options : mapping of str to object
        Further options of the loss, and `length_norm` at level `label`.
    """

    name: str = "cross_entropy"
    level: Level = "sequence"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def length_norm(self) -> float:
        """The power of a label's length that its score is divided by; 0 leaves log-likelihoods."""
        return float(self.options.get("length_norm", 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping that `parse_loss` reads."""
        return {"name": self.name, "level": self.level, **self.options}


def parse_loss(value: Any) -> LossConfig:
    """Read a loss from its name, or from a mapping.

    The level may be left out: `cross_entropy` and `focal` then mean `sequence`, all others `label`.

    Parameters
    ----------
    value : str or mapping
        What a configuration says.

    Returns
    -------
    LossConfig

    Raises
    ------
    ConfigError
        If the name, the level or an option is unknown.

    Examples
    --------
    >>> parse_loss("balanced_softmax")
    LossConfig(name='balanced_softmax', level='label', options={})
    >>> parse_loss({"name": "cross_entropy", "level": "token", "label_smoothing": 0.1}).to_dict()
    {'name': 'cross_entropy', 'level': 'token', 'label_smoothing': 0.1}
    """
    given = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {"name": value}
    name, level = given.pop("name", None), given.pop("level", None)
    if not isinstance(name, str) or name not in LABEL_LOSSES:  # it holds the names of all
        close = difflib.get_close_matches(str(name), LABEL_LOSSES, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"the loss must have a `name` out of {', '.join(LABEL_LOSSES)}, found {name!r:.80}.{hint}")
    if level is None:
        level = "sequence" if name in ("cross_entropy", "focal") else "label"
    if level not in get_args(Level):
        raise ConfigError(f"`level` of a loss must be one of {', '.join(get_args(Level))}, found {level!r}.")
    if level != "label" and name not in TOKEN_LOSSES:
        raise ConfigError(f"{name} is a loss of label scores, so its `level` must be label, found {level}. Remove it.")
    accepted = TOKEN_LOSSES[name] if level != "label" else (*LABEL_LOSSES[name], "length_norm")
    for option in given:
        if option not in accepted:
            taken = ", ".join(accepted) or "no options"
            raise ConfigError(f"{name} at level {level} takes {taken}, found `{option}`. Remove or rename it.")
    if "weights" in given:
        given["weights"] = parse_weights(given["weights"]).to_dict()
    return LossConfig(name, level, given)

"""The loss of a run: a name, or a mapping of `name`, `level` and options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, cast, get_args

from equipoise.config._values import one_of, parse_weights
from equipoise.errors import ConfigError

Level = Literal["sequence", "token", "label"]


@dataclass(frozen=True)
class LossConfig:
    """The loss that training minimises, with the options of the loss of this name.

    Attributes
    ----------
    name : str
        The name of a loss.
    level : {"sequence", "token", "label"}
        A loss of target tokens, as a mean per sequence or per token; or of the scores of all labels of the task.
    options : mapping of str to object
        Further options of the loss, and `length_norm` at level `label`.

    Raises
    ------
    ConfigError, PlanError
        If the name, the level or an option is unknown, or an option is missing or out of its range.
    """

    name: str = "cross_entropy"
    level: Level = "sequence"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        _losses().named_loss(self.to_dict())

    @property
    def length_norm(self) -> float:
        """The power of a label's length that divides its score; 0 leaves log-likelihoods."""
        return float(self.options.get("length_norm", 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping that `parse_loss` reads."""
        return {"name": self.name, "level": self.level, **self.options}


def parse_loss(value: Any) -> LossConfig:
    """Read a loss from its name, or from a mapping.

    The level may be omitted: each token loss has a default level, all other losses are of level `label`.

    Parameters
    ----------
    value : str or mapping
        The value of the key `loss`.

    Returns
    -------
    LossConfig

    Raises
    ------
    ConfigError, PlanError
        If there is no name, or as for `LossConfig`.

    Examples
    --------
    >>> parse_loss("balanced_softmax")
    LossConfig(name='balanced_softmax', level='label', options={})
    >>> parse_loss({"name": "cross_entropy", "level": "token", "label_smoothing": 0.1}).to_dict()
    {'name': 'cross_entropy', 'level': 'token', 'label_smoothing': 0.1}
    """
    options = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {"name": value}
    name, level = options.pop("name", None), options.pop("level", None)
    if not isinstance(name, str):
        message = f"a loss must be a name, or a mapping with the key `name`, found {value!r:.80}."
        raise ConfigError("missing-name", message)
    if level is None:
        level = _losses().default_level(name)
    one_of("level", level, get_args(Level))
    if "weights" in options:  # read here, so that the saved configuration holds tables and not names of files
        options["weights"] = parse_weights(options["weights"]).to_dict()
    return LossConfig(name, level, options)


def _losses() -> Any:
    # Losses are above configurations, as they use data and models. These are found by name, and need no torch.
    return import_module("equipoise.losses.named")

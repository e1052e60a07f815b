"""The adapter that is trained instead of the whole model: a mapping, or ``r=16,alpha=32,targets=q+v``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from equipoise.config._values import in_range, one_of
from equipoise.config._yaml import parse_yaml
from equipoise.errors import ConfigError

_OWN = ("kind", "r", "alpha", "dropout", "targets")
_NAMES = {"lora_alpha": "alpha", "lora_dropout": "dropout", "target_modules": "targets"}
_DECIDED = ("task_type", "peft_type", "inference_mode", "base_model_name_or_path", "auto_mapping", "megatron_config")


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Matrices of low rank beside those of the model, which stays as it is.

    Attributes
    ----------
    kind : {"lora"}
        The sort of adapter.
    r : int
        The rank.
    alpha : float
        The output of the adapter is multiplied by ``alpha / r``. `parse_adapter` fills in ``2 r``.
    dropout : float
        The dropout before the adapter.
    targets : tuple of str
        Names of the modules that get one; () for those that PEFT chooses for the type of model, or all linear layers.
    options : mapping of str to object
        Further arguments of `peft.LoraConfig`, which checks them when the model is loaded.

    Raises
    ------
    ConfigError
        If a value is out of its range, or an option is decided by the run.

    References
    ----------
    Hu et al. (2022), "LoRA: Low-Rank Adaptation of Large Language Models".
    """

    kind: Literal["lora"] = "lora"
    r: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        one_of("model.adapter.kind", self.kind, ["lora"])
        in_range("model.adapter.r", self.r, 1)
        in_range("model.adapter.alpha", self.alpha, 0, open_low=True)
        in_range("model.adapter.dropout", self.dropout, 0, 1)
        for name in self.options:
            if name in _NAMES:
                raise ConfigError("unknown-key", f"`model.adapter.{name}` is named `{_NAMES[name]}` here. Rename it.")
            if name in _DECIDED:
                raise ConfigError("owned-argument", f"`model.adapter.{name}` is set by the run. Leave it out.")

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping that `parse_adapter` reads."""
        return {**{name: getattr(self, name) for name in _OWN}, **self.options}


def parse_adapter(value: Any) -> AdapterConfig:
    """Read an adapter from a mapping, or from a string as on the command line.

    Parameters
    ----------
    value : str or mapping
        The value of the key `adapter`. In a string, targets are joined by ``+``.

    Raises
    ------
    ConfigError
        If the value is none of these, or as for `AdapterConfig`.

    Examples
    --------
    >>> parse_adapter("r=8,targets=q+v").to_dict()
    {'kind': 'lora', 'r': 8, 'alpha': 16.0, 'dropout': 0.0, 'targets': ('q', 'v')}
    >>> parse_adapter({"r": 4, "use_dora": True}).options
    {'use_dora': True}
    """
    given = _from_string(value) if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        message = f'must be a mapping, or a string such as "r=16,alpha=32,targets=q+v", found {value!r:.80}.'
        raise ConfigError("bad-value", message)
    options = dict(cast("Mapping[str, Any]", given))
    own = {name: options.pop(name) for name in _OWN if name in options}
    _check("r", own, int, "an integer")
    for name in ("alpha", "dropout"):
        _check(name, own, int | float, "a number")
    own = {"alpha": 2.0 * own.get("r", AdapterConfig.r)} | own
    targets = own.get("targets", ())
    names = (targets,) if isinstance(targets, str) else targets
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in cast("list[Any]", names)):
        raise ConfigError("bad-value", f"`targets` must be names of modules, found {targets!r:.80}.")
    own |= {"alpha": float(own["alpha"]), "targets": tuple(cast("list[str]", names))}
    return AdapterConfig(**own, options=options)


def _check(name: str, given: Mapping[str, Any], kind: Any, what: str) -> None:
    if name in given and (isinstance(given[name], bool) or not isinstance(given[name], kind)):
        raise ConfigError("bad-value", f"`{name}` must be {what}, found {given[name]!r:.80}.")


def _from_string(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not name or not value or name in found:
            raise ConfigError(
                "bad-value", f'an adapter must look like "r=16,alpha=32,targets=q+v", found {text!r:.80}.'
            )
        found[name] = value.split("+") if name == "targets" else parse_yaml(value, text).data
    return found

"""Parameters that are not trained, chosen by patterns of their names."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from torch import nn

from equipoise.errors import ConfigError

_SHOWN: Final = 8


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Keep the parameters that patterns name out of training.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    patterns : sequence of str
        Each is the beginning of names of parameters, in whole parts between dots; where none begins so, those parts
        anywhere in a name; or a pattern with ``*``, ``?`` or ``[...]`` of whole names.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or no parameter is left to train.

    Examples
    --------
    >>> model = nn.ModuleDict({"encoder": nn.ModuleDict({"embeddings": nn.Linear(2, 2)}), "head": nn.Linear(2, 2)})
    >>> freeze(model, ["embeddings", "*.bias"])
    >>> [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    ['head.weight']
    """
    # With duplicates: a tied parameter is frozen by any of its names.
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for pattern in patterns:
        found = matching(pattern, parameters)
        if not found:
            raise ConfigError(
                "unknown-parameters",
                f"`model.freeze` names {pattern!r}, which no parameter of the model has. {_close(pattern, parameters)}",
            )
        for name in found:
            parameters[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in parameters.values()):
        message = f"`model.freeze` names all parameters of the model: {', '.join(patterns)}. Leave some to train."
        raise ConfigError("nothing-to-train", message)


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern matches; see `freeze`.

    Examples
    --------
    >>> matching("encoder", ["encoder.layer.0.weight", "decoder.encoder.layer.0.weight"])
    ['encoder.layer.0.weight']
    >>> matching("layer.1", ["encoder.layer.1.weight", "encoder.layer.10.weight"])
    ['encoder.layer.1.weight']
    """
    if any(sign in pattern for sign in "*?["):
        return [name for name in names if fnmatchcase(name, pattern)]
    dotted = {name: f".{name}." for name in names}
    part = f".{pattern.strip('.')}."
    return [name for name, each in dotted.items() if each.startswith(part)] or [
        name for name, each in dotted.items() if part in each
    ]


def _close(pattern: str, names: Iterable[str]) -> str:
    """Say which modules have similar names, or which there are at the top."""
    paths = dict.fromkeys(name.rpartition(".")[0] for name in names)
    modules = dict.fromkeys(
        ".".join(path.split(".")[:depth]) for path in paths for depth in range(1, path.count(".") + 2)
    )
    close = get_close_matches(pattern, modules, _SHOWN, 0.7)
    if close:
        return f"Similar: {', '.join(close)}."
    return f"Its modules: {', '.join([each for each in modules if each.count('.') <= 1][:_SHOWN])}."

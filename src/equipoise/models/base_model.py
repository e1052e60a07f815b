"""The model that an adapter belongs to: recorded beside the adapter, and compared when it is loaded."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import xxhash

from equipoise.base.codec import from_plain, to_plain
from equipoise.base.plain_json import read_json, write_json
from equipoise.errors import RunError

CONFIG: Final = "adapter_config.json"
BASE: Final = "equipoise_base.json"
_NAME: Final = "equipoise_base"


@dataclass(frozen=True)
class Base:
    """The model that an adapter was trained on.

    Attributes
    ----------
    name : str
        As in `model.name`; a file or a folder by its absolute path.
    seed : int
        The seed of its weights that are random, if it has some.
    quantization : str or None
        As in `model.quantization`.
    fingerprint : str
        Hexadecimal digest of names, shapes and values of its parameters.
    """

    name: str
    seed: int
    quantization: str | None
    fingerprint: str

    @classmethod
    def of(cls, model: torch.nn.Module, name: str, seed: int, quantization: str | None) -> "Base":
        """Describe a loaded model."""
        return cls(name, seed, quantization, fingerprint_of_parameters(model))

    def write(self, folder: Path) -> None:
        """Write the record into the folder of an adapter."""
        write_json(folder / BASE, to_plain(self))

    @classmethod
    def read(cls, folder: Path) -> "Base":
        """Read the record of an adapter; a RunError if there is none, or it is damaged."""
        file = folder / BASE

        def refuse(sentence: str) -> RunError:
            return RunError("damaged-file", f"`{file}` cannot be used: {sentence}")

        return from_plain(cls, read_json(file, RunError), refuse)

    def check(self, then: "Base", adapter: Path) -> None:
        """Refuse this model as the base of an adapter that was trained on another one.

        Raises
        ------
        RunError
            If the parameters differ.
        """
        if self.fingerprint != then.fingerprint:
            raise RunError(
                "other-base",
                f"The adapter in `{adapter}` was trained on {then.name!r} with the fingerprint {then.fingerprint}, "
                f"and {self.name!r} now has {self.fingerprint}: it has changed. Restore it.",
            )


def fingerprint_of_parameters(model: torch.nn.Module) -> str:
    """Return a hexadecimal digest of names, shapes and values of the parameters of a model.

    Examples
    --------
    >>> one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    >>> fingerprint_of_parameters(one) == fingerprint_of_parameters(other)
    False
    """
    digest = xxhash.xxh3_128()
    for name, parameter in model.named_parameters():
        value = parameter.detach().cpu()
        digest.update(f"{name}:{tuple(value.shape)}:{value.dtype}:".encode())
        data: Any = value.reshape(-1).view(torch.uint8).numpy()
        digest.update(data)
    return digest.hexdigest()


def is_adapter(folder: str) -> bool:
    """Return whether a folder holds an adapter instead of a whole model."""
    return os.path.isfile(os.path.join(folder, CONFIG))  # noqa: PTH113, PTH118 - any string: it may name a model


def base_of(model: object) -> Base | None:
    """Return the base of a model with an adapter that `load_model` returned, None for any other."""
    return getattr(model, _NAME, None)


def with_base(model: Any, base: Base) -> Any:
    """Return a model with an adapter, of which `base_of` returns the base."""
    setattr(model, _NAME, base)
    return model

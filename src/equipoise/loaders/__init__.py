"""One stream under every loop: plain torch, accelerate and Lightning, each imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equipoise.loaders.loader import StreamLoader

if TYPE_CHECKING:
    from equipoise.loaders.accelerate import prepare_loader
    from equipoise.loaders.lightning import StepLoss, StreamCallback, StreamDataModule

_LAZY = {
    "StepLoss": "equipoise.loaders.lightning",
    "StreamCallback": "equipoise.loaders.lightning",
    "StreamDataModule": "equipoise.loaders.lightning",
    "prepare_loader": "equipoise.loaders.accelerate",
}

__all__ = ["StepLoss", "StreamCallback", "StreamDataModule", "StreamLoader", "prepare_loader"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

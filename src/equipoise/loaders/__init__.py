"""One stream under every loop: plain torch, accelerate and Lightning, each imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equipoise.loaders.loader import StreamLoader
from equipoise.loaders.replan import replan

if TYPE_CHECKING:
    from equipoise.loaders.accelerate import prepare_loader
    from equipoise.loaders.lightning import StepLoss, StreamCallback, StreamDataModule

__all__ = ["StepLoss", "StreamCallback", "StreamDataModule", "StreamLoader", "prepare_loader", "replan"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = "accelerate" if name == "prepare_loader" else "lightning"
        return getattr(import_module(f"equipoise.loaders.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

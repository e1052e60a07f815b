"""Load a text-to-text model and predict: the likelihood of every label, a valid label, or free text.

`load_model` and `load_tokenizer` need transformers, and import it when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equipoise.models.batches import evaluating
from equipoise.models.prefixes import PrefixTree
from equipoise.models.scorer import LabelScorer, label_probabilities
from equipoise.models.text_model import TextModel, text_model

if TYPE_CHECKING:
    from equipoise.models.load import TinyShape, load_model, load_tokenizer

__all__ = [
    "LabelScorer",
    "PrefixTree",
    "TextModel",
    "TinyShape",
    "evaluating",
    "label_probabilities",
    "load_model",
    "load_tokenizer",
    "text_model",
]


def __getattr__(name: str) -> Any:
    if name in {"TinyShape", "load_model", "load_tokenizer"}:
        return getattr(import_module("equipoise.models.load"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

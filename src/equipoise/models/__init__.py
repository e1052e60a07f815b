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
    from equipoise.models.load import load_model, load_tokenizer
    from equipoise.models.tiny import TinyShape

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

_PLACES = {
    "TinyShape": "equipoise.models.tiny",
    "load_model": "equipoise.models.load",
    "load_tokenizer": "equipoise.models.load",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

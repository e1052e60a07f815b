"""Load a sequence-to-sequence model and ask it: the likelihood of every label, a valid label, or free text.

`load_model` and `load_tokenizer` need transformers, and import it when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equipoise.models.differentiable import label_scores
from equipoise.models.label_trees import label_tokens, prefix_tree
from equipoise.models.modes import evaluating
from equipoise.models.prefixes import PrefixTree
from equipoise.models.scorer import LabelScorer, label_probabilities

if TYPE_CHECKING:
    from equipoise.models.load import TinyShape, load_model, load_tokenizer

__all__ = [
    "LabelScorer",
    "PrefixTree",
    "TinyShape",
    "evaluating",
    "label_probabilities",
    "label_scores",
    "label_tokens",
    "load_model",
    "load_tokenizer",
    "prefix_tree",
]


def __getattr__(name: str) -> Any:
    if name in {"TinyShape", "load_model", "load_tokenizer"}:
        return getattr(import_module("equipoise.models.load"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Ask a sequence-to-sequence model: the likelihood of every label, a valid label, or free text."""

from equipoise.scoring.differentiable import label_scores
from equipoise.scoring.label_trees import label_tokens, prefix_tree
from equipoise.scoring.modes import evaluating
from equipoise.scoring.prefixes import PrefixTree
from equipoise.scoring.scorer import LabelScorer, label_probabilities

__all__ = [
    "LabelScorer",
    "PrefixTree",
    "evaluating",
    "label_probabilities",
    "label_scores",
    "label_tokens",
    "prefix_tree",
]

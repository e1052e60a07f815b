"""Ask a sequence-to-sequence model: the likelihood of every label, a valid label, or free text."""

from equipoise.scoring.modes import evaluating
from equipoise.scoring.prefixes import PrefixTree
from equipoise.scoring.scorer import LabelScorer, label_probabilities

__all__ = ["LabelScorer", "PrefixTree", "evaluating", "label_probabilities"]

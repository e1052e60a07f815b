"""What training minimises: a batch and a model in, a weighted loss and a mass for every row out."""

from equipoise.objectives.base import Batch, Objective
from equipoise.objectives.label import LabelObjective
from equipoise.objectives.token import TokenObjective

__all__ = ["Batch", "LabelObjective", "Objective", "TokenObjective"]

"""What training minimises: a batch and a model in, a weighted loss and a mass for every row out."""

from equipoise.losses.objectives.base import Batch, Objective
from equipoise.losses.objectives.label import LabelObjective
from equipoise.losses.objectives.token import TokenObjective

__all__ = ["Batch", "LabelObjective", "Objective", "TokenObjective"]

"""What training minimises: a batch and a model in, a weighted loss and a mass for every row out."""

from equipoise.losses.training.base import Batch, TrainingLoss
from equipoise.losses.training.label import LabelTrainingLoss
from equipoise.losses.training.token import TokenTrainingLoss

__all__ = ["Batch", "LabelTrainingLoss", "TokenTrainingLoss", "TrainingLoss"]

"""What training minimises: from a batch and a model to a weighted loss and a weight for every row."""

from equipoise.losses.tokens import NamedTokenLoss
from equipoise.losses.training.base import Batch, TrainingLoss
from equipoise.losses.training.configured import ConfiguredLoss
from equipoise.losses.training.label import LabelTrainingLoss
from equipoise.losses.training.staged import StagedTrainingLoss
from equipoise.losses.training.token import TokenTrainingLoss

__all__ = [
    "Batch",
    "ConfiguredLoss",
    "LabelTrainingLoss",
    "NamedTokenLoss",
    "StagedTrainingLoss",
    "TokenTrainingLoss",
    "TrainingLoss",
]

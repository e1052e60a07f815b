"""The Trainer of transformers on one stream: its own, or yours with a mixin."""

from equipoise.trainer.arguments import training_arguments
from equipoise.trainer.mixin import StreamMixin
from equipoise.trainer.ranks import ending_together
from equipoise.trainer.trainer import EquipoiseTrainer
from equipoise.trainer.validation import Validation

__all__ = ["EquipoiseTrainer", "StreamMixin", "Validation", "ending_together", "training_arguments"]

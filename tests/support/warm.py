"""What the server of `processes` has done before it forks, so that no process has to do it."""

import gc

from transformers.conversion_mapping import get_checkpoint_conversion_mapping

import equipoise.cli
import equipoise.runs.train
import lightning_module  # of the examples, whose folder `launchers` adds to the path
from tests.support import faults, launchers, loaders

get_checkpoint_conversion_mapping("t5")  # a thousand regular expressions, compiled on the first save
gc.freeze()  # else every process goes through all objects of the libraries when its Trainer collects garbage

__all__ = ["equipoise", "faults", "launchers", "lightning_module", "loaders"]

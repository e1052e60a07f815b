"""What the server of `faults` has done before it forks, so that no session has to do it."""

import gc

from tests.support import faults
from transformers.conversion_mapping import get_checkpoint_conversion_mapping

get_checkpoint_conversion_mapping("t5")  # a thousand regular expressions, compiled on the first save
gc.freeze()  # else every session goes through all objects of the libraries when its Trainer collects garbage

__all__ = ["faults"]

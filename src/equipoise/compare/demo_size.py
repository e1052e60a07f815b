"""How much `equipoise demo` trains."""

from typing import Final

BATCH: Final = 16
"""Examples a step."""
DRAWS: Final = 640 * BATCH
"""Draws of a full training, unless others are asked for."""

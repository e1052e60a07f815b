"""What the global batches of a stream are made of: one kind a file, found by its `name`."""

from equipoise.drawing.batches.base import Batches, make
from equipoise.drawing.batches.mixed import Mixed
from equipoise.drawing.batches.one_task import OneTask
from equipoise.drawing.batches.quota import Quota

__all__ = ["Batches", "Mixed", "OneTask", "Quota", "make"]

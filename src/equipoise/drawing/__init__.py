"""Draws as a function of (plan, seed, position): the stream, the index of rows, kinds of batches, shards."""

from equipoise.drawing.batches import Batches, Mixed, OneTask, Quota
from equipoise.drawing.draws import draw_strata, draws
from equipoise.drawing.index import StratumIndex
from equipoise.drawing.shard import Shard

__all__ = ["Batches", "Mixed", "OneTask", "Quota", "Shard", "StratumIndex", "draw_strata", "draws"]

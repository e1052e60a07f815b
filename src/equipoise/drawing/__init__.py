"""Draws as a function of (plan, seed, position): the stream, the index of rows, what a batch is made of, shards."""

from equipoise.drawing.batch_kinds import Mixed, OneTask, Quota
from equipoise.drawing.draws import draw_strata, draws
from equipoise.drawing.index import StratumIndex
from equipoise.drawing.shard import Shard

__all__ = ["Mixed", "OneTask", "Quota", "Shard", "StratumIndex", "draw_strata", "draws"]

"""Streams: data that can only be read in order, such as Hugging Face IterableDataset and WebDataset.

    source -> RepeatStream (copies by stratum) -> Mixture (of tasks) -> ShuffleBuffer -> ShardedStream (ranks, workers)

Each stage is optional, can be iterated, and has `state_dict` and `load_state_dict`. All but the last are streams of one
process and know no rank; `ShardedStream` divides the result among ranks and workers. It alone needs torch, and is
imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equipoise.iterable.factors import RepeatFactors
from equipoise.iterable.mixture import Mixture
from equipoise.iterable.ordered import OrderedStream
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.repeat import RepeatStream
from equipoise.iterable.shuffle import ShuffleBuffer
from equipoise.iterable.source import SourceStream
from equipoise.iterable.strata import StratumColumns, count_strata

if TYPE_CHECKING:
    from equipoise.iterable.sharded import ShardedStream

__all__ = [
    "Mixture",
    "OrderedStream",
    "Parts",
    "RepeatFactors",
    "RepeatStream",
    "ShardedStream",
    "ShuffleBuffer",
    "Source",
    "SourceStream",
    "StratumColumns",
    "count_strata",
]


def __getattr__(name: str) -> Any:
    if name == "ShardedStream":
        return import_module("equipoise.iterable.sharded").ShardedStream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

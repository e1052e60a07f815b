"""The planner of mosaicml-streaming, without data files."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .plans import equal_counts, power_law_counts

SHARD = 1 << 14  # samples of a shard: 4 KiB each in a shard of the default size


def planner(samples: int, streams: int, batch_size: int = 32) -> Any:
    """Give a function that plans an epoch from a sample on, as StreamingDataset does at the start and on a resume.

    Streams have power-law sizes and the same proportion each.

    It is the package's own `generate_work` on a `StreamingDataset` whose fields are set as its constructor sets them
    from the index files of shards, with its default batching (random), shuffling (py1e) and sampling (balanced).
    """
    _import_parts()
    from streaming.base.batching import generate_work
    from streaming.base.dataset import StreamingDataset
    from streaming.base.stream import Stream
    from streaming.base.world import World

    dataset = StreamingDataset.__new__(StreamingDataset)
    dataset.streams = [Stream(local=f"stream-{number}", proportion=1 / streams) for number in range(streams)]
    per_stream = power_law_counts(samples, streams)
    shards = [equal_counts(size, -(-size // SHARD)) for size in per_stream]
    dataset.num_streams = streams
    dataset.samples_per_stream = per_stream
    dataset.shards_per_stream = np.array([len(sizes) for sizes in shards])
    dataset.shard_offset_per_stream = np.cumsum(dataset.shards_per_stream) - dataset.shards_per_stream
    dataset.samples_per_shard = np.concatenate(shards)
    dataset.sample_offset_per_shard = np.cumsum(dataset.samples_per_shard) - dataset.samples_per_shard
    dataset.num_samples = samples
    dataset.shuffle_seed = 9176
    dataset.epoch_size = Stream.apply_weights(dataset.streams, per_stream, samples, dataset.shuffle_seed)
    dataset.sampling_method, dataset.sampling_granularity = "balanced", 1
    dataset.partition_algo, dataset.num_canonical_nodes, dataset.initial_physical_nodes = "relaxed", 8, None
    dataset.shuffle, dataset.shuffle_algo, dataset.epoch_seed_change = True, "py1e", True
    dataset.shuffle_block_size = 4_000_000 // 8
    dataset.batch_size = batch_size
    world = World(num_nodes=8, ranks_per_node=8, workers_per_rank=1, worker=0)

    def plan(epoch: int, sample_in_epoch: int) -> NDArray[np.int64]:
        return generate_work("random", dataset, world, epoch, sample_in_epoch)

    return plan


def _import_parts() -> None:
    """Let parts of the package be imported without its root, which imports torchvision and transformers."""
    if "streaming" in sys.modules:
        return
    spec = importlib.util.find_spec("streaming")
    assert spec
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    for name, path in (("streaming", root), ("streaming.base", root / "base")):
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module

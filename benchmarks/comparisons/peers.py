"""Choosing sources, with Equipoise and with other packages.

Each function sets its package up for n choices. It gives what then makes them, which is timed, and what turns that
into the number of the source chosen, which is not. A source yields its own number, at as little cost as the package
allows, so that what is timed is the choice.
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.drawing import draw_strata
from equipoise.drawing.inner import Inner
from equipoise.drawing.stream import Stream

from .plans import mixture

Shares = NDArray[np.float64]
Chooser = tuple[Callable[[], Any], Callable[[Any], NDArray[np.integer]]]


def equipoise(shares: Shares, seed: int, n: int) -> Chooser:
    plan = mixture(shares)
    Stream(plan, seed, inner=Inner(0)).strata_at(np.arange(1000))  # loads numba, as two million draws do
    return lambda: draw_strata(plan, seed, 0, n), np.asarray


def torchdata_nodes(shares: Shares, seed: int, n: int) -> Chooser:
    from torchdata.nodes import BaseNode, MultiNodeWeightedSampler

    class Constant(BaseNode[int]):
        def __init__(self, value: int) -> None:
            super().__init__()
            self.value = value

        def next(self) -> int:
            return self.value

    nodes = {str(source): Constant(source) for source in range(len(shares))}
    rates = dict(zip(nodes, shares.tolist(), strict=True))
    sampler = MultiNodeWeightedSampler(nodes, rates, stop_criteria="CYCLE_FOREVER", rank=0, world_size=1, seed=seed)
    return lambda: list(islice(sampler, n)), np.array


def grain(shares: Shares, seed: int, n: int) -> Chooser:  # noqa: ARG001 - its order is fixed
    from grain import MapDataset

    sources = [MapDataset.source([source]).repeat() for source in range(len(shares))]
    mixed = MapDataset.mix(sources, weights=shares.tolist())
    return lambda: [mixed[position] for position in range(n)], np.array


def datasets_iterable(shares: Shares, seed: int, n: int) -> Chooser:
    from datasets import interleave_datasets

    sources = [source.to_iterable_dataset() for source in _tables(_enough(shares, n))]
    options = {"probabilities": shares.tolist(), "seed": seed, "stopping_strategy": "first_exhausted"}
    mixed = interleave_datasets(sources, **options)
    return lambda: list(islice(mixed, n)), lambda examples: np.array([example["source"] for example in examples])


def datasets_map(shares: Shares, seed: int, n: int) -> Chooser:
    from datasets import interleave_datasets

    sources = _tables(_enough(shares, n))
    options = {"probabilities": shares.tolist(), "seed": seed, "stopping_strategy": "first_exhausted"}
    return lambda: interleave_datasets(sources, **options), lambda mixed: mixed.with_format("numpy")["source"][:]


def megatron_core(shares: Shares, seed: int, n: int) -> Chooser:  # noqa: ARG001 - its order is fixed
    helpers = _megatron_helpers()

    def choose() -> NDArray[np.int16]:
        source, sample = np.empty(n, dtype=np.int16), np.empty(n, dtype=np.int64)
        helpers.build_blending_indices(source, sample, shares, len(shares), n, False)
        return source

    return choose, np.asarray


def _enough(shares: Shares, n: int) -> list[int]:
    """Sizes of sources such that none ends before n draws: six standard deviations above what is expected."""
    return np.ceil(n * shares + 6 * np.sqrt(n * shares) + 10).astype(int).tolist()


def _tables(sizes: list[int]) -> list[Any]:
    from datasets import Dataset

    return [Dataset.from_dict({"source": np.full(size, source)}) for source, size in enumerate(sizes)]


def _megatron_helpers() -> ModuleType:
    """Load the compiled helper by its file: its package would import everything that it trains with."""
    files = importlib.metadata.files("megatron-core") or ()
    path = next(file.locate() for file in files if file.match("core/datasets/helpers_cpp*.so"))
    spec = importlib.util.spec_from_loader("helpers_cpp", ExtensionFileLoader("helpers_cpp", str(path)))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

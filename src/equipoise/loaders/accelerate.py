"""A stream in a hand-written loop under accelerate, saved and resumed with the rest of its state."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch.utils.data import Dataset

from equipoise.base.files import write_atomically
from equipoise.base.plain_json import read_json
from equipoise.base.states import refusing_damaged
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, StateError
from equipoise.loaders.drawn import MakeSampler
from equipoise.loaders.loader import StreamLoader

FILE_NAME = "equipoise_loader.json"


class AcceleratedLoader(StreamLoader):
    """A `StreamLoader` with the rank, the accumulation and the device of an accelerator; see `prepare_loader`."""

    def __init__(
        self, accelerator: Accelerator, dataset: Dataset[Any], make_sampler: MakeSampler | None, **options: Any
    ) -> None:
        super().__init__(
            dataset,
            make_sampler,
            accumulation=accelerator.gradient_accumulation_steps,
            shard=Shard(accelerator.process_index, accelerator.num_processes),
            **options,
        )
        self._accelerator = accelerator

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of this rank, on its device, from the next one to the end of the epoch."""
        # `accelerator.accumulate` counts batches, and a checkpoint may be of another accumulation.
        self._accelerator.step = self.batches_in_step
        for batch in super().__iter__():
            yield send_to_device(batch, self._accelerator.device, non_blocking=self._accelerator.non_blocking)


def prepare_loader(
    accelerator: Accelerator,
    dataset: Dataset[Any],
    make_sampler: MakeSampler | None = None,
    *,
    batch_size: int | None = None,
    file_name: str = FILE_NAME,
    **options: Any,
) -> AcceleratedLoader:
    """Make a training loader for a hand-written loop under accelerate.

    It replaces ``accelerator.prepare(DataLoader(...))``; prepare model, optimiser and scheduler as usual.
    `accelerator.save_state` writes its state too, as JSON, and `accelerator.load_state` resumes there, whatever its
    workers had read ahead, whatever `DataLoaderConfiguration` says, and on another number of ranks.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Of the run; its `gradient_accumulation_steps` are the micro-batches of a step.
    dataset, make_sampler, batch_size, **options
        As for `StreamLoader`.
    file_name : str, default "equipoise_loader.json"
        Name of the state in a checkpoint; a second loader of the same accelerator needs another one.

    Returns
    -------
    AcceleratedLoader
        Iterate over it, or over its `steps()`, once an epoch; with a `ShardedStream`, until enough steps are done.

    Raises
    ------
    ConfigError
        If the sampler does not fit, or several ranks of the accelerator share their data.

    Notes
    -----
    The state is not registered by `register_for_checkpointing`: accelerate reads such objects with pickle, which runs
    any code that a checkpoint holds.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}), weights="natural")
    >>> index = StratumIndex.from_sizes(plan)
    >>> accelerator = Accelerator(cpu=True)
    >>> loader = prepare_loader(
    ...     accelerator, range(12), lambda shard: PlanSampler(plan, index, shard=shard), batch_size=4)
    >>> len([batch for epoch in range(loader.epoch, 2) for batch in loader]), loader.step
    (6, 6)
    """
    layout = accelerator.parallelism_config
    if layout is not None and layout.non_data_parallel_size > 1:
        raise ConfigError(
            "shared-batches",
            f"`accelerator` must have different data on every rank, found {layout.non_data_parallel_size} ranks to a "
            "batch (tensor, context or sequence parallelism). Use DDP or FSDP.",
        )
    loader = AcceleratedLoader(accelerator, dataset, make_sampler, batch_size=batch_size, **options)

    def save(_models: Any, _weights: Any, folder: str) -> None:
        state = loader.state_dict()  # on every rank, so that an error is raised on all
        on_each_node = accelerator.project_configuration.save_on_each_node
        if accelerator.is_local_main_process if on_each_node else accelerator.is_main_process:
            with write_atomically(Path(folder) / file_name) as temporary:
                temporary.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")

    def load(_models: Any, folder: str) -> None:
        path = Path(folder) / file_name
        if not path.is_file():
            reason = f"`{path}` is missing: the checkpoint was not saved with this loader. Use another one."
            raise StateError("no-position", reason)
        with refusing_damaged(path):
            loader.load_state_dict(read_json(path, StateError, "Resume from another checkpoint."))

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)
    return loader

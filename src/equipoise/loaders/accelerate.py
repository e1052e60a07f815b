"""The stream of a sampler in a hand-written loop under accelerate, saved and resumed with its other state."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch.utils.data import Dataset

from equipoise.base.files import read_text, write_atomically
from equipoise.base.plain_json import parse_json
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, StateError
from equipoise.loaders.loader import MakeSampler, StreamLoader

FILE_NAME = "equipoise_loader.json"


class AcceleratedLoader(StreamLoader):
    """A `StreamLoader` whose rank, accumulation and device are the accelerator's; from `prepare_loader`.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Of the run.
    dataset, make_sampler, batch_size, **options
        As for `StreamLoader`.
    """

    def __init__(
        self, accelerator: Accelerator, dataset: Dataset[Any], make_sampler: MakeSampler, **options: Any
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
        """Batches of this rank on its device, from where training is to the end of the epoch."""
        # `accelerator.accumulate` counts batches: a checkpoint of another accumulation would put it out of step.
        self._accelerator.step = self.batches_in_step
        for batch in super().__iter__():
            yield send_to_device(batch, self._accelerator.device, non_blocking=self._accelerator.non_blocking)


def prepare_loader(
    accelerator: Accelerator,
    dataset: Dataset[Any],
    make_sampler: MakeSampler,
    *,
    batch_size: int | None = None,
    file_name: str = FILE_NAME,
    **options: Any,
) -> AcceleratedLoader:
    """Make a training loader for a hand-written loop under accelerate.

    It stands in the place of ``accelerator.prepare(DataLoader(...))``; model, optimiser and scheduler are prepared as
    ever. `accelerator.save_state` writes its state too, as JSON, and `accelerator.load_state` goes on from there,
    whatever its workers had read ahead, whatever `DataLoaderConfiguration` says, and on another number of ranks.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Of the run; its `gradient_accumulation_steps` are the micro-batches of a step.
    dataset : Dataset
        With numbered rows.
    make_sampler : callable
        From the `Shard` of this rank to its sampler; see `StreamLoader`.
    batch_size : int, optional
        Rows of one batch of one rank; left out with `TokenBatches`.
    file_name : str, default "equipoise_loader.json"
        Name of the state in a checkpoint. A second loader of the same accelerator needs another one.
    **options
        Further options of `torch.utils.data.DataLoader`: `collate_fn`, `num_workers`...

    Returns
    -------
    AcceleratedLoader
        Iterate over it, or over its `steps()`, once an epoch.

    Raises
    ------
    ConfigError
        If the sampler does not fit, or the accelerator gives several ranks the same data.

    Notes
    -----
    The state is not given to `register_for_checkpointing`: accelerate reads back what is registered with pickle,
    which runs any code that a checkpoint holds.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, StratumIndex
    >>> plan = Plan.build(Census.from_counts({"notes": {"no": 7, "yes": 5}}))
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> accelerator = Accelerator(cpu=True)
    >>> loader = prepare_loader(
    ...     accelerator, range(12), lambda shard: PlanSampler(plan, index, shard=shard), batch_size=4)
    >>> len([batch for epoch in range(loader.epoch, 2) for batch in loader]), loader.step
    (6, 6)
    """
    layout = accelerator.parallelism_config
    if layout is not None and layout.non_data_parallel_size > 1:
        raise ConfigError(
            f"`accelerator` must give every rank data of its own, found {layout.non_data_parallel_size} ranks to a "
            "batch (tensor, context or sequence parallelism). Use DDP or FSDP."
        )
    loader = AcceleratedLoader(accelerator, dataset, make_sampler, batch_size=batch_size, **options)

    def save(_models: Any, _weights: Any, folder: str) -> None:
        state = loader.state_dict()  # on every rank: what refuses a save refuses it on all
        on_each_node = accelerator.project_configuration.save_on_each_node
        if accelerator.is_local_main_process if on_each_node else accelerator.is_main_process:
            with write_atomically(Path(folder) / file_name) as temporary:
                temporary.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")

    def load(_models: Any, folder: str) -> None:
        path = Path(folder) / file_name
        if not path.is_file():
            raise StateError(f"`{path}` is missing: the checkpoint was not saved with this loader. Use another one.")

        def refuse(why: str) -> StateError:
            return StateError(f"`{path}` is not the state of a loader: {why}. Resume from another checkpoint.")

        state: object = parse_json(read_text(path, StateError), refuse)
        if not isinstance(state, dict):
            raise refuse("it must be an object")
        loader.load_state_dict(state)

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)
    return loader

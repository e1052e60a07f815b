"""Parameters that are sharded over the ranks (FSDP2), and whole again in every checkpoint."""

import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel, Seq2SeqTrainer, TrainingArguments
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME
from transformers.trainer_utils import TrainOutput
from transformers.utils.import_utils import is_accelerate_available

from equipoise.errors import ConfigError

_Base = Seq2SeqTrainer if TYPE_CHECKING else object  # it stands before a Trainer

_CONFIG: Final = frozenset({"transformer_layer_cls_to_wrap", "reshard_after_forward"})
"""What may be set in `fsdp_config`."""
_DEFAULTS: Final = {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "state_dict_type": "FULL_STATE_DICT"}
"""What may be said in it too, as it is so."""
ACCELERATE: Final = "1.14.0"
"""The first version of accelerate that does not wrap again what it has prepared."""
_OPTIMISERS: Final = ("adamw_torch", "adamw_torch_fused", "sgd")


def check_sharding(args: TrainingArguments) -> None:
    """Raise ConfigError for options under which parameters cannot be sharded, if they are to be.

    Examples
    --------
    >>> args = TrainingArguments("run", use_cpu=True)
    >>> check_sharding(args)
    >>> args.fsdp, args.fsdp_config = True, {"cpu_offload": True}
    >>> check_sharding(args)
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: trainer option `fsdp` needs several ranks, found one. Start them with torchrun, or
    remove the option.
    """
    if not args.fsdp:
        return
    if args.world_size == 1:
        reason = "trainer option `fsdp` needs several ranks, found one. Start them with torchrun, or remove the option."
        raise ConfigError("sharded-alone", reason)
    if not is_accelerate_available(ACCELERATE):
        raise ConfigError("sharded-accelerate", f"`fsdp` needs accelerate {ACCELERATE} or later. Upgrade it.")
    given = cast(Mapping[str, Any], args.fsdp_config)
    for name, value in given.items():
        if value and name not in _CONFIG and _DEFAULTS.get(name) != value:
            raise ConfigError(
                "owned-option",
                f"trainer option `fsdp_config` may set {' and '.join(sorted(_CONFIG))}, found {name!r}: {value!r}. The "
                "parameters are sharded by `torch.distributed.fsdp.fully_shard`, and whole in every checkpoint. "
                "Remove it.",
            )
    chosen = getattr(args.optim, "value", args.optim)
    if chosen not in _OPTIMISERS:
        raise ConfigError(
            "sharded-optimizer",
            f"trainer option `optim` must be one of {', '.join(_OPTIMISERS)} with `fsdp`, found {chosen!r}: the state "
            "of others is not known to fit sharded parameters. Change it.",
        )
    if args.torch_compile:
        reason = "trainer option `torch_compile` cannot be used with `fsdp`: the two are not tested together. Remove it"
        raise ConfigError("sharded-compiled", f"{reason}, or train on one process.")


class ShardedMixin(_Base):
    """Shards the parameters of a Trainer with `args.fsdp` over all ranks, on any device, by torch's `fully_shard`.

    accelerate does that on GPUs alone, and writes checkpoints that only it can read. Here a checkpoint is that of one
    process: the first rank writes whole parameters and moments, which any number of ranks resumes.

    Each transformer layer is gathered while it computes and freed again, and so is what is outside of layers while the
    model computes. Gradients are averaged over the ranks, as DDP does.
    """

    _whole: dict[str, Tensor] | None = None

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, which shards nothing itself."""
        self.args.fsdp_plugin_args = None
        super().create_accelerator_and_postprocess()

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """Train, see `transformers.Trainer`."""
        with warnings.catch_warnings():
            # The layers of T5 hand on their position bias, a view that none of them changes in place.
            warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
            return super().train(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Shard the parameters, then make their optimiser."""
        if self.args.fsdp and not isinstance(self.model, FSDPModule):
            if self.optimizer is not None:
                reason = "`optimizers` cannot be passed with `fsdp`, as sharding replaces the parameters"
                raise ConfigError("sharded-optimizer", f"{reason}. Name them in `args` (`optim`, `lr_scheduler_type`).")
            own = cast(nn.Module, self.model)
            shard(own, self.args)
            # accelerate adds autocasting, and is told to leave it at that: it would wrap the model for DDP.
            prepared: Any = self.accelerator.prepare_model(own, device_placement=False, evaluation_mode=True)
            prepared._is_accelerate_prepared = True
        return super().create_optimizer(model)

    @contextmanager
    def gathered(self) -> Generator[None]:
        """Hold the whole model on every rank in the block, where it is sharded; without gradients.

        Every forward pass of a sharded model is one of all ranks. In the block each rank makes as many as it likes, and
        calls parts of the model, as `LabelScorer` does. The block begins and ends on all ranks together.
        """
        model = cast(nn.Module, self.model)
        parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
        for part in parts:
            part.set_reshard_after_forward(False, recurse=False)
            part.unshard()
        try:
            with torch.no_grad():
                yield
        finally:
            for part in parts:
                part.set_reshard_after_forward(part is model or _freed(self.args), recurse=False)
                part.reshard()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the whole model, on the first rank; all ranks take part if it is sharded."""
        self._whole = whole_state(cast(nn.Module, self.model)) if isinstance(self.model, FSDPModule) else None
        try:
            super().save_model(output_dir, _internal_call)
        finally:
            self._whole = None

    # What follows leans on private methods of transformers: see ARCHITECTURE.md.

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, self._whole if state_dict is None else state_dict)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not isinstance(self.model, FSDPModule):
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = whole_optimizer_state(_inner(self.optimizer))
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(cast(Any, self.lr_scheduler).state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not isinstance(self.model, FSDPModule):
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        # On the CPU, not mapped to the device of the rank, where the whole state may have no room.
        moments, schedule = (
            torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True)
            for name in (OPTIMIZER_NAME, SCHEDULER_NAME)
        )
        load_whole_optimizer_state(_inner(self.optimizer), moments)
        cast(Any, self.lr_scheduler).load_state_dict(schedule)


def shard(model: nn.Module, args: TrainingArguments) -> None:
    """Shard the parameters of a model over all ranks, in place, layer by layer.

    From then on `load_state_dict` takes whole tensors.

    Raises
    ------
    ConfigError
        If the layers are not known, or `fsdp_config` names one that the model has not.
    """
    config = cast(Mapping[str, Any], args.fsdp_config)
    names = _layer_classes(model, config.get("transformer_layer_cls_to_wrap"))
    mesh: DeviceMesh = init_device_mesh(args.device.type, (args.world_size,))
    for module in model.modules():
        if type(module).__name__ in names:
            fully_shard(module, mesh=mesh, reshard_after_forward=_freed(args))
    # Said for the model too: otherwise what is outside of layers would stay gathered after a pass without gradient, and
    # `zero_grad` would not reach the gradients of its shards.
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    model.register_load_state_dict_pre_hook(_sharding)


def _freed(args: TrainingArguments) -> bool:
    """Whether the parameters of a layer are freed between its forward and its backward pass."""
    return bool(cast(Mapping[str, Any], args.fsdp_config).get("reshard_after_forward", True))


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the whole parameters and buffers of a sharded model on the CPU, on the first rank; all ranks take part.

    Tied parameters are one tensor, as in the state of a model that is not sharded.
    """
    known: dict[int, Tensor | None] = {}
    whole: dict[str, Tensor] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in known:
            known[id(value)] = _whole(value)
        found = known[id(value)]
        if found is not None:
            whole[name] = found
    return whole


def whole_optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the state of an optimiser as one process has it, on the first rank; all ranks take part."""
    state = optimizer.state_dict()
    moments = {
        number: {name: _whole(value) if isinstance(value, Tensor) else value for name, value in each.items()}
        for number, each in state["state"].items()
    }
    return state | {"state": moments}


def load_whole_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load the state of an optimiser as one process has it; each rank takes its shards."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    moments = {
        number: {name: _like(value, parameters[number]) for name, value in each.items()}
        for number, each in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": moments})


def _layer_classes(model: nn.Module, chosen: Any) -> set[str]:
    present = {type(module).__name__ for module in model.modules()}
    if chosen:
        names = set(cast("list[str]", [chosen] if isinstance(chosen, str) else chosen))
        missing = sorted(names - present)
        if missing:
            raise ConfigError(
                "unknown-layer",
                f"trainer option `fsdp_config` must name layers of the model in `transformer_layer_cls_to_wrap`, found "
                f"{', '.join(missing)}. Its modules are {', '.join(sorted(present))}.",
            )
        return names
    models = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
    names = {name for each in models for name in getattr(each, "_no_split_modules", None) or ()} & present
    if not names:
        raise ConfigError(
            "unknown-layer",
            f"`fsdp` must know the layers of the model, which {type(model).__name__} does not name. Name their class "
            "in trainer option `fsdp_config`: `{transformer_layer_cls_to_wrap: [...]}`.",
        )
    return names


def _sharding(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Replace whole tensors by shards before they are loaded."""
    own = module.state_dict(keep_vars=True)
    for name, value in state.items():
        if name.startswith(prefix) and isinstance(value, Tensor):
            state[name] = _like(value, own.get(name.removeprefix(prefix)))


def _like(value: Any, parameter: Any) -> Any:
    """Return the shard of a whole tensor as a parameter of that shape has it; anything else as it is."""
    whole = isinstance(value, Tensor) and not isinstance(value, DTensor)
    if not whole or not isinstance(parameter, DTensor) or value.shape != parameter.shape:
        return value
    # Every rank has the whole tensor: nothing is sent.
    moved = value.to(parameter.device)
    return distribute_tensor(moved, parameter.device_mesh, parameter.placements, src_data_rank=None)


def _whole(value: Tensor) -> Tensor | None:
    if isinstance(value, DTensor):
        value = value.full_tensor()
    return value.detach().cpu() if torch.distributed.get_rank() == 0 else None


def _inner(optimizer: Any) -> torch.optim.Optimizer:
    return getattr(optimizer, "optimizer", optimizer)

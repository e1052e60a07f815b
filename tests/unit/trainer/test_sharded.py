"""Sharding that cannot be done as asked is refused before anything is built."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from torch import nn
from torch.distributed.fsdp import FSDPModule
from transformers import Seq2SeqTrainer
from transformers.utils.import_utils import is_accelerate_available

from equipoise.errors import ConfigError, StateError
from equipoise.trainer import sharded, training_arguments
from equipoise.trainer.checkpointing import refusing_damage
from equipoise.trainer.sharded import ACCELERATE, ShardedMixin, check_sharding, shard

needs_accelerate = pytest.mark.skipif(not is_accelerate_available(ACCELERATE), reason="it is refused by its version")


def arguments(**changed: Any) -> Any:
    found = {"fsdp": True, "world_size": 2, "fsdp_config": {}, "optim": "adamw_torch", "torch_compile": False}
    return SimpleNamespace(**(found | changed))


def test_one_process_has_nothing_to_shard_and_keeps_the_option_of_its_run() -> None:
    args = training_arguments("run", {"use_cpu": True, "fsdp": True, "fsdp_config": {"reshard_after_forward": False}})
    assert not args.fsdp
    check_sharding(args)


def test_arguments_that_were_built_directly_need_several_ranks() -> None:
    with pytest.raises(ConfigError, match="`fsdp` needs several ranks, found one") as caught:
        check_sharding(arguments(world_size=1))
    assert caught.value.code == "sharded-alone"


def test_an_older_accelerate_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(sharded, "is_accelerate_available", lambda version: version == "1.13.0")
    with pytest.raises(ConfigError, match=r"`fsdp` needs accelerate 1\.14\.0 or later"):
        check_sharding(arguments())


@needs_accelerate
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"transformer_layer_cls_to_wrap": ["T5Block"], "reshard_after_forward": False},
        # What transformers fills in, and what is so anyway.
        {"min_num_params": 0, "xla": False, "version": 2, "state_dict_type": "FULL_STATE_DICT"},
    ],
)
def test_options_of_sharding_that_can_be_set(config) -> None:
    check_sharding(arguments(fsdp_config=config))


@needs_accelerate
@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"fsdp_config": {"cpu_offload": True}}, "owned-option", "may set reshard_after_forward and"),
        ({"fsdp_config": {"version": 1}}, "owned-option", "found 'version': 1"),
        ({"fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT"}}, "owned-option", "whole in every checkpoint"),
        ({"optim": "adafactor"}, "sharded-optimizer", "must be one of adamw_torch, .*, found 'adafactor'"),
        ({"torch_compile": True}, "sharded-compiled", "`torch_compile` cannot be used with `fsdp`"),
    ],
)
def test_options_that_sharding_cannot_keep_are_refused(changed, code, said) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        check_sharding(arguments(**changed))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "must know the layers of the model, which Linear does not name"),
        ({"transformer_layer_cls_to_wrap": "T5Block"}, "found T5Block. Its modules are Linear"),
    ],
)
def test_layers_that_are_not_known_are_refused(config, said) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        shard(nn.Linear(2, 2), arguments(fsdp_config=config))
    assert caught.value.code == "unknown-layer"


class Trained(ShardedMixin):
    """A Trainer by halves."""

    def __init__(self) -> None:
        self.args = arguments(fsdp_plugin_args={})
        self.model = object.__new__(FSDPModule)


def test_an_optimiser_that_was_passed_would_have_the_parameters_from_before() -> None:
    trainer = Trained()
    trainer.model, trainer.optimizer = nn.Linear(2, 2), cast(Any, object())
    with pytest.raises(ConfigError, match="`optimizers` cannot be passed with `fsdp`"):
        trainer.create_optimizer()


def test_accelerate_is_not_told_to_shard(monkeypatch) -> None:
    class Started(Trained, Seq2SeqTrainer):
        pass

    monkeypatch.setattr(Seq2SeqTrainer, "create_accelerator_and_postprocess", lambda self: None)
    started = Started()
    started.create_accelerator_and_postprocess()
    assert started.args.fsdp_plugin_args is None


def test_moments_that_cannot_be_loaded_are_those_of_another_checkpoint(tmp_path) -> None:
    (tmp_path / "optimizer.pt").write_bytes(b"no moments")
    with pytest.raises(StateError, match="is of another model or optimiser") as caught, refusing_damage(Path(tmp_path)):
        Trained()._load_optimizer_and_scheduler(str(tmp_path))
    assert caught.value.code == "other-checkpoint"

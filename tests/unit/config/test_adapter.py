"""What of a model is trained: adapters, frozen parameters, quantisation."""

import pytest
from tests.support.errors import raises

from equipoise.config import AdapterConfig, config_to_dict, make_config, parse_adapter
from equipoise.errors import ConfigError

SMALL = {"data": {"source": "rows.jsonl"}}


def test_a_string_of_the_command_and_a_mapping_say_the_same() -> None:
    written = make_config(SMALL, options={"model.adapter": "r=8, alpha=4, dropout=0.1, targets=q+v, use_rslora=true"})
    given = {"r": 8, "alpha": 4, "dropout": 0.1, "targets": ["q", "v"], "use_rslora": True}
    assert written == make_config(SMALL | {"model": {"adapter": given}})
    assert written.model.adapter == AdapterConfig(
        r=8, alpha=4.0, dropout=0.1, targets=("q", "v"), options={"use_rslora": True}
    )


def test_alpha_is_twice_the_rank_and_one_target_may_be_a_string() -> None:
    assert parse_adapter("r=4").alpha == 8.0
    assert parse_adapter({}) == AdapterConfig()
    assert parse_adapter({"targets": "all-linear"}).targets == ("all-linear",)


def test_it_is_saved_and_read_back() -> None:
    config = make_config(SMALL | {"model": {"name": "m", "adapter": {"r": 2, "modules_to_save": ["head"]}}})
    assert config_to_dict(config)["model"]["adapter"]["modules_to_save"] == ["head"]
    assert make_config(config_to_dict(config)) == config


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("16", "bad-value", "r=16,alpha=32,targets=q+v"),
        ("r=8,r=16", "bad-value", "r=16,alpha=32,targets=q+v"),
        ("r=8,alpha=", "bad-value", "r=16,alpha=32,targets=q+v"),
        (7, "bad-value", "must be a mapping"),
        ("r=1.5", "bad-value", "`r` must be an integer, found 1.5"),
        ({"alpha": "much"}, "bad-value", "`alpha` must be a number, found 'much'"),
        ({"targets": [3]}, "bad-value", "`targets` must be names of modules"),
        ("r=0", "out-of-range", "`model.adapter.r` must be at least 1"),
        ("alpha=0", "out-of-range", "`model.adapter.alpha` must be greater than 0"),
        ("dropout=2", "out-of-range", "at most 1"),
        ("kind=prefix", "unknown-choice", "`model.adapter.kind` must be one of lora"),
        ({"lora_alpha": 3}, "unknown-key", "is named `alpha` here"),
        ({"task_type": "CAUSAL_LM"}, "owned-argument", "`model.adapter.task_type` is set by the run"),
    ],
)
def test_what_cannot_be_an_adapter_is_refused(value, code, message) -> None:
    with raises(ConfigError, code, "model.adapter", message):
        make_config(SMALL | {"model": {"adapter": value}})


def test_what_does_not_go_together_is_refused() -> None:
    with raises(ConfigError, "adapter-and-freeze", "leave `model.freeze` out"):
        make_config(SMALL | {"model": {"freeze": ["encoder"], "adapter": "r=4"}})
    with raises(ConfigError, "needs-adapter", "Set `model.adapter`"):
        make_config(SMALL | {"model": {"quantization": "int8"}})

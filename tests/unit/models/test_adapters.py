"""Adapters: put on a model, saved without it, and loaded on the same model only."""

import json
import shutil
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.support.errors import raises
from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration

from equipoise.config import make_config
from equipoise.errors import ConfigError, RunError
from equipoise.models import load_model
from equipoise.models.base_model import Base, base_of
from equipoise.trainer.checkpoints.seal import fingerprint_of_weights

pytest.importorskip("peft")

INPUTS = {"input_ids": torch.tensor([[5, 6, 1]]), "decoder_input_ids": torch.tensor([[0, 7]])}


@pytest.fixture
def t5(tmp_path):
    folder = tmp_path / "t5"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = T5ForConditionalGeneration(
            T5Config(vocab_size=259, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)
        )
    model.save_pretrained(folder)
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    return folder


def adapted(folder, adapter="r=2", seed=0, **model):
    config = {"data": {"source": "rows.jsonl"}, "model": {"name": str(folder), "adapter": adapter} | model}
    return load_model(make_config(config | {"seed": seed}))[0]


def saved(folder, out):
    """An adapter that changes what the model predicts, as training leaves it."""
    model = adapted(folder)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.fill_(0.5)
    model.save_pretrained(out)
    base_of(model).write(out)
    ByT5Tokenizer(extra_ids=0).save_pretrained(out)
    return model


def trained(model):
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def test_only_the_adapter_is_trained_and_its_initial_values_follow_the_seed(t5) -> None:
    state = torch.get_rng_state()
    one, same, other = (trained(adapted(t5, seed=seed)) for seed in (0, 0, 1))
    assert all(".lora_" in name for name in one)
    assert {name.split(".")[-4] for name in one} == {"q", "v"}  # as PEFT chooses for a T5
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_adapter_is_loaded_with_its_base(t5, tmp_path) -> None:
    model = saved(t5, tmp_path / "adapter")
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    loaded, words = load_model(tmp_path / "adapter")
    with torch.no_grad():
        expected, found, plain = (each.eval()(**INPUTS).logits for each in (model, loaded, load_model(t5)[0]))
    assert torch.equal(found, expected)
    assert not torch.allclose(found, plain)
    assert len(words) == 259
    assert base_of(loaded).name == str(t5)


def test_a_folder_is_recorded_by_its_path_and_a_built_in_model_by_its_name(t5, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    assert base_of(adapted("t5")).name == str(t5)
    assert base_of(adapted("tiny")).name == "tiny"


def test_a_base_that_has_changed_is_refused_by_name(t5, tmp_path) -> None:
    saved(t5, tmp_path / "adapter")
    weights = load_file(t5 / "model.safetensors")
    weights["shared.weight"][0, 0] += 1
    save_file(weights, t5 / "model.safetensors", {"format": "pt"})
    with raises(RunError, "other-base", f"trained on '{t5}'", "it has changed"):
        load_model(tmp_path / "adapter")
    shutil.rmtree(t5)
    with raises(RunError, "not-a-model", str(t5)):
        load_model(tmp_path / "adapter")


def test_the_fingerprint_is_that_of_names_shapes_and_values() -> None:
    torch.manual_seed(0)
    one = torch.nn.Linear(2, 3)
    base = Base.of(one, "one", 0, None)
    assert Base.of(one, "other", 1, None).fingerprint == base.fingerprint
    assert Base.of(one.double(), "one", 0, None).fingerprint != base.fingerprint
    assert Base.of(torch.nn.Sequential(one), "one", 0, None).fingerprint != base.fingerprint


def test_the_weights_of_an_adapter_have_another_fingerprint_on_another_base(t5, tmp_path) -> None:
    base = base_of(saved(t5, tmp_path / "adapter"))
    before = fingerprint_of_weights(tmp_path / "adapter")
    replace(base, fingerprint="0" * 32).write(tmp_path / "adapter")
    assert fingerprint_of_weights(tmp_path / "adapter") != before


def test_an_adapter_is_not_trained_upon(t5, tmp_path) -> None:
    saved(t5, tmp_path / "adapter")
    with raises(RunError, "is-adapter", "equipoise merge RUN"):
        adapted(tmp_path / "adapter")


def test_a_pickle_and_other_kinds_of_adapters_are_refused(t5, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "adapter"
    saved(t5, folder)
    (tmp_path / "harm.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    settings = json.loads((folder / "adapter_config.json").read_text())
    megatron = {"megatron_config": {"tensor_model_parallel_size": 1}, "megatron_core": "harm"}
    for change in ({"peft_type": "IA3"}, megatron):
        (folder / "adapter_config.json").write_text(json.dumps(settings | change))
        with raises(RunError, "not-an-adapter", f"`{folder}` must hold a LoRA adapter"):
            load_model(folder)
    assert "harm" not in sys.modules
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with raises(RunError, "not-an-adapter", "adapter_model.safetensors"):
        load_model(folder)


def test_a_damaged_adapter_is_named(t5, tmp_path) -> None:
    folder = tmp_path / "adapter"
    saved(t5, folder)
    (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 16)
    with raises(RunError, "not-an-adapter", f"`{folder}` cannot be loaded on '{t5}'"):
        load_model(folder)
    (folder / "equipoise_base.json").write_text("{}")
    with raises(RunError, "damaged-file", "equipoise_base.json"):
        load_model(folder)


@pytest.mark.parametrize(
    ("adapter", "code", "message"),
    [
        ({"use_dorra": True}, "unknown-option", "Did you mean 'use_dora'?"),
        ({"targets": ["querry"]}, "bad-adapter", "querry"),
        ({"init_lora_weights": "pissa"}, "bad-adapter", "others change the base model"),
        ({"use_rslora": True, "layers_pattern": "block"}, "bad-adapter", "layers_pattern"),
    ],
)
def test_what_peft_refuses_is_an_error_of_the_key(t5, adapter, code, message) -> None:
    with raises(ConfigError, code, "model.adapter", message):
        adapted(t5, adapter)


def test_a_missing_package_is_named_with_how_to_install_it(t5, monkeypatch) -> None:
    found = {"peft": 'pip install "equipoise[peft]"', "bitsandbytes": "pip install bitsandbytes"}
    monkeypatch.setattr("equipoise.models.load.find_spec", lambda name: None if name in found else name)
    with raises(RunError, "missing-package", found["peft"]):
        adapted(t5)
    with raises(RunError, "missing-package", "`model.quantization: nf4`", found["bitsandbytes"]):
        adapted(t5, quantization="nf4")


def test_models_that_are_built_here_are_not_quantised() -> None:
    with raises(ConfigError, "cannot-quantise", '"tiny"'):
        adapted("tiny", quantization="int8")

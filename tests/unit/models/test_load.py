"""Models to train."""

import json

import pytest
import torch
from tests.support.causal import VOCABULARY, built, tokenizer
from tests.support.errors import raises
from transformers import (
    BertConfig,
    BertLMHeadModel,
    ByT5Tokenizer,
    MambaConfig,
    MambaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from equipoise.config import make_config
from equipoise.errors import RunError
from equipoise.models import TinyShape, load_model, load_tokenizer

SHAPE = TinyShape(d_model=16, d_kv=8, d_ff=24, num_layers=1, num_decoder_layers=1, num_heads=2)


@pytest.fixture
def byt5(tmp_path):
    ByT5Tokenizer(extra_ids=0).save_pretrained(tmp_path / "byt5")
    return tmp_path / "byt5"


def save(folder, dtype=torch.float32, **config):
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, **config)
    )
    model.to(dtype).save_pretrained(folder)
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    return folder


def test_tiny_is_trainable_at_once(byt5) -> None:
    model, tokenizer = load_model("tiny", tokenizer=byt5, shape=SHAPE)
    batch = tokenizer(["fine"], text_target=["good"], return_tensors="pt")
    assert model(**batch).loss.isfinite()
    assert model.config.vocab_size == 384  # 259 tokens, rounded up to a multiple of 128
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_tiny_follows_its_seed_and_leaves_the_global_one(byt5) -> None:
    def weights(seed: int) -> torch.Tensor:
        return load_model("tiny", seed=seed, tokenizer=byt5, shape=SHAPE)[0].get_input_embeddings().weight

    state = torch.get_rng_state()
    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_configuration_names_model_and_seed(byt5) -> None:
    config = make_config({"data": {"source": "rows.jsonl"}, "seed": 5})
    found, expected, other = (
        load_model(source, seed=seed, tokenizer=byt5, shape=SHAPE)[0].get_input_embeddings().weight
        for source, seed in ((config, None), ("tiny", 5), (config, 1))
    )
    assert torch.equal(found, expected)
    assert not torch.equal(found, other)
    assert len(load_tokenizer(config)) == 32100


def test_a_bfloat16_checkpoint_is_trained_in_float32(tmp_path) -> None:
    model, _ = load_model(save(tmp_path, torch.bfloat16, decoder_start_token_id=0))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_decoder_that_cannot_start_is_named(tmp_path) -> None:
    with raises(RunError, "no-start-token") as caught:
        load_model(save(tmp_path))
    assert "decoder_start_token_id" in str(caught.value)


def test_pickled_weights_are_refused(tmp_path) -> None:
    save(tmp_path, decoder_start_token_id=0)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with raises(RunError, "not-a-model") as caught:
        load_model(tmp_path)
    assert "safetensors" in str(caught.value)


def test_a_folder_without_a_model_is_named(tmp_path) -> None:
    with raises(RunError, "not-a-model") as caught:
        load_model(tmp_path)
    assert f"`{tmp_path}` cannot be loaded as a model" in str(caught.value)


def test_a_model_without_a_tokenizer_is_named(tmp_path) -> None:
    save(tmp_path, decoder_start_token_id=0)
    for file in tmp_path.glob("*token*"):
        file.unlink()
    with raises(RunError, "not-a-tokenizer") as caught:
        load_model(tmp_path)
    assert f"`{tmp_path}` holds no tokenizer" in str(caught.value)


def test_code_that_comes_with_a_model_is_never_run(tmp_path) -> None:
    save(tmp_path, decoder_start_token_id=0)
    harm = tmp_path / "harm"
    (tmp_path / "mine.py").write_text(f"open({str(harm)!r}, 'w')\nclass Mine: pass\n")
    config = json.loads((tmp_path / "config.json").read_text())
    own = dict.fromkeys(("AutoConfig", "AutoModelForSeq2SeqLM", "AutoTokenizer"), "mine.Mine")
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "mine", "auto_map": own}))
    with raises(RunError, "not-a-model"):
        load_model(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["mine.Mine", None]}})
    )
    with raises(RunError, "not-a-tokenizer"):
        load_tokenizer(tmp_path)
    assert not harm.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{"),
        ("model.safetensors", b"\xff" * 16),
        ("config.json", b"[]"),
        ("config.json", b'{"model_type": "t5", "d_model": "wide"}'),
        ("config.json", b"\xff"),
        ("tokenizer_config.json", b"{"),
        ("tokenizer_config.json", b"[]"),
    ],
)
def test_a_damaged_folder_is_named(tmp_path, name, content) -> None:
    save(tmp_path, decoder_start_token_id=0)
    (tmp_path / name).write_bytes(content)
    with raises(RunError, "not-a-tokenizer" if name == "tokenizer_config.json" else "not-a-model", str(tmp_path)):
        load_model(tmp_path)


def save_causal(folder, model=None, *, eos: bool = False):
    (model or built("qwen2")).save_pretrained(folder)
    tokenizer(eos=eos).save_pretrained(folder)
    return folder


def test_a_decoder_only_model_is_known_by_its_configuration(tmp_path) -> None:
    save_causal(tmp_path, built("qwen2").to(torch.bfloat16))
    model, words = load_model(tmp_path)
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert words.eos_token == "</s>"


def test_a_decoder_only_model_needs_a_tokenizer_that_leaves_inputs_open(tmp_path) -> None:
    with raises(RunError, "input-ended", f"The tokenizer of `{tmp_path}` ends every input"):
        load_model(save_causal(tmp_path, eos=True))


@pytest.mark.parametrize("model", ["mamba", "bert"])
@pytest.mark.filterwarnings("ignore:.*is_decoder")
def test_a_model_that_keeps_no_keys_and_values_is_refused(tmp_path, model) -> None:
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 8, "num_hidden_layers": 1}
    made = {
        "mamba": lambda: MambaForCausalLM(MambaConfig(**sizes, state_size=2)),
        "bert": lambda: BertLMHeadModel(BertConfig(**sizes, num_attention_heads=2, intermediate_size=8)),
    }[model]()
    with raises(RunError, "no-prefix-cache", "Choose a decoder-only model of attention layers alone."):
        load_model(save_causal(tmp_path, made))


def test_a_model_that_looks_ahead_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("equipoise.models.load.is_causal", lambda _: False)
    with raises(RunError, "not-causal", "cannot score labels"):
        load_model(save_causal(tmp_path))


def test_a_file_of_gguf_is_read_or_named(tmp_path, monkeypatch) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    with monkeypatch.context() as missing:
        missing.setattr("equipoise.models.load.find_spec", lambda _: None)
        with raises(RunError, "missing-package", 'pip install "equipoise[gguf]"'):
            load_model(path)
    monkeypatch.setattr("equipoise.models.load.find_spec", lambda _: True)
    with raises(RunError, "not-a-model", f"`{path}` cannot be loaded as a model"):
        load_model(path)


@pytest.mark.parametrize("named", ["../other/model.safetensors", "{folder}/other/model.safetensors", "..\\other"])
def test_an_index_of_shards_names_no_file_elsewhere(tmp_path, named) -> None:
    save(tmp_path / "other", decoder_start_token_id=0)
    folder = save(tmp_path / "model", decoder_start_token_id=0)
    names = list(load_model(folder)[0].state_dict())
    (folder / "model.safetensors").unlink()
    shards = dict.fromkeys(names, named.format(folder=tmp_path))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    with raises(RunError, "shard-outside", "model.safetensors.index.json"):
        load_model(folder)

"""Runs that train an adapter, from the command to a whole model; and a run on the model of a package."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hf_jobs import tiny_t5
from safetensors.torch import load_file, save_file
from tests.support import causal
from tests.unit.cli.rows import write_rows
from transformers import BertConfig, BertModel, BertTokenizer, ByT5Tokenizer
from typer.testing import CliRunner

from equipoise.cli import app
from equipoise.config import make_config
from equipoise.models import load_model
from equipoise.models.base_model import Base, base_of, with_base
from equipoise.runs.directory import RunDirectory
from equipoise.runs.identity import facts
from equipoise.runs.prepare import prepare
from equipoise.runs.train import train
from equipoise.trainer.checkpoints.seal import damage_of_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:(Task|Inputs)")]
SETTINGS = ["--draws", "128", "--weights", "sqrt", "--set", "trainer.use_cpu=true", "--set", "training.save_every=4"]
SETTINGS += ["--set", "training.batch_size=16", "--set", "training.learning_rate=1e-2"]
SETTINGS += ["--set", "evaluation.bootstrap=0", "--set", "training.max_input=64"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def error_of(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    return result.stderr


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "t5"
    tiny_t5().save_pretrained(folder)
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(rows, base, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "adapter"
    best = ["--set", "training.validate_every=4", "--set", "training.best=macro_f1"]
    run("train", rows, "--model", base, "--lora", "r=4,targets=q+v+wo", *SETTINGS, *best, "--out", out)
    return out


def test_checkpoints_and_the_model_hold_the_adapter_alone(trained) -> None:
    folders = [trained / "model", *(trained / "checkpoints").glob("checkpoint-*")]
    assert len(folders) == 3
    for folder in folders:
        assert [path.name for path in folder.glob("*.safetensors")] == ["adapter_model.safetensors"]
        assert (folder / "equipoise_base.json").is_file()
    assert damage_of_model(trained / "model") is None


def test_it_is_calibrated_predicted_with_and_merged_into_a_whole_model(trained, rows, base, tmp_path) -> None:
    assert json.loads((trained / "evaluation.json").read_text())["rows"] > 0
    run("calibrate", trained)
    run("predict", trained, rows, "-o", tmp_path / "answers.parquet")
    assert run("merge", trained) == f"Wrote {trained / 'merged'}.\n"
    assert damage_of_model(trained / "merged") is None
    assert "Error (not-empty)" in error_of("merge", trained)
    whole, words = load_model(trained / "merged")
    adapted, _ = load_model(trained / "model")
    assert base_of(whole) is None
    original = load_model(base)[0].eval()
    assert whole.state_dict().keys() == original.state_dict().keys()
    inputs = words(["it was good", "pain in the chest, case 7"], return_tensors="pt", padding=True)
    targets = torch.tensor([[5, 6, 1], [7, 1, 0]])
    with torch.no_grad():
        one, other = (each.eval()(**inputs, labels=targets).logits for each in (adapted, whole))
        plain = original(**inputs, labels=targets).logits
    assert torch.allclose(one, other, atol=1e-5)
    assert not torch.allclose(one, plain, atol=1e-3)


def test_a_whole_model_is_not_merged_and_an_adapter_not_trained_upon(trained, rows, tmp_path) -> None:
    run("merge", trained, "--out", tmp_path / "whole")
    settings = [*SETTINGS, "--set", "model.freeze=[shared]"]
    run("train", rows, "--model", tmp_path / "whole", *settings, "--out", tmp_path / "run")
    before, after = (load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", tmp_path / "run/model"))
    assert [name for name, value in after.items() if torch.equal(value, before[name])] == ["shared.weight"]
    assert "Error (no-adapter)" in error_of("merge", tmp_path / "run")
    given = ["--model", trained / "model", *SETTINGS, "--out", tmp_path / "other"]
    assert "Error (is-adapter)" in error_of("train", rows, *given)


def test_an_adapter_of_a_decoder_only_model_too(rows, tmp_path, monkeypatch) -> None:
    causal.built("llama").save_pretrained(tmp_path / "llama")
    causal.tokenizer().save_pretrained(tmp_path / "llama")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "run"
    run("train", rows, "--model", "llama", "--lora", "r=2", *SETTINGS, "--out", out)
    monkeypatch.chdir(tmp_path / "elsewhere")
    run("predict", out, rows, "-o", tmp_path / "answers.parquet")
    model, _ = load_model(out / "model")
    assert type(model).__name__ == "PeftModelForCausalLM"
    assert base_of(model).name == str(tmp_path / "llama")
    run("merge", out)
    assert type(load_model(out / "merged")[0]).__name__ == "LlamaForCausalLM"


def settings_of(rows: Path, base: Path, **trainer: object):
    return make_config(
        {
            "data": {"source": str(rows)},
            "model": {"name": str(base), "adapter": "r=4"},
            "plan": {"draws": 64, "weights": "sqrt"},
            "training": {"batch_size": 16, "save_every": 2, "learning_rate": 1e-2},
            "trainer": {"use_cpu": True, **trainer},
        }
    )


def adapter_of(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "adapter_model.safetensors")


def test_it_resumes_exactly_and_on_the_same_base_only(rows, base, tmp_path) -> None:
    own = Path(shutil.copytree(base, tmp_path / "base"))
    config, out = settings_of(rows, own), tmp_path / "run"
    train(config, out)
    whole = adapter_of(out)
    directory = RunDirectory(out)
    shutil.rmtree(directory.model)
    shutil.rmtree(directory.checkpoints / "checkpoint-4")
    weights = load_file(own / "model.safetensors")
    changed = weights | {"shared.weight": weights["shared.weight"] + 1}
    save_file(changed, own / "model.safetensors", {"format": "pt"})
    refused = error_of("train", out / "config.yaml", "--out", out, "--resume")
    assert "Error (other-base)" in refused
    assert f"'{own}'" in refused
    save_file(weights, own / "model.safetensors", {"format": "pt"})
    train(config, out, resume=True)
    assert adapter_of(out).keys() == whole.keys()
    assert all(torch.equal(value, whole[name]) for name, value in adapter_of(out).items())


def test_ranks_agree_on_the_base(rows, base) -> None:
    prepared = prepare(settings_of(rows, base))
    known, one, other = (
        facts(prepared, Path("run"), resume=False, base=each)
        for each in (None, Base("t5", 0, None, "1"), Base("t5", 0, None, "2"))
    )
    assert {name for name in one if one[name] != other[name]} == one.keys() - known.keys() != set()


def test_an_adapter_of_a_quantised_base_is_not_merged(trained, tmp_path, monkeypatch) -> None:
    model, words = load_model(trained / "model")
    with_base(model, replace(base_of(model), quantization="int8"))
    monkeypatch.setattr("equipoise.runs.merge.load_model", lambda _: (model, words))
    assert "Error (quantised-base)" in error_of("merge", trained, "--out", tmp_path / "whole")
    assert not any(tmp_path.iterdir())


def test_gradient_checkpointing_changes_nothing_and_bfloat16_little(rows, base, tmp_path) -> None:
    found = []
    for number, options in enumerate(({}, {"activation_checkpointing": True}, {"bf16": True})):
        out = tmp_path / str(number)
        train(settings_of(rows, base, **options), out)
        found.append(adapter_of(out))
    plain, checkpointed, rounded = found
    assert all(torch.allclose(value, checkpointed[name], atol=1e-6) for name, value in plain.items())
    assert any(bool(value.any()) for name, value in plain.items() if "lora_B" in name)
    for name, value in plain.items():
        assert not torch.equal(value, rounded[name])
        assert (value - rounded[name]).norm() < 0.2 * value.norm() + 1e-3, name


def test_adapters_of_the_model_of_a_package_are_compared(rows, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "bert"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz0123456789,:"]
    vocabulary = {word: number for number, word in enumerate([*words, *(f"##{word}" for word in words[5:])])}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes)).save_pretrained(folder)
    monkeypatch.setattr("equipoise.models.load.minilm_folder", lambda: folder)
    monkeypatch.setattr("equipoise.models.load.check_weights", lambda _: None)
    draws = ["--draws", "64", *SETTINGS[4:], "--candidates", "sqrt", "--seeds", "1", "--set", "compare.stages=1"]
    draws += ["--set", "evaluation.bootstrap=20"]
    out = tmp_path / "comparison"
    run("compare", rows, "--model", "minilm", "--lora", "r=2", *draws, "--out", out)
    runs = [RunDirectory(path) for path in (out / "runs").iterdir()]
    assert len(runs) == 2
    for each in runs:
        assert load_model(each.model)[0].peft_config["default"].r == 2
        assert json.loads((each.model / "equipoise_base.json").read_text())["name"] == "minilm"

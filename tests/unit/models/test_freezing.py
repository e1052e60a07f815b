"""Parameters that are kept out of training by their names."""

import pytest
from tests.support.errors import raises
from transformers import T5Config, T5ForConditionalGeneration

from equipoise.errors import ConfigError
from equipoise.models.freezing import freeze, matching


@pytest.fixture
def t5():
    return T5ForConditionalGeneration(
        T5Config(vocab_size=16, d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2, decoder_start_token_id=0)
    )


def frozen(model):
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


def test_the_beginning_of_a_name_is_of_whole_parts(t5) -> None:
    freeze(t5, ["encoder.block.1"])
    assert frozen(t5) == {name for name, _ in t5.named_parameters() if name.startswith("encoder.block.1.")}
    assert frozen(t5)


def test_parts_anywhere_in_a_name_and_wildcards(t5) -> None:
    freeze(t5, ["SelfAttention", "*.layer_norm.weight"])
    assert frozen(t5) == {
        name for name, _ in t5.named_parameters() if ".SelfAttention." in name or name.endswith(".layer_norm.weight")
    }


def test_a_beginning_comes_before_parts_elsewhere() -> None:
    names = ["encoder.a", "decoder.encoder.a", "decoder.b"]
    assert matching("encoder", names) == ["encoder.a"]
    assert matching("a", names) == ["encoder.a", "decoder.encoder.a"]
    assert matching("*encoder.a", names) == ["encoder.a", "decoder.encoder.a"]


def test_a_tied_parameter_has_all_of_its_names(t5) -> None:
    freeze(t5, ["lm_head"])
    assert frozen(t5) == {"shared.weight"}


def test_a_pattern_that_matches_nothing_names_what_is_close(t5) -> None:
    with raises(ConfigError, "unknown-parameters", "'encoder.blocks.1'", "encoder.block.1"):
        freeze(t5, ["encoder.blocks.1"])
    with raises(ConfigError, "unknown-parameters", "Its modules: shared, encoder, encoder.embed_tokens"):
        freeze(t5, ["xyz*"])


def test_something_must_be_left_to_train(t5) -> None:
    with raises(ConfigError, "nothing-to-train", "shared, encoder, decoder"):
        freeze(t5, ["shared", "encoder", "decoder"])

"""Limits beyond the positions of a model are refused; the same lengths up to them are computed."""

import pytest
import torch
from tests.support.errors import raises
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    RobertaConfig,
)

from equipoise.errors import ConfigError
from equipoise.models.positions import refuse_too_long

SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9}


def encoder_decoder(config, **more):
    return EncoderDecoderModel(
        EncoderDecoderConfig.from_encoder_decoder_configs(*(config(**SIZES | more) for _ in range(2)))
    )


def bart():
    sides = {
        f"{side}_{name}": 1 for side in ("encoder", "decoder") for name in ("layers", "attention_heads", "ffn_dim")
    }
    return BartForConditionalGeneration(BartConfig(vocab_size=9, d_model=8, max_position_embeddings=16, **sides))


def gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=9, n_positions=16, n_embd=8, n_layer=1, n_head=2))


def opt():
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 8, "word_embed_proj_dim": 8}
    return OPTForCausalLM(OPTConfig(vocab_size=9, max_position_embeddings=16, **sizes))


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoder_decoder(BertConfig, max_position_embeddings=16),
        lambda: encoder_decoder(RobertaConfig, max_position_embeddings=18),  # two are left out
        bart,
    ],
)
def test_an_encoder_and_a_decoder_have_positions_of_their_own(make):
    model = make().eval()
    refuse_too_long(model, 16, 16)
    with raises(ConfigError, "too-many-positions", "`training.max_input` must be at most 16 tokens", "found 17"):
        refuse_too_long(model, 17, 16)
    with raises(ConfigError, "too-many-positions", "`training.max_target` must be at most 16 tokens"):
        refuse_too_long(model, 16, 17)
    full = torch.full((1, 16), 5)
    assert model(input_ids=full, decoder_input_ids=full).logits.shape == (1, 16, 9)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, 17), 5), decoder_input_ids=full)


@pytest.mark.parametrize("make", [gpt2, opt])
def test_a_decoder_has_positions_for_both_together(make):
    model = make().eval()
    refuse_too_long(model, 12, 4)
    with raises(ConfigError, "too-many-positions", "`training.max_target` together must be at most 16", "found 17"):
        refuse_too_long(model, 12, 5)
    assert model(input_ids=torch.full((1, 16), 5)).logits.shape[1] == 16
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, 17), 5))


def test_positions_that_are_computed_have_no_end():
    refuse_too_long(LlamaForCausalLM(LlamaConfig(**SIZES, max_position_embeddings=16)), 100, 100)

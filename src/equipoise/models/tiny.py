"""`tiny`: a small T5 with random weights, that needs no download and learns in a few hundred steps."""

import math
from dataclasses import asdict, dataclass
from typing import cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration

TINY = "tiny"


@dataclass(frozen=True)
class TinyShape:
    """Sizes of the built-in T5 v1.1: about 3.5 million parameters with T5's vocabulary, nine tenths in the embedding.

    It has no dropout, which on a CPU would take half of the time. Its initial values are set for short training.
    """

    d_model: int = 96
    d_kv: int = 24
    d_ff: int = 256
    num_layers: int = 2
    num_decoder_layers: int = 1
    num_heads: int = 4


def build_tiny(tokenizer: PreTrainedTokenizerBase, shape: TinyShape, seed: int) -> PreTrainedModel:
    """Build the model with random weights of a seed, for the vocabulary of a tokenizer."""
    pad, eos = cast(int, tokenizer.pad_token_id), cast(int, tokenizer.eos_token_id)
    config = T5Config.from_dict(
        asdict(shape)
        | {
            "vocab_size": -(-len(tokenizer) // 128) * 128,  # T5's own rounding: 32,100 tokens, 32,128 rows
            "feed_forward_proj": "gated-gelu",
            "dropout_rate": 0.0,
            "pad_token_id": pad,
            "eos_token_id": eos,
            "decoder_start_token_id": pad,  # T5Config sets none
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = T5ForConditionalGeneration(config)
    _start_for_short_training(model)
    return model


@torch.no_grad()
def _start_for_short_training(model: T5ForConditionalGeneration) -> None:
    """Set three initial values so that a few hundred steps suffice; T5's own are meant for a million."""
    # Embeddings start small beside what the layers add to them.
    model.shared.weight.mul_(0.2)
    # T5 divides the decoder's output by sqrt(d_model) where embeddings are tied: undone, scores can be confident.
    model.decoder.final_layer_norm.weight.fill_(math.sqrt(model.config.d_model))
    # Two heads start out attending to the token before and the token after: a field's name is beside its value.
    relative = model.encoder.get_submodule("block.0.layer.0.SelfAttention.relative_attention_bias")
    bias = cast(torch.nn.Embedding, relative).weight  # (buckets, heads); later tokens have the second half of buckets
    before, after = 1, model.config.relative_attention_num_buckets // 2 + 1
    bias[before, 0] += 4.0
    bias[after, 1 % model.config.num_heads] += 4.0

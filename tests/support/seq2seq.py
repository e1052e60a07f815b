"""Tiny encoder-decoders of several families, and tasks whose labels share tokens."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    ByT5Tokenizer,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from equipoise.data import Task

TOKENIZER = ByT5Tokenizer()
SIZES: dict[str, Any] = {"vocab_size": 384, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
# Shared beginnings, one label that begins another, and unequal lengths.
LABELS = ("a", "abc", "abd", "b", "bcde", "zz")
TASK = Task("letters", "classification", LABELS)
TASKS = {
    "letters": TASK,
    "two": Task("two", "classification", ("x", "y"), verbalisers={"x": "yes", "y": "no"}),
    "one": Task("one", "classification", ("only",)),
    "say": Task("say", "open_ended"),
}


def t5(**options: Any) -> nn.Module:
    return T5ForConditionalGeneration(T5Config(**SIZES, decoder_start_token_id=0, **options))


def bart() -> nn.Module:
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, "decoder_start_token_id": 1}
    special["forced_eos_token_id"] = None
    model = BartForConditionalGeneration(BartConfig(vocab_size=384, d_model=16, **sizes, **heads, **special))
    model.final_logits_bias.normal_()
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "t5 tied": t5,
    "t5 untied": lambda: t5(tie_word_embeddings=False),
    "t5 gated": lambda: t5(feed_forward_proj="gated-gelu"),
    "mt5": lambda: MT5ForConditionalGeneration(MT5Config(**SIZES, decoder_start_token_id=0)),
    "umt5": lambda: UMT5ForConditionalGeneration(UMT5Config(**SIZES, decoder_start_token_id=0)),
    "bart": bart,
}


def built(name: str, device: str) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = MODELS[name]()
        for parameter in model.parameters():
            # Far from uniform, so that a wrong scale or position shows.
            parameter.data.mul_(2.0 if parameter.ndim > 1 else 1.0)
    return model.eval().to(device)

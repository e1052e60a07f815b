"""Tiny decoder-only models of several families, and tokenizers that leave inputs open."""

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

VOCABULARY = 262
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = {"<|im_start|>": 258, "<|im_end|>": 259}
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
# Positions are told in different ways: rotated, learned, counted from the mask, as a bias; Gemma's window is short.
MODELS: dict[str, Callable[[], nn.Module]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=4)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=1)
    ),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            ffn_dim=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            word_embed_proj_dim=16,
        )
    ),
    "bloom": lambda: BloomForCausalLM(BloomConfig(vocab_size=VOCABULARY, hidden_size=16, n_layer=2, n_head=2)),
}


def tokenizer(*, bos: bool = False, chat: bool = False, eos: bool = False) -> PreTrainedTokenizerFast:
    """Make a tokenizer of bytes: as Qwen's, or as Llama's with a token before each text; `eos` also puts one behind."""
    alphabet = {character: 2 + place for place, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE({"<s>": 0, "</s>": 1} | alphabet | SPECIAL, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    around = f"{'<s> ' if bos else ''}$A{' </s>' if eos else ''}"
    if bos or eos:
        ends = [("<s>", 0), ("</s>", 1)]
        backend.post_processor = processors.TemplateProcessing(single=around, special_tokens=ends)
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>" if bos else None,
        eos_token="</s>",
        additional_special_tokens=list(SPECIAL),
    )
    if chat:
        made.chat_template = TEMPLATE
    return made


def built(name: str, device: str = "cpu") -> Any:
    """Make a model far from uniform, so that a wrong position or mask shows."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = MODELS[name]()
        for parameter in model.parameters():
            parameter.data.mul_(3.0 if parameter.ndim > 1 else 1.0)
    return model.eval().to(device)

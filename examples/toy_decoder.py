"""The data, tokenizer and model of the decoder-only examples: rows of toy.py, and a Llama of a few thousand weights."""

import datasets
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import toy


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer of bytes, which needs no download."""
    words = ["<pad>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>")


def make_texts() -> datasets.Dataset:
    """Return prompts and completions, in the order of `toy.index`."""
    prompts = [f"{row}: {'word ' * (row % 4)}" for row in range(len(toy.NAMES))]
    return datasets.Dataset.from_dict({"prompt": prompts, "completion": [f" {label}" for label in toy.LABELS]})


def make_model() -> LlamaForCausalLM:
    torch.manual_seed(0)  # the same weights on every rank
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=258, pad_token_id=0, bos_token_id=None, eos_token_id=1, **sizes))

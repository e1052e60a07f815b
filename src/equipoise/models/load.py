"""Models to train: any encoder-decoder of transformers in float32, or a tiny T5 that needs no download."""

import math
import os
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from equipoise.config import RunConfig
from equipoise.data.suite import tokenizer_path
from equipoise.errors import RunError

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


Source = RunConfig | str | os.PathLike[str]


def load_model(
    source: Source,
    *,
    seed: int | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    shape: TinyShape | None = None,
) -> tuple[PreTrainedModel, Any]:
    """Load a model and its tokenizer: the one that a configuration trains, or that of a name or a folder.

    Parameters are float32 whatever the checkpoint holds: a bfloat16 checkpoint would otherwise be trained in
    bfloat16, where 1 - 0.001 is 1. Weights are read from safetensors files only, and code that comes with a model is
    never run.

    Parameters
    ----------
    source : RunConfig, str or path-like
        A configuration, for its `model.name` and `seed`; `"tiny"` for a small T5 with random weights and the bundled
        T5 tokenizer; or the name or the folder of any `AutoModelForSeq2SeqLM`, such as the `model` of a run.
    seed : int, optional
        Seed of the random weights of `"tiny"`; by default that of the configuration, or 0. The global random state is
        left as it was.
    tokenizer : str or path-like, optional
        Another tokenizer than the model's own.
    shape : TinyShape, optional
        Sizes of `"tiny"`.

    Returns
    -------
    tuple of transformers.PreTrainedModel and transformers.PreTrainedTokenizerBase
        The model on the CPU, and the tokenizer.

    Raises
    ------
    RunError
        If there is no such model, it is not an encoder-decoder, or its files are not safetensors.

    References
    ----------
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer";
    Shazeer (2020), "GLU Variants Improve Transformer" (the gated activation of T5 v1.1).

    Examples
    --------
    >>> model, tokenizer = load_model("tiny")
    >>> 3_000_000 < model.num_parameters() < 4_000_000, model.dtype
    (True, torch.float32)
    """
    name = _name_of(source)
    words = tokenizer or name
    if name == TINY:
        if seed is None:
            seed = source.seed if isinstance(source, RunConfig) else 0
        loaded = load_tokenizer(words)
        return _tiny(loaded, shape or TinyShape(), seed), loaded
    try:
        model = AutoModelForSeq2SeqLM.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except Exception as error:  # what a damaged folder raises depends on the model, safetensors and the hub
        raise RunError(
            "not-a-model",
            f"`{name}` cannot be loaded as an encoder-decoder: {' '.join(str(error).split())} "
            'Use "tiny", or a model that AutoModelForSeq2SeqLM loads from safetensors files.',
        ) from error
    if getattr(model.config, "decoder_start_token_id", None) is None:
        raise RunError(
            "no-start-token",
            f"`{name}` has no `decoder_start_token_id` in its config.json, so its decoder cannot be started. "
            "Add it; for T5 it is 0.",
        )
    return cast(PreTrainedModel, model), load_tokenizer(words)


def load_tokenizer(source: Source) -> Any:
    """Load the tokenizer of the model that `load_model` loads; that of `"tiny"` is the bundled one of T5.

    Raises
    ------
    RunError
        If there is none, or one without words.

    Examples
    --------
    >>> len(load_tokenizer("tiny"))
    32100
    """
    name = _name_of(source)
    path = tokenizer_path() if name == TINY else name
    advice = "Pass the path or the name of its tokenizer as `tokenizer`."
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # what a damaged folder raises depends on the tokenizer and the hub
        raise RunError("not-a-tokenizer", f"`{path}` holds no tokenizer: {error}\n{advice}") from error
    # Where there are no files, transformers silently makes a T5 tokenizer that knows only the space.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)) + 1:
        raise RunError("not-a-tokenizer", f"`{path}` holds no tokenizer, or one without words. {advice}")
    return tokenizer


def _name_of(source: Source) -> str:
    return source.model.name if isinstance(source, RunConfig) else os.fspath(source)


def _tiny(tokenizer: PreTrainedTokenizerBase, shape: TinyShape, seed: int) -> PreTrainedModel:
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

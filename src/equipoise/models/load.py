"""Models to train: any encoder-decoder of transformers in float32, or one of two that need no download."""

import os
from typing import Any, cast

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel

from equipoise.config import RunConfig
from equipoise.data.suite import tokenizer_path
from equipoise.errors import RunError
from equipoise.models.minilm import (
    MINILM,
    build_encoder_decoder,
    check_weights,
    load_minilm_tokenizer,
    minilm_folder,
)
from equipoise.models.tiny import TINY, TinyShape, build_tiny

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
        T5 tokenizer; `"minilm"` for an encoder-decoder around the pretrained all-MiniLM-L6-v2; or the name or the
        folder of any `AutoModelForSeq2SeqLM`, such as the `model` of a run.
    seed : int, optional
        Seed of the weights of `"tiny"` and `"minilm"` that are random; by default that of the configuration, or 0. The
        global random state is left as it was.
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
        If there is no such model, it is not an encoder-decoder, or its files are not safetensors; or if the package of
        `"minilm"` is not installed, or holds other weights.

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
    if seed is None:
        seed = source.seed if isinstance(source, RunConfig) else 0
    if name == TINY:
        words = load_tokenizer(tokenizer or name)
        return build_tiny(words, shape or TinyShape(), seed), words
    if name == MINILM:
        folder = minilm_folder()
        check_weights(folder)
        model = build_encoder_decoder(folder, seed)
    else:
        model = _pretrained(name)
    _keep_pooler(model)
    return model, load_tokenizer(tokenizer or name)


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
    if name == MINILM:
        return load_minilm_tokenizer(minilm_folder())
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


def _pretrained(name: str) -> PreTrainedModel:
    try:
        model = AutoModelForSeq2SeqLM.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except Exception as error:  # what a damaged folder raises depends on the model, safetensors and the hub
        raise RunError(
            "not-a-model",
            f"`{name}` cannot be loaded as an encoder-decoder: {' '.join(str(error).split())} "
            'Use "tiny", "minilm", or a model that AutoModelForSeq2SeqLM loads from safetensors files.',
        ) from error
    if getattr(model.config, "decoder_start_token_id", None) is None:
        raise RunError(
            "no-start-token",
            f"`{name}` has no `decoder_start_token_id` in its config.json, so its decoder cannot be started. "
            "Add it; for T5 it is 0.",
        )
    return cast(PreTrainedModel, model)


def _keep_pooler(model: Any) -> None:
    """Keep the pooler of an encoder out of training: no target depends on it, and DDP waits for its gradient."""
    pooler = getattr(model.get_encoder(), "pooler", None)
    if isinstance(pooler, torch.nn.Module):
        pooler.requires_grad_(False)

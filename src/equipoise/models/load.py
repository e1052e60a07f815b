"""Models to train: encoder-decoders and decoder-only models in float32, or one of two that need no download."""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
)

from equipoise.collate.open_inputs import is_open
from equipoise.config import ModelConfig, RunConfig
from equipoise.data.suite import tokenizer_path
from equipoise.errors import ConfigError, RunError
from equipoise.models.base_model import Base, is_adapter
from equipoise.models.decoder_only import is_causal
from equipoise.models.freezing import freeze
from equipoise.models.minilm import (
    MINILM,
    build_encoder_decoder,
    check_weights,
    load_minilm_tokenizer,
    minilm_folder,
)
from equipoise.models.shards import check_shards
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
        A configuration, for its `model` and `seed`: parameters are frozen, and an adapter is added, as it says.
        `"tiny"` for a small T5 with random weights and the bundled T5 tokenizer; `"minilm"` for an encoder-decoder
        around the pretrained all-MiniLM-L6-v2; or the name or the folder of any `AutoModelForSeq2SeqLM`, or of any
        `AutoModelForCausalLM` of attention layers, such as the `model` of a run; or a GGUF file of one of the latter,
        which is turned into float32. With the folder of an adapter its base is loaded too.
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
        The model on the CPU, and the tokenizer. With an adapter the model is a `peft.PeftModel`.

    Raises
    ------
    RunError
        If there is no such model, its files are not safetensors, or it cannot continue an input; if a package that it
        needs is not installed; or if the weights of `"minilm"`, or of the base of an adapter, are not those expected.
    ConfigError
        If what is to be frozen, or the adapter, does not fit the model.

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
    config = source.model if isinstance(source, RunConfig) else ModelConfig(name=name)
    if seed is None:
        seed = source.seed if isinstance(source, RunConfig) else 0
    if is_adapter(name):
        if isinstance(source, RunConfig):
            message = f"`{name}` holds an adapter, and a whole model is trained. Merge it first: equipoise merge RUN."
            raise RunError("is-adapter", message)
        return _with_adapter(Path(name)), load_tokenizer(tokenizer or name)
    model = _whole(name, seed, config.quantization, tokenizer, shape)
    words = load_tokenizer(tokenizer or name)
    if not (model.config.is_encoder_decoder or is_open(words)):
        raise RunError(
            "input-ended",
            f"The tokenizer of `{name}` ends every input with a special token, behind which a decoder-only model does "
            "not continue it. Set `add_eos_token: false` in its tokenizer_config.json.",
        )
    if config.freeze:
        freeze(model, config.freeze)
    if config.adapter is not None:
        is_path = name not in (TINY, MINILM) and Path(name).exists()
        base = Base.of(model, str(Path(name).absolute()) if is_path else name, seed, config.quantization)
        model = _adapters().add_adapter(model, config.adapter, base)
        _keep_pooler(model)
    return model, words


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
    path, options = (tokenizer_path(), {}) if name == TINY else _place(name)
    advice = "Pass the path or the name of its tokenizer as `tokenizer`."
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False, **options)
    except Exception as error:  # what a damaged folder raises depends on the tokenizer and the hub
        raise RunError("not-a-tokenizer", f"`{path}` holds no tokenizer: {error}\n{advice}") from error
    # Where there are no files, transformers silently makes a T5 tokenizer that knows only the space.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)) + 1:
        raise RunError("not-a-tokenizer", f"`{path}` holds no tokenizer, or one without words. {advice}")
    return tokenizer


def _name_of(source: Source) -> str:
    return source.model.name if isinstance(source, RunConfig) else os.fspath(source)


def _place(name: str) -> tuple[str, dict[str, str]]:
    """Return a folder or a name on the hub, and which file in it is meant, if it is one of GGUF."""
    path = Path(name)
    if path.suffix != ".gguf":
        return name, {}
    if find_spec("gguf") is None:
        message = f'`{name}` needs the package gguf, which is not installed. Install it: pip install "equipoise[gguf]"'
        raise RunError("missing-package", message)
    return str(path.parent), {"gguf_file": path.name}


def _whole(
    name: str,
    seed: int,
    quantization: str | None,
    tokenizer: str | os.PathLike[str] | None = None,
    shape: TinyShape | None = None,
) -> PreTrainedModel:
    if name in (TINY, MINILM) and quantization is not None:
        message = f'`model.quantization` needs a pretrained model of a folder or the hub, found "{name}". Leave it out.'
        raise ConfigError("cannot-quantise", message)
    if name == TINY:
        return build_tiny(load_tokenizer(tokenizer or name), shape or TinyShape(), seed)
    if name == MINILM:
        folder = minilm_folder()
        check_weights(folder)
        model = build_encoder_decoder(folder, seed)
    else:
        model = _pretrained(name, quantization)
    _keep_pooler(model)
    return model


def _with_adapter(folder: Path) -> Any:
    """Load an adapter and its base, which must be the one that it was trained on."""
    then = Base.read(folder)
    model = _whole(then.name, then.seed, then.quantization)
    Base.of(model, then.name, then.seed, then.quantization).check(then, folder)
    return _adapters().load_adapter(model, folder, then)


def _adapters() -> Any:
    if find_spec("peft") is None:
        message = 'Adapters need the package peft, which is not installed. Install it: pip install "equipoise[peft]"'
        raise RunError("missing-package", message)
    return import_module("equipoise.models.adapters")


def _quantised(quantization: str | None) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` that hold the parameters in 8 or 4 bits."""
    if quantization is None:
        return {}
    if find_spec("bitsandbytes") is None:
        message = (
            f"`model.quantization: {quantization}` needs the package bitsandbytes, which is not installed. "
            "Install it (pip install bitsandbytes), or leave the key out."
        )
        raise RunError("missing-package", message)
    if quantization == "int8":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
    bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    return {"quantization_config": bits}


def _pretrained(name: str, quantization: str | None) -> PreTrainedModel:
    path, file = _place(name)
    check_shards(Path(path))
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, **file, **_quantised(quantization)}
    whole = getattr(transformers, "GgufConfig", None)  # versions without it do so anyway
    if file and quantization is None and whole is not None:
        options["quantization_config"] = whole(dequantize=True)  # otherwise it can be neither trained nor saved
    try:
        config: Any = AutoConfig.from_pretrained(path, trust_remote_code=False, **file)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = kind.from_pretrained(path, trust_remote_code=False, **options)
    except Exception as error:  # what a damaged folder raises depends on the model, safetensors and the hub
        raise RunError(
            "not-a-model",
            f"`{name}` cannot be loaded as a model: {' '.join(str(error).split())} "
            'Use "tiny", "minilm", or a model that AutoModelForSeq2SeqLM or AutoModelForCausalLM loads from '
            "safetensors files.",
        ) from error
    if not config.is_encoder_decoder:
        if quantization is None and not is_causal(model):
            raise RunError(
                "not-causal",
                f"`{name}` computes other probabilities of a token with others behind it or with padding before it, so "
                "it cannot score labels. Choose a causal language model.",
            )
    elif getattr(model.config, "decoder_start_token_id", None) is None:
        raise RunError(
            "no-start-token",
            f"`{name}` has no `decoder_start_token_id` in its config.json, so its decoder cannot be started. "
            "Add it; for T5 it is 0.",
        )
    return cast(PreTrainedModel, model)


def _keep_pooler(model: Any) -> None:
    """Keep the pooler of an encoder out of training: no target depends on it, and DDP waits for its gradient."""
    pooler = getattr(model.get_encoder(), "pooler", None) if model.config.is_encoder_decoder else None
    if isinstance(pooler, torch.nn.Module):
        pooler.requires_grad_(False)

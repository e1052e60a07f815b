"""How many tokens a model has positions for, where these are a table: beyond it, it fails in the middle of training."""

from typing import Final

from torch import nn

from equipoise.errors import ConfigError

_TABLES: Final = frozenset({"position_embeddings", "embed_positions", "wpe"})


def refuse_too_long(model: nn.Module, max_input: int, max_target: int) -> None:
    """Raise ConfigError if inputs or targets may have more tokens than the model has positions.

    Models whose positions are computed, such as T5 and Llama, take any number.

    Parameters
    ----------
    model : torch.nn.Module
        An encoder-decoder or decoder-only model of transformers.
    max_input, max_target : int
        The most tokens of an input and of a target.

    Examples
    --------
    >>> from equipoise.models import load_model
    >>> refuse_too_long(load_model("tiny")[0], max_input=100_000, max_target=64)
    """
    encodes = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    for name, module in model.named_modules():
        path = name.split(".")
        if path[-1] not in _TABLES or not isinstance(module, nn.Embedding):
            continue
        # Bart leaves out some positions in front, others those up to that of the padding.
        left_out: int = getattr(module, "offset", 0) if module.padding_idx is None else module.padding_idx + 1
        positions = module.num_embeddings - left_out
        if not encodes:
            needed, options = max_input + max_target, "`training.max_input` and `training.max_target` together"
        elif "decoder" in path:
            needed, options = max_target, "`training.max_target`"
        else:
            needed, options = max_input, "`training.max_input`"
        if needed > positions:
            raise ConfigError(
                "too-many-positions",
                f"{options} must be at most {positions} tokens for this model, which has no position beyond them, "
                f"found {needed}. Lower them, or choose a model with relative positions, such as a T5.",
            )

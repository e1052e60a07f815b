"""Adapters: a few new matrices are trained beside those of a base model, which is not saved with them but named."""

import inspect
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN_TARGETS

from equipoise.base.plain_json import read_json
from equipoise.base.registry import suggest
from equipoise.config import AdapterConfig
from equipoise.errors import ConfigError, RunError
from equipoise.models.base_model import CONFIG, Base, with_base

WEIGHTS: Final = "adapter_model.safetensors"
_INITIAL: Final = (True, "gaussian", "orthogonal")


def add_adapter(model: Any, adapter: AdapterConfig, base: Base) -> Any:
    """Put a new adapter on a model, whose parameters are no longer trained.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The model.
    adapter : AdapterConfig
        The adapter. Its initial values follow the seed of `base`; the global random state is left as it was.
    base : Base
        The description of the model.

    Returns
    -------
    peft.PeftModel

    Raises
    ------
    ConfigError
        If PEFT refuses an option, or no module has the name of a target.
    """
    known = inspect.signature(LoraConfig).parameters
    for name in adapter.options:
        if name not in known:
            message = f"unknown option `{name}` in `model.adapter`.{suggest(name, known)} See peft.LoraConfig."
            raise ConfigError("unknown-option", message)
    if adapter.options.get("init_lora_weights", True) not in _INITIAL:
        message = f"`model.adapter.init_lora_weights` must be one of {', '.join(map(repr, _INITIAL))}"
        found = adapter.options["init_lora_weights"]
        raise ConfigError("bad-adapter", f"{message}, found {found!r}: others change the base model. Leave it out.")
    if base.quantization is not None:
        from peft import prepare_model_for_kbit_training  # noqa: PLC0415

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    targets: Any = list(adapter.targets) or (None if model.config.model_type in KNOWN_TARGETS else "all-linear")
    try:
        config = LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM if model.config.is_encoder_decoder else TaskType.CAUSAL_LM,
            r=adapter.r,
            lora_alpha=cast(int, adapter.alpha),
            lora_dropout=adapter.dropout,
            target_modules=targets,
            **adapter.options,
        )
        with _without_notices(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(base.seed)
            adapted = get_peft_model(model, config)
    except (ValueError, TypeError, KeyError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        message = f"`model.adapter` cannot be used: {reason:.400}. Change it; targets are names of linear modules."
        raise ConfigError("bad-adapter", message) from error
    return with_base(adapted, base)


def load_adapter(model: Any, folder: Path, base: Base) -> Any:
    """Put the adapter of a folder on its base model, in evaluation mode.

    Raises
    ------
    RunError
        If the folder does not hold a LoRA adapter in a safetensors file, or it does not fit the model.
    """
    settings = read_json(folder / CONFIG, RunError)
    sound = isinstance(settings, dict) and cast("dict[str, Any]", settings).get("peft_type") == "LORA"
    # PEFT imports the module of this name; and it would read a pickle where there is no such file.
    if not sound or cast("dict[str, Any]", settings).get("megatron_config") or not (folder / WEIGHTS).is_file():
        message = f"`{folder}` must hold a LoRA adapter, `{CONFIG}` and `{WEIGHTS}`, found another kind or no weights."
        raise RunError("not-an-adapter", f"{message} Use an adapter that `equipoise train` has written.")
    try:
        with _without_notices():
            adapted = PeftModel.from_pretrained(model, folder)
    except Exception as error:  # what a damaged folder raises depends on PEFT and safetensors
        reason = " ".join(str(error).split())
        raise RunError("not-an-adapter", f"`{folder}` cannot be loaded on {base.name!r}: {reason:.400}") from error
    return with_base(adapted, base)


@contextmanager
def _without_notices() -> Generator[None]:
    """Leave out what PEFT is told of names in transformers that will change: no user can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield

"""TrainingArguments without the options that Equipoise sets itself, each with its reason."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from transformers import Seq2SeqTrainingArguments, TrainingArguments
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

from equipoise.base.registry import suggest
from equipoise.errors import ConfigError
from equipoise.trainer.launch import join, on_cpu, refuse_unseen

OF_THE_STREAM: dict[str, tuple[Any, str]] = {
    "train_sampling_strategy": ("random", "the sampler decides the order"),
    "group_by_length": (False, "the sampler decides the order; use LengthSorted"),
    "ignore_data_skip": (False, "a resumed run would see its first draws again"),
    "accelerator_config": (None, "splitting or dispatching batches would cut the stream at other places"),
    "auto_find_batch_size": (False, "another batch size would shift every later step in the stream"),
    "save_only_model": (False, "a checkpoint without the optimiser cannot be resumed"),
    "enable_jit_checkpoint": (False, "its checkpoint would not be sealed; EquipoiseTrainer saves one on SIGTERM"),
    "save_on_each_node": (False, "the first rank writes the checkpoints, on a disk that all see"),
    "parallelism_config": (None, "the stream and the scaling of the loss are verified for DDP only"),
}
"""Options that would change the stream itself or prevent resuming, whatever the loss: what they must be, and why."""

OWNED = OF_THE_STREAM | {
    "remove_unused_columns": (False, "the weights of the examples would be removed before the loss sees them"),
    "length_column_name": ("length", "the sampler decides the order; use LengthSorted"),
    "data_seed": (None, "the sampler has its own seed"),
    "dataloader_drop_last": (False, "the evaluation loss would leave out the last examples"),
    "average_tokens_across_devices": (True, "the loss is always divided by its weight on all ranks"),
    "label_smoothing_factor": (0.0, "the loss has its own; use TokenLoss(label_smoothing=...)"),
    "predict_with_generate": (False, "equipoise.models makes predictions"),
    "fp16_full_eval": (False, "evaluation runs in the precision of training"),
    "bf16_full_eval": (False, "evaluation runs in the precision of training"),
    "resume_from_checkpoint": (None, "it is an argument of train()"),
    "deepspeed": (None, "its checkpoints are pickled, and of a fixed number of ranks; use `fsdp` to shard parameters"),
}
"""All options that Equipoise sets itself."""

OF_ACCELERATE = {
    "ACCELERATE_MIXED_PRECISION": "`bf16` or `fp16`",
    "ACCELERATE_DYNAMO_BACKEND": "`torch_compile_backend`",
    "ACCELERATE_DYNAMO_MODE": "`torch_compile_mode`",
    "ACCELERATE_DYNAMO_USE_FULLGRAPH": None,
    "ACCELERATE_DYNAMO_USE_DYNAMIC": None,
    "ACCELERATE_DYNAMO_USE_REGIONAL_COMPILATION": None,
    "ACCELERATE_DOWNCAST_BF16": None,
    "ACCELERATE_USE_FSDP": "`fsdp`, with torchrun as the launcher",
    "ACCELERATE_USE_DEEPSPEED": "`fsdp`, with torchrun as the launcher",
    "ACCELERATE_USE_MEGATRON_LM": None,
    "ACCELERATE_USE_PARALLELISM_CONFIG": None,
}
"""Variables of the environment by which accelerate would compute something else, and the options to set instead."""
_OFF = frozenset({"no", "default", "false", "0", "off", "f", "n"})  # what its launcher sets where nothing is asked for

# Encoder-decoders pre-trained in bfloat16 whose feed-forward output `wo` exceeds the range of float16.
T5_FAMILY = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers", "t5gemma", "t5gemma2"})


def training_arguments(
    output_dir: str | os.PathLike[str],
    options: Mapping[str, Any] | None = None,
    *,
    model_type: str = "t5",
    seed: int = 0,
) -> Seq2SeqTrainingArguments:
    """Build the arguments of an `EquipoiseTrainer`.

    Where a launcher such as torchrun has started several ranks, they meet here. Defaults where `options` has no value:
    the CPU where there is no GPU; bfloat16 autocast on a GPU that has it, never on a CPU; the progress bar only on a
    terminal; the two newest checkpoints kept; a loss that is not finite is logged as it is. `fsdp` shards nothing where
    there is one process.

    Parameters
    ----------
    output_dir : path-like
        Where checkpoints and `metrics.jsonl` go.
    options : mapping of str to object, optional
        Any other field of `transformers.Seq2SeqTrainingArguments`.
    model_type : str
        `model.config.model_type`; float16 is refused for the T5 family.
    seed : int
        Seed of dropout and of new weights. The sampler has its own.

    Returns
    -------
    transformers.Seq2SeqTrainingArguments
        They pass `check_arguments`.

    Raises
    ------
    ConfigError
        If an option is unknown, is set by Equipoise, or has a value that transformers refuses, or if several ranks
        were started and the Trainer would not see them.
    RunError
        If the ranks cannot meet.

    Examples
    --------
    >>> args = training_arguments("runs/a", {"learning_rate": 1e-3, "use_cpu": True})
    >>> args.learning_rate, args.bf16, args.remove_unused_columns
    (0.001, False, False)
    >>> training_arguments("runs/a", {"ignore_data_skip": True})
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: trainer option `ignore_data_skip` cannot be set: a resumed run would see its
    first draws again. Remove it.
    """
    chosen = dict(options or {})
    _refuse(chosen)
    on_gpu = torch.cuda.is_available() and not chosen.get("use_cpu", False)
    ranks = join(chosen, os.environ)
    if ranks.size == 1:  # nothing to shard: so a run resumes on one process
        chosen = {name: value for name, value in chosen.items() if name not in {"fsdp", "fsdp_config"}}
    defaults: dict[str, Any] = {
        # Without it a Trainer on several CPUs would not see that it is one of several.
        **({"use_cpu": True} if ranks.size > 1 and on_cpu(chosen) else {}),
        "bf16": on_gpu and not chosen.get("fp16", False) and torch.cuda.is_bf16_supported(),
        "dataloader_pin_memory": on_gpu,
        "logging_nan_inf_filter": False,
        "save_total_limit": 2,
        "remove_unused_columns": False,
    }
    chosen = defaults | chosen
    _check_environment(chosen, os.environ)  # some of it ends here in an error of transformers
    try:
        args = Seq2SeqTrainingArguments(output_dir=os.fspath(output_dir), seed=seed, **chosen)
    except (ValueError, TypeError) as error:
        raise ConfigError("bad-option", f"transformers refuses the trainer options: {error}") from error
    check_arguments(args, model_type)
    return args


def check_arguments(args: TrainingArguments, model_type: str | None) -> None:
    """Raise ConfigError for arguments under which the stream, the loss or a resumed run would be wrong.

    They may be from `training_arguments` or built directly; `model_type` is `model.config.model_type`, None if that is
    not known yet.
    """
    check_owned(args, OWNED)
    refuse_unseen(args, os.environ)
    _check_environment(vars(args), os.environ)
    _check_liger(args, model_type)
    if args.fp16 and model_type in T5_FAMILY:
        raise ConfigError(
            "float16-model",
            f"`fp16` cannot be used with a model of type {model_type!r}: its feed-forward layers (`wo`) overflow "
            "in float16 and the loss becomes NaN. Use `bf16`, or float32.",
        )


def _check_environment(options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Raise ConfigError if the environment would change what the options, which a run records, say is computed."""
    backend, mode = options.get("torch_compile_backend"), options.get("torch_compile_mode")
    compiled = options.get("torch_compile") or backend or mode
    precision = environment.get("ACCELERATE_MIXED_PRECISION")  # an option is stronger than it
    # Some versions of transformers set the others themselves where the options ask for it.
    meant = {
        "ACCELERATE_MIXED_PRECISION": (options.get("fp16") or options.get("bf16")) and precision,
        "ACCELERATE_DYNAMO_BACKEND": compiled and (backend or "inductor"),
        "ACCELERATE_DYNAMO_MODE": mode,
    }
    for name, option in OF_ACCELERATE.items():
        found = environment.get(name, "no")
        if found.lower() not in _OFF and found != meant.get(name):
            advice = "Unset it." if option is None else f"Set trainer option {option}, or unset it."
            raise ConfigError(
                "other-environment",
                f"The environment variable {name} is {found!r:.40}, and the trainer options do not say so: the run "
                f"would not train as its configuration says. {advice}",
            )


def _check_liger(args: TrainingArguments, model_type: str | None) -> None:
    """Raise ConfigError for kernels of liger that leave no logits for the loss, or that would silently do nothing."""
    if not args.use_liger_kernel:
        return
    if model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        raise ConfigError(
            "no-liger-kernels",
            f"`use_liger_kernel` has no kernels for encoder-decoder models, found type {model_type!r}. Remove it.",
        )
    if (args.liger_kernel_config or {}).get("fused_linear_cross_entropy", True):
        raise ConfigError(
            "fused-loss",
            "`use_liger_kernel` would fuse the output layer into its own loss, and the weighted loss needs logits. Set "
            "`liger_kernel_config: {fused_linear_cross_entropy: false}` beside it; the other kernels stay.",
        )


def check_best_metric(args: TrainingArguments, eval_dataset: object, metrics: Iterable[str] = ()) -> None:
    """Raise ConfigError if the evaluation of an `EquipoiseTrainer` does not return `metric_for_best_model`.

    `metrics` are those of its `validation`.
    """
    chosen = args.metric_for_best_model
    several = cast("Mapping[str, Any]", eval_dataset) if isinstance(eval_dataset, dict) else {}
    known = [f"eval_{name}_loss" for name in several] or ["eval_loss", *(f"eval_{name}" for name in metrics)]
    if chosen is not None and f"eval_{chosen.removeprefix('eval_')}" not in known:
        raise ConfigError(
            "unknown-metric",
            f"trainer option `metric_for_best_model` must be what the evaluation during training returns, "
            f"{' or '.join(known)}, found {chosen!r}. Change it; other metrics are computed after training.",
        )


def global_batch(args: TrainingArguments) -> int:
    """Return the number of draws of one optimiser step: batch size x accumulation x ranks.

    Examples
    --------
    >>> global_batch(training_arguments(
    ...     "runs/a", {"use_cpu": True, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}))
    16
    """
    return args.train_batch_size * args.gradient_accumulation_steps * args.world_size


def check_owned(args: TrainingArguments, names: Iterable[str] = OF_THE_STREAM) -> None:
    """Raise ConfigError for the first of these options that has not the value that Equipoise needs."""
    for name in names:
        needed, reason = OWNED[name]
        found = _batch_options(args) if name == "accelerator_config" else getattr(args, name, needed)
        if found != needed and (found or needed):
            raise ConfigError("owned-option", f"`{name}` must be {needed!r}, found {found!r}: {reason}.")


def _refuse(options: Mapping[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(Seq2SeqTrainingArguments) if field.init}
    reasons = {name: reason for name, (_, reason) in OWNED.items()}
    reasons |= dict.fromkeys(("output_dir", "seed"), "the run sets it")
    for name in options:
        if name in reasons:
            raise ConfigError("owned-option", f"trainer option `{name}` cannot be set: {reasons[name]}. Remove it.")
        if name not in known:
            hint = suggest(name, known - OWNED.keys()) or " See transformers.Seq2SeqTrainingArguments."
            raise ConfigError("unknown-option", f"unknown trainer option `{name}`.{hint}")


def _batch_options(args: TrainingArguments) -> dict[str, Any] | None:
    """Return the options of accelerate that would cut the stream at other places, None when there are none."""
    config = args.accelerator_config
    names = ("split_batches", "dispatch_batches")
    return {name: True for name in names if getattr(config, name, None)} or None

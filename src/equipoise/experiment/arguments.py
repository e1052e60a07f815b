"""The Trainer's arguments of a run."""

from pathlib import Path

from transformers import Seq2SeqTrainingArguments

from equipoise.config import RunConfig
from equipoise.errors import ConfigError
from equipoise.trainer import training_arguments
from equipoise.trainer.trainer import global_batch, whole_steps


def trainer_arguments(config: RunConfig, folder: Path, model_type: str) -> Seq2SeqTrainingArguments:
    """Build the Trainer's arguments: what the configuration owns, then what it passes through.

    Parameters
    ----------
    config : RunConfig
        The run, its `plan.draws` filled in.
    folder : pathlib.Path
        Where checkpoints go.
    model_type : str
        What the model calls itself.

    Returns
    -------
    transformers.Seq2SeqTrainingArguments
        With the global batch and the number of steps that the configuration asks for.

    Raises
    ------
    ConfigError
        If an argument that is passed through cannot be used, or the batch cannot be split over the devices.
    """
    training = config.training
    every = training.validate_every
    options = {
        "per_device_train_batch_size": 1,  # set below, once the number of ranks is known
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if training.schedule == "constant" else training.schedule,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_gradient_norm,
        "logging_steps": training.log_every,
        "save_steps": training.save_every,
        "eval_strategy": "steps" if every else "no",
        **({"eval_steps": every} if every else {}),
        "per_device_eval_batch_size": 64,
        **config.trainer,
    }
    args = training_arguments(folder, options, model_type=model_type, seed=config.seed)
    smallest = global_batch(args)
    if training.batch_size % smallest:
        raise ConfigError(
            f"`training.batch_size` counts the examples of one optimiser step over all devices and accumulation,"
            f" so it must be a multiple of {smallest} here, found {training.batch_size}."
        )
    args.per_device_train_batch_size = training.batch_size // smallest
    assert config.plan.draws is not None
    args.max_steps = whole_steps(config.plan.draws, training.batch_size) // training.batch_size
    args.warmup_steps = round(training.warmup * args.max_steps)
    return args

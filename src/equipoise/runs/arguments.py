"""From a configuration to the arguments of the Trainer."""

from pathlib import Path

from transformers import Seq2SeqTrainingArguments

from equipoise.config import RunConfig
from equipoise.errors import ConfigError
from equipoise.loaders.checks import whole_steps
from equipoise.metrics import METRICS
from equipoise.trainer import training_arguments
from equipoise.trainer.arguments import global_batch


def trainer_arguments(config: RunConfig, folder: Path, model_type: str) -> Seq2SeqTrainingArguments:
    """Build the arguments of the Trainer: those that the configuration owns, then those that it passes on.

    Parameters
    ----------
    config : RunConfig
        The configuration of the run, with `plan.draws`.
    folder : pathlib.Path
        The folder of the checkpoints.
    model_type : str
        The `model_type` of the model's configuration.

    Returns
    -------
    transformers.Seq2SeqTrainingArguments
        With the global batch size and the number of steps of the configuration.

    Raises
    ------
    ConfigError
        If an argument that is passed on cannot be used, or the batch cannot be split over the devices.
    """
    training = config.training
    every, best = training.validate_every, training.best
    rising = best not in (None, "loss") and METRICS[best].sign > 0
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
        "label_names": ["labels"],  # the Trainer cannot tell them from the signature of a model with an adapter
        **({"metric_for_best_model": best, "greater_is_better": rising} if best else {}),
        **config.trainer,
    }
    args = training_arguments(folder, options, model_type=model_type, seed=config.seed)
    # Only now: it would be refused where checkpoints are rarer than validations, but the best of these is always saved.
    args.load_best_model_at_end = best is not None
    smallest = global_batch(args)
    if training.batch_size % smallest:
        raise ConfigError(
            "batch-size",
            "`training.batch_size` counts the examples of one optimiser step over all devices and accumulation,"
            f" so it must be a multiple of {smallest} here, found {training.batch_size}.",
        )
    args.per_device_train_batch_size = training.batch_size // smallest
    assert config.plan.draws is not None
    args.max_steps = whole_steps(config.plan.draws, training.batch_size) // training.batch_size
    args.warmup_steps = round(training.warmup * args.max_steps)
    return args

"""Checks of a sampler before a loop draws from it: the right part of the stream, in whole optimiser steps."""

from typing import Any

from equipoise.errors import ConfigError
from equipoise.samplers import TokenBatches


def check_rows(sampler: Any, batch: int, examples: int) -> None:
    """Raise ConfigError if a sampler of rows is of another dataset or of other global batches, or has partial steps.

    `batch` is the draws of one optimiser step on all ranks, `examples` the length of the training set.

    Examples
    --------
    >>> from torch.utils.data import SequentialSampler
    >>> check_rows(SequentialSampler(range(100)), batch=16, examples=100)
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: `sampler` must draw whole optimiser steps of 16 draws (batch size x accumulation x
    ranks), found 100 draws per epoch. Use draws_per_epoch=112.
    """
    inner = inner_sampler(sampler)
    check_index(inner, examples)
    # LengthSorted, and Quota and OneTask batches, are made for one global batch.
    for holder in (sampler, getattr(inner, "batches", None)):
        made_for = getattr(holder, "global_batch", batch)
        if made_for != batch:
            raise ConfigError(
                "other-batch",
                f"`global_batch` of the sampler must be that of the run, {batch} draws (batch size x accumulation x "
                f"ranks), found {made_for}. Build it with global_batch={batch}.",
            )
    shard = getattr(inner, "shard", None)
    draws = len(sampler) * (1 if shard is None else shard.world_size)
    if draws == 0 or draws % batch:
        raise ConfigError(
            "partial-steps",
            f"`sampler` must draw whole optimiser steps of {batch} draws (batch size x accumulation x ranks), found "
            f"{draws} draws per epoch. Use draws_per_epoch={whole_steps(draws, batch)}.",
        )


def check_token_batches(sampler: TokenBatches, batch_size: int | None, per_step: int, examples: int) -> None:
    """Raise ConfigError unless a sampler of batches has `per_step` of them in a step, over all ranks."""
    if batch_size is not None:
        reason = f"`batch_size` must not be set with TokenBatches, which makes the batches, found {batch_size}."
        raise ConfigError("two-batch-sizes", reason)
    if sampler.batches_per_step != per_step:
        raise ConfigError(
            "other-batch",
            f"`batches_per_step` of the sampler must be accumulation x ranks, {per_step}, found "
            f"{sampler.batches_per_step}. Build it with batches_per_step={per_step}.",
        )
    check_index(sampler.sampler, examples)


def check_index(sampler: Any, examples: int) -> None:
    """Raise ConfigError if a sampler draws from another number of rows than the dataset has."""
    index = getattr(sampler, "index", None)
    if index is not None and index.dataset_rows != examples:
        raise ConfigError(
            "other-dataset",
            f"`sampler` must draw from the rows of `train_dataset`, found an index of {index.dataset_rows} rows and "
            f"{examples} examples. Build both from the same records.",
        )


def inner_sampler(sampler: Any) -> Any:
    """Return the sampler whose order a `LengthSorted` or `TokenBatches` changes; any other sampler itself."""
    return getattr(sampler, "sampler", sampler)


def whole_steps(draws: int, batch: int) -> int:
    """Round the draws of an epoch up to whole optimiser steps.

    Parameters
    ----------
    draws : int
        Draws per epoch, of all ranks together.
    batch : int
        Draws of one optimiser step: batch size x accumulation x ranks.

    Returns
    -------
    int
        The smallest multiple of `batch` that is at least `draws`, and at least one step.

    Examples
    --------
    >>> whole_steps(100, 16), whole_steps(96, 16)
    (112, 96)
    """
    return max(1, -(-draws // batch)) * batch

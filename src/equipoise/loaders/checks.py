"""What every loop asks of a sampler before it draws: the right part of the stream, in whole optimiser steps."""

from typing import Any

from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.samplers import TokenBatches


def check_rows(sampler: Any, batch: int, examples: int) -> None:
    """Refuse a sampler of rows whose stream would not be cut into the steps of a run.

    Parameters
    ----------
    sampler : sampler of rows
        With the whole stream or a part of it.
    batch : int
        Draws per optimiser step of all ranks together.
    examples : int
        Length of the training set.

    Raises
    ------
    ConfigError
        If it points into another dataset, is made for other global batches, or its epoch is not whole steps.

    Examples
    --------
    >>> from torch.utils.data import SequentialSampler
    >>> check_rows(SequentialSampler(range(100)), batch=16, examples=100)
    Traceback (most recent call last):
        ...
    equipoise.errors.ConfigError: `sampler` must give whole optimiser steps of 16 draws (batch size x accumulation x
    ranks), found 100 draws per epoch. Use draws_per_epoch=112.
    """
    inner = inner_sampler(sampler)
    check_index(inner, examples)
    # LengthSorted, and Quota and OneTask batches, are made for one global batch.
    for holder in (sampler, getattr(inner, "batches", None)):
        made_for = getattr(holder, "global_batch", batch)
        if made_for != batch:
            raise ConfigError(
                f"`global_batch` of the sampler must be that of the run, {batch} draws (batch size x accumulation x "
                f"ranks), found {made_for}. Build it with global_batch={batch}."
            )
    shard = getattr(inner, "shard", None)
    draws = len(sampler) * (1 if shard is None else shard.world_size)
    if draws == 0 or draws % batch:
        raise ConfigError(
            f"`sampler` must give whole optimiser steps of {batch} draws (batch size x accumulation x ranks), found "
            f"{draws} draws per epoch. Use draws_per_epoch={whole_steps(draws, batch)}."
        )


def check_shard(sampler: Any, shard: Shard) -> None:
    """Raise ConfigError unless a sampler takes this part of the stream."""
    found = getattr(inner_sampler(sampler), "shard", None)
    if found != shard:
        raise ConfigError(
            f"`make_sampler` must give the part of the stream that it is asked for, {shard}, found {found}. "
            "Pass its argument on: shard=shard."
        )


def check_token_batches(sampler: TokenBatches, batch_size: int | None, per_step: int, examples: int) -> None:
    """Raise ConfigError unless a step of a sampler of batches is `per_step` of them, over all ranks."""
    if batch_size is not None:
        raise ConfigError(f"`batch_size` must be left out with TokenBatches, which has its own, found {batch_size}.")
    if sampler.batches_per_step != per_step:
        raise ConfigError(
            f"`batches_per_step` of the sampler must be accumulation x ranks, {per_step}, found "
            f"{sampler.batches_per_step}. Build it with batches_per_step={per_step}."
        )
    check_index(sampler.sampler, examples)


def check_index(sampler: Any, examples: int) -> None:
    """Raise ConfigError if a sampler draws from another number of rows than the dataset has."""
    index = getattr(sampler, "index", None)
    if index is not None and len(index) != examples:
        raise ConfigError(
            f"`sampler` must draw from the rows of `train_dataset`, found an index of {len(index)} rows and "
            f"{examples} examples. Build both from the same records."
        )


def inner_sampler(sampler: Any) -> Any:
    """The sampler of a `LengthSorted` or `TokenBatches`, which hold the one whose order they change; else itself."""
    return getattr(sampler, "sampler", sampler)


def whole_steps(draws: int, batch: int) -> int:
    """Round a number of draws up to whole optimiser steps, as a training loop needs it.

    Parameters
    ----------
    draws : int
        The wanted draws per epoch.
    batch : int
        Draws of one optimiser step: batch size x accumulation x ranks.

    Returns
    -------
    int
        The smallest multiple of `batch` that is at least `draws` and at least one step.

    Examples
    --------
    >>> whole_steps(100, 16), whole_steps(96, 16)
    (112, 96)
    """
    return max(1, -(-draws // batch)) * batch

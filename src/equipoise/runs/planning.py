"""The plan or schedule that a configuration describes, for the rows that it is drawn from."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.base.files import read_text
from equipoise.census import Census
from equipoise.config import RunConfig, ScheduleFile
from equipoise.errors import ConfigError, PlanError, PlanWarning
from equipoise.plan import Plan
from equipoise.schedule import Drawable, Schedule, read_drawable


def plan_of(config: RunConfig, census: Census, tokens: NDArray[np.float64] | None = None) -> tuple[Drawable, int]:
    """Build what a run draws.

    Parameters
    ----------
    config : RunConfig
        The configuration. Without `plan.draws`, as many draws are planned as `plan.schedule` was, if that is a file,
        and otherwise as there are training rows.
    census : Census
        The counts of the training rows.
    tokens : ndarray of float64, shape (S,), optional
        Mean tokens of the rows of each stratum, as for `Plan.build`.

    Returns
    -------
    Plan or Schedule
        With a `plan.schedule` a schedule, whose stages begin at multiples of `training.batch_size`.
    int
        The number of draws.

    Notes
    -----
    With `plan.proxy_of` the shares are those of that many draws, and the stages of a schedule begin earlier.

    Raises
    ------
    PlanError
        If it cannot be built.
    ConfigError
        If the file that `plan.schedule` names cannot be used for these rows and this batch size.
    """
    chosen, batch = config.plan, config.training.batch_size
    if isinstance(chosen.schedule, ScheduleFile):
        read = _read(Path(chosen.schedule.path), census, batch)
        return read, chosen.draws or read.draws or census.total
    draws = chosen.draws or census.total
    full = chosen.proxy_of or draws  # caps and UniMax resolve the shares of the full training
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlanWarning)  # what each task is was declared, or inferred and is printed
        if chosen.schedule is not None:
            plan = Schedule.build(
                census,
                chosen.schedule,
                chosen.rates,
                chosen.weights,
                draws=full,
                global_batch=batch,
                max_passes=chosen.max_passes,
                target_rates=chosen.target_rates,
                target_weights=chosen.target_weights,
                tokens=tokens,
            )
            plan = plan if full == draws else _scaled(plan, draws, full, batch)
        else:
            plan = Plan.build(
                census,
                chosen.rates,
                chosen.weights,
                draws=full,
                max_passes=chosen.max_passes,
                target_rates=chosen.target_rates,
                target_weights=chosen.target_weights,
                tokens=tokens,
            )
            plan = replace(plan, draws=draws)
    return plan, draws


def _scaled(schedule: Schedule, draws: int, full: int, batch: int) -> Schedule:
    """Return a schedule of a full training as a proxy of it draws it: each stage is as much shorter."""
    stages = [(round(at * draws / (full * batch)) * batch, replace(plan, draws=draws)) for at, plan in schedule.stages]
    begins = [at for at, _ in stages]
    if len(set(begins)) < len(begins):
        raise PlanError(
            "too-few-draws",
            f"the {len(begins)} stages of the schedule must each have a batch at least, found that they begin at draws"
            f" {begins} of {draws:,} (in batches of {batch}). Use fewer stages, or more draws.",
        )
    return Schedule(stages)


def _read(file: Path, census: Census, batch: int) -> Drawable:
    try:
        plan = read_drawable(read_text(file, ConfigError))
    except PlanError as error:
        raise ConfigError("damaged-file", f"`plan.schedule`: `{file}` cannot be used: {error}") from error
    if plan.strata != census.strata or not np.array_equal(plan.counts, census.counts):
        then = f"{len(plan.strata):,} labels and {int(plan.counts.sum()):,} rows"
        raise ConfigError(
            "other-strata",
            f"`plan.schedule`: `{file}` must have the tasks, labels and counts of the training rows,"
            f" {len(census.strata):,} labels and {census.total:,} rows, found others, {then}. Train on the data of"
            " that run, or give a recipe.",
        )
    for at, _ in plan.stages:
        if at % batch:
            raise ConfigError(
                "cut-batch",
                f"`plan.schedule`: the stages of `{file}` must begin at multiples of `training.batch_size`, {batch},"
                f" found draw {at:,}. Set the batch size of that run.",
            )
    return plan


def short_of_a_block(config: RunConfig, plan: Drawable, draws: int) -> str:
    """Say why shares are not exact after some draws of a run; "" where they are as exact as they can be."""
    block = max(each.block for _, each in plan.stages)
    if draws >= block or config.training.batches == "quota":
        return ""
    return (
        f"{draws:,} draws are fewer than a block of {block:,}, at whose end shares are exact;"
        " `training.batches: quota` keeps them in every batch."
    )

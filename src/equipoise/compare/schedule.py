"""Successive halving over draws: which runs each stage trains, and how many draws a budget allows."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass

import numpy as np

from equipoise.base.codec import to_plain
from equipoise.base.plain_json import write_json
from equipoise.compare.directory import ComparisonDirectory, read_values
from equipoise.compare.prices import Speed, measure
from equipoise.compare.rows import SharedData
from equipoise.compare.trainings import Training
from equipoise.config import VALIDATIONS, CompareConfig, ComparisonConfig, duration_of, seconds_of
from equipoise.errors import ConfigError
from equipoise.runs.rows import open_ended
from equipoise.runs.samples import ROWS_TO_SCORE, validation_rows

LEAST_STEPS = 10  # of the shortest runs: scores after fewer steps are noise
LEAST_OF_LABEL = 20  # validation rows of each label that every stage scores, if there are as many


@dataclass(frozen=True)
class StagePlan:
    """One stage: the draws and seeds of its runs, and how many trainings it keeps besides natural sampling at its best.

    `rows` is how many validation rows its runs score; None for full runs, which score all.
    """

    draws: int
    seeds: tuple[int, ...]
    keep: int
    rows: int | None


@dataclass(frozen=True)
class Schedule:
    """All stages.

    Attributes
    ----------
    stages : tuple of StagePlan
        In order; the last one trains the finalists in full.

    References
    ----------
    Karnin, Koren and Somekh (2013), "Almost Optimal Exploration in Multi-Armed Bandits", algorithm 1; Jamieson
    and Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".

    Examples
    --------
    >>> schedule = Schedule.build(CompareConfig(), trainings=15, draws=9000, batch=10, seed=0, rows=6300, least=900)
    >>> [(stage.draws, len(stage.seeds), stage.keep, stage.rows) for stage in schedule.stages]
    [(1000, 2, 5, 900), (3000, 2, 2, 2100), (9000, 5, 2, None)]
    """

    stages: tuple[StagePlan, ...]

    @classmethod
    def build(
        cls, compare: CompareConfig, *, trainings: int, draws: int, batch: int, seed: int, rows: int, least: int
    ) -> "Schedule":
        """Build the stages.

        Each stage has `shrink` times the draws of the one before, and scores as much a larger part of the validation
        rows. The number of trainings falls by a constant factor from stage to stage, down to the finalists.

        Parameters
        ----------
        compare : CompareConfig
            The numbers of stages, seeds and finalists.
        trainings : int
            Number of ways to train.
        draws : int
            Draws of a full training.
        batch : int
            The batch size; draws are multiples of it.
        seed : int
            The first seed; all trainings have the same seeds.
        rows, least : int
            The number of validation rows, and how many of them a stage scores at least.
        """
        finalists = min(compare.finalists, trainings)
        last = compare.stages - 1
        stages: list[StagePlan] = []
        for stage in range(compare.stages):
            part = draws / compare.shrink ** (last - stage)
            kept = finalists if stage == last else round(trainings * (finalists / trainings) ** ((stage + 1) / last))
            seeds = compare.seeds if stage == last else min(compare.first_seeds, compare.seeds)
            whole = -(-draws // batch)
            steps = min(whole, max(LEAST_STEPS, round(part / batch))) if stage < last else whole
            scored = None if steps == whole else max(least, round(rows * steps / whole))
            stages.append(StagePlan(steps * batch, tuple(range(seed, seed + seeds)), kept, scored))
        return cls(tuple(stages))

    def cost(self, trainings: int, run_cost: Callable[[StagePlan], float], beside: int = 1) -> float:
        """Compute the cost of all runs; `run_cost` returns the mean cost of a run of a stage.

        Besides the trainings that are kept, `beside` more are in every stage: natural sampling, and the best of its
        other recipes.
        """
        total, held = 0.0, float(trainings)
        for stage in self.stages:
            total += held * len(stage.seeds) * run_cost(stage)
            held = min(float(trainings), stage.keep + beside)
        return total

    def described(self, trainings: int, beside: int) -> str:
        """Say how many runs and draws there are at most; arguments as of `cost`."""
        runs = self.cost(trainings, lambda _: 1, beside)
        draws = self.cost(trainings, lambda stage: stage.draws, beside)
        return f"At most {runs:,.0f} trainings with {draws:,.0f} draws in all, earlier stages included"


def affordable(cost: Callable[[int], float], seconds: float, most: int, batch: int) -> int:
    """Find the largest number of draws of a full training that a budget allows, up to `most`.

    Parameters
    ----------
    cost : callable
        Seconds of a whole comparison as a function of the draws of a full training; must not decrease.
    seconds : float
        The budget.
    most : int
        The upper limit.
    batch : int
        The batch size; draws below the limit are multiples of it.

    Returns
    -------
    int
        Draws.

    Raises
    ------
    ConfigError
        If the shortest comparison does not fit.

    Examples
    --------
    >>> affordable(lambda draws: draws / 100, seconds=60, most=10_000, batch=32)
    5984
    """
    if cost(most) <= seconds:
        return most
    least = cost(LEAST_STEPS * batch)
    if least > seconds:
        smallest = f"{LEAST_STEPS * batch:,} draws for a full training needs {duration_of(least)}"
        raise ConfigError(
            "budget-too-small",
            f"The budget of {duration_of(seconds)} is too small. On this machine the smallest comparison, with"
            f" {smallest}, and one with the {most:,} that are asked for {duration_of(cost(most))}. Give at least"
            f" `--budget {duration_of(least)}`, or fewer --candidates or --seeds, or a smaller --model.",
        )
    steps = range(-(-most // batch))
    return batch * (bisect_right(steps, seconds, lo=LEAST_STEPS, key=lambda step: cost(step * batch)) - 1)


def draws_of(config: ComparisonConfig, rows: int) -> int:
    """Return the draws of a full training: those of the plan, else as many as there are training rows.

    Raises
    ------
    ConfigError
        If they are too few for several stages.
    """
    draws, least = config.plan.draws or rows, LEAST_STEPS * config.training.batch_size
    if config.compare.stages > 1 and draws < least:
        raise ConfigError(
            "too-few-draws",
            f"{draws:,} draws are too few to compare in {config.compare.stages} stages: the shortest runs have"
            f" {LEAST_STEPS} steps of `training.batch_size` {config.training.batch_size}. Give at least"
            f" `--draws {least}`, smaller batches, or `--set compare.stages=1` to train every candidate in full.",
        )
    return draws


def schedule_of(
    directory: ComparisonDirectory,
    config: ComparisonConfig,
    trainings: Mapping[str, Training],
    data: SharedData,
    log: Callable[[str], None],
) -> Schedule:
    """Read the schedule of a comparison, or build and write it: the same for all processes that work on the directory.

    Without `plan.draws` a full training draws as many examples as there are training rows. A budget may lower
    that: the speed of this machine is measured on short runs first.

    Raises
    ------
    ConfigError
        If the budget is too small for the shortest comparison.
    """
    with directory.lock("schedule"):
        if directory.schedule.is_file():
            return read_values(Schedule, directory.schedule)
        # Draws that are whole batches of all trainings, so that all of them draw as many.
        batch = math.lcm(*(each.config.training.batch_size for each in trainings.values()))
        most = draws_of(config, len(data.of("train")))

        validation, test = (data.of(split) for split in ("validation", "test"))
        strata, _ = validation.strata(open_ended(data.base.tasks))
        watched, best = len(validation_rows(strata, config.seed)), config.training.best
        scored = 0 if best in (None, "loss") else VALIDATIONS * min(len(validation), ROWS_TO_SCORE)
        # Twice, because half of a sample is shared evenly.
        least = 2 * int(np.minimum(np.bincount(strata), LEAST_OF_LABEL).sum())

        def build(draws: int) -> Schedule:
            return Schedule.build(
                config.compare,
                trainings=len(trainings),
                draws=draws,
                batch=batch,
                seed=config.seed,
                rows=len(validation),
                least=least,
            )

        draws = most
        if config.compare.budget is not None:
            log("Measuring the training speed of this machine")
            speed = _speed(trainings, data)
            most_rows = config.evaluation.rows or len(test) + len(validation)
            beside = min(2, sum(each.natural for each in trainings.values()))
            finals = (config.compare.finalists + beside) * config.compare.seeds

            def run(stage: StagePlan) -> float:
                rows = min(len(validation), most_rows, stage.rows or most_rows)
                validated = stage.rows is None or best is not None
                return speed.run(stage.draws, rows + scored, VALIDATIONS * watched if validated else 0)

            def seconds(full: int) -> float:
                return build(full).cost(len(trainings), run, beside) + finals * min(len(test), most_rows) * speed.row

            try:
                draws = affordable(seconds, seconds_of(config.compare.budget), most, batch)
            except ConfigError:
                directory.config.unlink(missing_ok=True)  # a comparison with another budget may begin here
                raise
            if draws < most:
                log(f"The budget allows {draws:,} draws for a full training, instead of {most:,}")
        schedule = build(draws)
        write_json(directory.schedule, to_plain(schedule))
        return schedule


def _speed(trainings: Mapping[str, Training], data: SharedData) -> Speed:
    """Return the mean speed of the trainings, measured once per batch size, for losses over labels or others."""
    measured: dict[tuple[bool, int], Speed] = {}
    kinds = [
        (each.config.training.loss.level == "label", each.config.training.batch_size) for each in trainings.values()
    ]
    for kind, training in zip(kinds, trainings.values(), strict=True):
        measured[kind] = measured.get(kind) or measure(training, data)
    return Speed(*np.mean([astuple(measured[kind]) for kind in kinds], axis=0).tolist())

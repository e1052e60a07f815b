"""Successive halving over draws: which runs each stage trains, and what that costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from equipoise.compare.directory import ComparisonDirectory, refusing_damage
from equipoise.compare.prices import Speed, measure
from equipoise.compare.rows import Rows
from equipoise.compare.trainings import Training
from equipoise.config import CompareConfig, ComparisonConfig, seconds_of
from equipoise.errors import ConfigError
from equipoise.runs.directory import read_json, write_json

LEAST_STEPS = 10  # of the shortest runs: fewer tell nothing


@dataclass(frozen=True)
class StagePlan:
    """One stage: the draws and seeds of its runs, and how many trainings go on (beside natural sampling)."""

    draws: int
    seeds: tuple[int, ...]
    keep: int


@dataclass(frozen=True)
class Schedule:
    """All stages; the last one trains the finalists in full.

    Attributes
    ----------
    stages : tuple of StagePlan
        In order.

    References
    ----------
    Karnin, Koren and Somekh (2013), "Almost Optimal Exploration in Multi-Armed Bandits", algorithm 1; Jamieson
    and Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".

    Examples
    --------
    >>> schedule = Schedule.build(CompareConfig(), trainings=15, draws=9000, batch=10, seed=0)
    >>> [(stage.draws, len(stage.seeds), stage.keep) for stage in schedule.stages]
    [(1000, 2, 5), (3000, 2, 2), (9000, 5, 2)]
    """

    stages: tuple[StagePlan, ...]

    @classmethod
    def build(cls, compare: CompareConfig, *, trainings: int, draws: int, batch: int, seed: int) -> "Schedule":
        """Plan the stages.

        Each stage has `shrink` times the draws of the one before, and keeps fewer trainings by the same factor
        each time, down to the finalists.

        Parameters
        ----------
        compare : CompareConfig
            The numbers of stages, seeds and finalists.
        trainings : int
            How many ways to train there are.
        draws : int
            Of a full training.
        batch : int
            Draws are whole batches.
        seed : int
            The first seed; all trainings have the same.
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
            stages.append(StagePlan(steps * batch, tuple(range(seed, seed + seeds)), kept))
        return cls(tuple(stages))

    def cost(self, trainings: int, run_cost: Callable[[int], float]) -> float:
        """Sum over all runs; `run_cost` gives the cost of a mean run of some draws.

        Natural sampling goes through all stages: it is counted beside those that are kept.
        """
        total, held = 0.0, float(trainings)
        for stage in self.stages:
            total += held * len(stage.seeds) * run_cost(stage.draws)
            held = min(float(trainings), stage.keep + 1)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"stages": [{"draws": s.draws, "seeds": list(s.seeds), "keep": s.keep} for s in self.stages]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Schedule":
        """Read what `to_dict` gave."""
        return cls(tuple(StagePlan(s["draws"], tuple(s["seeds"]), s["keep"]) for s in values["stages"]))


def affordable(cost: Callable[[int], float], seconds: float, most: int, batch: int) -> int:
    """Find the most draws of a full training that a budget pays for, up to `most`.

    Parameters
    ----------
    cost : callable
        Seconds of a whole comparison, for the draws of a full training; never falling.
    seconds : float
        The budget.
    most : int
        Where to stop.
    batch : int
        Draws are whole batches.

    Returns
    -------
    int
        Draws.

    Raises
    ------
    ConfigError
        If not even the shortest comparison fits.

    Examples
    --------
    >>> affordable(lambda draws: draws / 100, seconds=60, most=10_000, batch=32)
    5984
    """
    if cost(most) <= seconds:
        return most
    low, high = LEAST_STEPS, -(-most // batch)  # steps
    least = cost(low * batch)
    if least > seconds:
        raise ConfigError(
            f"`compare.budget` leaves {seconds:.0f} s for training, but {LEAST_STEPS} steps a run take about"
            f" {least:.0f} s here. Give more time, fewer candidates, seeds or stages, or a smaller model."
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle * batch) <= seconds else (low, middle)
    return low * batch


def schedule_of(
    directory: ComparisonDirectory,
    config: ComparisonConfig,
    trainings: Mapping[str, Training],
    rows: Rows,
    say: Callable[[str], None],
) -> Schedule:
    """Read the schedule, or make and write it.

    Without `plan.draws` a full training draws as many examples as there are training rows. A budget may lower
    that: the speed of this machine is measured on short runs first.

    Parameters
    ----------
    directory : ComparisonDirectory
        Where it is kept.
    config : ComparisonConfig
        Stages, seeds, finalists and budget.
    trainings : mapping of str to Training
        What is tried.
    rows : Rows
        All rows.
    say : callable
        Told what happens.

    Returns
    -------
    Schedule
        The same for all processes that work on the directory.
    """
    with directory.lock("schedule"):
        if directory.schedule.is_file():
            with refusing_damage(directory.schedule):
                return Schedule.from_dict(read_json(directory.schedule))
        batch = config.training.batch_size
        most = config.plan.draws or len(rows.of("train"))

        def build(draws: int) -> Schedule:
            return Schedule.build(config.compare, trainings=len(trainings), draws=draws, batch=batch, seed=config.seed)

        draws = most
        if config.compare.budget is not None:
            say("Measuring how fast this machine trains")
            speeds = _speeds(trainings, rows)
            validation, test = (len(rows.of(split)) for split in ("validation", "test"))

            def run_cost(draws: int) -> float:
                return sum(each.run(draws, validation) for each in speeds.values()) / len(speeds)

            judged = (config.compare.finalists + 1) * config.compare.seeds
            of_test = judged * test * sum(each.row for each in speeds.values()) / len(speeds)
            budget = seconds_of(config.compare.budget) - of_test
            draws = affordable(lambda full: build(full).cost(len(trainings), run_cost), budget, most, batch)
            if draws < most:
                say(f"The budget pays for {draws:,} draws of a full training, instead of {most:,}")
        schedule = build(draws)
        write_json(directory.schedule, schedule.to_dict())
        return schedule


def _speeds(trainings: Mapping[str, Training], rows: Rows) -> dict[str, Speed]:
    """The speed of each training: one is measured for each level of the loss, which is what costs."""
    of_level: dict[str, Speed] = {}
    found: dict[str, Speed] = {}
    for name, training in trainings.items():
        level = "label" if training.config.training.loss.level == "label" else "token"
        if level not in of_level:
            of_level[level] = measure(training, rows)
        found[name] = of_level[level]
    return found

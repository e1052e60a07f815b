"""The schedule of a comparison: made once, by whichever process comes first, and kept."""

from collections.abc import Callable, Mapping

from equipoise.config import ComparisonConfig, seconds_of
from equipoise.experiment.compare.directory import ComparisonDirectory, refusing_damage
from equipoise.experiment.compare.probing import Speed, measure
from equipoise.experiment.compare.rows import Rows
from equipoise.experiment.compare.schedule import Schedule, affordable
from equipoise.experiment.compare.trainings import Training
from equipoise.runs.directory import read_json, write_json


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

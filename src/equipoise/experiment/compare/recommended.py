"""The recommended training as a configuration that `equipoise train` takes."""

import shlex
from pathlib import Path

from equipoise.base.files import write_atomically
from equipoise.config import ComparisonConfig, config_to_dict, dump_yaml
from equipoise.experiment.compare.corrections import TAU_METRIC
from equipoise.experiment.compare.directory import ComparisonDirectory
from equipoise.experiment.compare.result import Result
from equipoise.experiment.compare.trainings import Training

RUN = "runs/recommended"


def write_recommended(
    directory: ComparisonDirectory, training: Training, result: Result, config: ComparisonConfig
) -> None:
    """Write ``recommended.yaml``; its head says what to do with it, and what its candidate does after training."""
    commands = commands_of(result, directory.recommended, config.compare.costs)
    head = "".join(f"# {line}\n" for line in (f"Recommended for {result.objective}: {result.recommended}.", *commands))
    text = dump_yaml(config_to_dict(training.run(config.seed, result.stages[-1].draws)))
    with write_atomically(directory.recommended) as temporary:
        temporary.write_text(head + text, encoding="utf-8")


def commands_of(result: Result, recommended: Path, costs: str | None) -> list[str]:
    """The commands that make the recommended candidate.

    Parameters
    ----------
    result : Result
        Says which one it is.
    recommended : pathlib.Path
        Where its configuration lies.
    costs : str or None
        The file of costs that the comparison was made with.

    Returns
    -------
    list of str
        `equipoise train`, and with a correction `equipoise calibrate`.
    """
    commands = [f"equipoise train {shlex.quote(str(recommended))} --out {RUN}"]
    correction = result.candidates[result.recommended].correction
    if correction != "none":
        metric = TAU_METRIC.get(result.objective, "none") if correction == "tau" else "none"
        of_costs = f" --costs {shlex.quote(costs)}" if costs else ""
        commands.append(f"equipoise calibrate {RUN} --metric {metric}{of_costs}")
    return commands

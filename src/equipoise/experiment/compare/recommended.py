"""The recommended training as a configuration that `equipoise train` takes."""

from equipoise.config import config_to_dict, dump_yaml
from equipoise.experiment.compare.corrections import TAU_METRIC
from equipoise.experiment.compare.directory import ComparisonDirectory
from equipoise.experiment.compare.result import Result
from equipoise.experiment.compare.trainings import Training
from equipoise.files import write_atomically


def write_recommended(directory: ComparisonDirectory, training: Training, result: Result, seed: int) -> None:
    """Write ``recommended.yaml``; its head says what to do with it, and what its candidate does after training."""
    commands = commands_of(result, str(directory.recommended))
    head = "".join(f"# {line}\n" for line in (f"Recommended for {result.objective}: {result.recommended}.", *commands))
    text = dump_yaml(config_to_dict(training.run(seed, result.stages[-1].draws)))
    with write_atomically(directory.recommended) as temporary:
        temporary.write_text(head + text, encoding="utf-8")


def commands_of(result: Result, config: str, run: str = "runs/recommended") -> list[str]:
    """The commands that make the recommended candidate.

    Parameters
    ----------
    result : Result
        Says which one it is.
    config : str
        Where its configuration lies.
    run : str
        The run directory to make.

    Returns
    -------
    list of str
        `equipoise train`, and with a correction `equipoise calibrate`.
    """
    commands = [f"equipoise train {config} --out {run}"]
    correction = result.candidates[result.recommended].correction
    if correction == "calibrated":
        commands.append(f"equipoise calibrate {run} --metric none")
    elif correction == "tau":
        costs = " --costs COSTS.yaml" if result.objective == "expected_cost" else ""
        commands.append(f"equipoise calibrate {run} --metric {TAU_METRIC[result.objective]}{costs}")
    return commands

"""Options that several commands share."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from equipoise.cli._passes import read_passes

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Data (JSONL, CSV, TSV or Parquet, also .gz; a glob or a directory), suite:multi-diagnosis, or a"
        " configuration (.yaml).",
    ),
]
Rates = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Mixing rates: how often each task is drawn, as in equal, or temperature:2,maximum=65536. `equipoise plan"
        " --help` lists the schemes.  [default: equal]",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEME",
        help="Class weights: how often each label is drawn within its task, as in sqrt, or inverse,max_ratio=50."
        "  [default: sqrt]",
    ),
]
TargetRates = Annotated[
    str | None,
    typer.Option(metavar="SCHEME", help="Mixing rates that the loss is weighted to.  [default: those that are drawn]"),
]
TargetWeights = Annotated[
    str | None,
    typer.Option(metavar="SCHEME", help="Class weights that the loss is weighted to.  [default: those that are drawn]"),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="RECIPE",
        help="How the shares change during the training, as in cooldown:5,1,at=0.5; or the schedule.json of an earlier"
        " run. `equipoise plan --help` lists the recipes.  [default: they do not change]",
    ),
]
Draws = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Number of examples to draw.  [default: the number of training rows]"),
]
MaxPasses = Annotated[
    str | None,
    typer.Option(
        metavar="LIMITS",
        help="At most this many passes over the rows of any label, on average: 4 for all, rare_task=20,*=4 by task, or"
        " rare_task:yes=20,rare_task:*=10,*=4 by label. The others (*) have no limit unless they are given one.",
    ),
]
Feedback = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        help="Change the plan during training by a rule, from scores or losses, as in art:0.3; half of the validation"
        " rows are for it alone. The rules are listed below.  [default: the plan stays]",
    ),
]
AllowRepeats = Annotated[bool | None, typer.Option("--allow-repeats", help="Accept a plan whose forecast has errors.")]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="Random seed.  [default: 0]")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any key of the configuration, as in training.learning_rate=2e-3. Repeatable.",
    ),
]
DataOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any key of how the data is read, as in data.encoding=utf-16. Repeatable.",
    ),
]
TaskColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with the task of each row.  [default: task]")
]
InputColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with the input of each row.  [default: input]")
]
TargetColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with the target of each row.  [default: target]")
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column with the group of each row, such as its patient: rows of a group are never divided between splits."
        "  [default: group, if there is one]",
    ),
]
DefaultTask = Annotated[
    str | None, typer.Option(metavar="TASK", help="Task of the rows that have none, as in a file of one task.")
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Model to train: tiny (a small T5 with random weights), minilm (a pretrained encoder with a small decoder;"
        " extra minilm), a directory, or a name on the Hugging Face Hub.  [default: tiny]",
    ),
]
Lora = Annotated[
    str | None,
    typer.Option(
        metavar="OPTIONS",
        help="Train an adapter (LoRA) instead of all parameters, as in r=16, or r=16,alpha=32,targets=q+v (extra peft)."
        "  [default: train all parameters]",
    ),
]


def user_cache() -> Path:
    """Return the cache directory where none is named."""
    from equipoise.data import default_cache

    return default_cache()


CacheDir = Annotated[
    Path,
    typer.Option(
        default_factory=user_cache,
        show_default=False,
        envvar="EQUIPOISE_CACHE",
        metavar="DIR",
        help="Cache directory: files are read into it once, and mapped into memory from then on. `equipoise cache`"
        " lists it.  [default: that of the user]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the run.")]
NoCalibration = Annotated[bool, typer.Option("--no-calibration", help="Do not apply the calibration of the run.")]


@dataclass(frozen=True)
class Group:
    """Options that several commands take together: the parameter of each, with its key in a configuration and its type.

    A parameter of this type receives them as a dict by key; see `expanded`. Those of `read` are read by a function.
    """

    options: Mapping[str, tuple[str, Any]]
    read: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict[str, Callable[[Any], Any]])

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take the options of the group out of those that were given, and return their values by key."""
        found = {option: given.pop(option) for option in self.options}
        read = {option: self.read[option](found[option]) for option in self.read if found[option] is not None}
        return {self.options[option][0]: value for option, value in (found | read).items()}


DATA_OPTIONS = {
    "task_column": ("data.columns.task", TaskColumn),
    "input_column": ("data.columns.input", InputColumn),
    "target_column": ("data.columns.target", TargetColumn),
    "group_column": ("data.columns.group", GroupColumn),
    "default_task": ("data.default_task", DefaultTask),
}
DataOptions = Annotated[dict[str, Any], Group(DATA_OPTIONS)]
PlanOptions = Annotated[
    dict[str, Any],
    Group(
        {
            "rates": ("plan.rates", Rates),
            "weights": ("plan.weights", Weights),
            "draws": ("plan.draws", Draws),
            "max_passes": ("plan.max_passes", MaxPasses),
            "target_rates": ("plan.target_rates", TargetRates),
            "target_weights": ("plan.target_weights", TargetWeights),
            "schedule": ("plan.schedule", Schedule),
            "allow_repeats": ("plan.allow_repeats", AllowRepeats),
        },
        read={"max_passes": read_passes},
    ),
]


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command as typer is to see it: the options of a `Group` stand in the place of their parameter."""
    signature = inspect.signature(command)
    groups: dict[str, Group] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        for group in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(group, Group):
                groups[name] = group
                parameters += [
                    inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
                    for option, (_, kind) in group.options.items()
                ]
        if name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group.values(given)
        command(**given)

    called.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return called

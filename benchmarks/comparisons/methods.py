"""What the benchmark of methods trains: the default candidates of a comparison, with all the rest the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from equipoise.compare.demo import TRAINING
from equipoise.compare.demo_size import DRAWS
from equipoise.config import (
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    PlanConfig,
    RunConfig,
    TrialConfig,
    default_trials,
)
from equipoise.data import Columns, Records, TaskOptions, read_records
from equipoise.data.suite import load_suite
from equipoise.feedback import Feedback
from equipoise.schedule import Recipe

from .notes import SOURCE, numbered

TITLES: Mapping[str, str] = {
    "natural": "natural",
    "equal": "equal tasks, natural labels",
    "sqrt": "equal tasks, square-root weights (the default)",
    "balanced": "equal tasks, balanced (inverse and median frequency draw the same)",
    "effective": "equal tasks, effective number, beta 0.99",
    "log": "equal tasks, log weights",
    "proportional-sqrt": "proportional tasks, square-root weights",
    "temperature-sqrt": "tasks at temperature 2, square-root weights",
    "unimax-sqrt": "tasks by UniMax, square-root weights",
    "weighted-sqrt": "equal tasks, square-root weights in the loss",
    "weighted-balanced": "equal tasks, balanced weights in the loss",
    "focal": "equal tasks, focal loss of the tokens",
    "labels": "equal tasks, cross-entropy over labels",
    "balanced-softmax": "equal tasks, balanced softmax over labels, which is logit adjustment with tau 1",
    "logit-adjusted": "equal tasks, logit adjustment over labels, tau 0.5",
    "undersampled": "tasks by UniMax, balanced labels, no row twice",
    "natural-small-batch": "natural, a quarter of the batch size, half of the learning rate",
    "natural-smooth": "natural, label smoothing 0.1",
    "natural-high-rate": "natural, twice the learning rate",
}
SCHEDULE_TITLES: Mapping[str, str] = {
    "natural": "natural",
    "sqrt": "equal tasks, square-root weights (the default)",
    "annealed": "tasks from proportional to alpha 0.2 in ten stages, square-root weights",
    "cooldown": "tasks at temperature 5, then proportional for the second half, square-root weights",
    "deferred": "equal tasks; natural labels, balanced for the last fifth",
    "art": "the default, then the labels of every task by their validation F1 (ART)",
    "stop-task": "the default, then tasks whose validation F1 has turned drawn little (StopTask)",
}
SCHEDULES: Mapping[str, Callable[[PlanConfig], PlanConfig]] = {
    "annealed": lambda plan: replace(plan, schedule=Recipe.of("annealed")),
    "cooldown": lambda plan: replace(plan, schedule=Recipe.of("cooldown")),
    "deferred": lambda plan: replace(plan, schedule=Recipe.of("deferred")),
    "art": lambda plan: replace(plan, feedback=Feedback.of("art")),
    "stop-task": lambda plan: replace(plan, feedback=Feedback.of("stop_task")),
}
"""What changes while training: the other methods of `SCHEDULE_TITLES` are those of `TITLES`."""


@dataclass(frozen=True)
class Source:
    """The rows that a model learns from and is judged by."""

    title: str
    data: DataConfig
    records: Callable[[], Records]
    max_input: int
    tasks: Callable[[Records], Mapping[str, TaskOptions]]

    def run(self, records: Records, draws: int = DRAWS) -> RunConfig:
        """What all methods share: the demo's recipe."""
        return RunConfig(
            data=self.data,
            tasks=self.tasks(records),
            model=ModelConfig(name="tiny"),
            plan=PlanConfig(draws=draws, allow_repeats=True),
            training=replace(TRAINING, max_input=self.max_input, save_every=draws),
            evaluation=EvaluationConfig(),
        )

    def config(self, method: str, seed: int, records: Records, draws: int = DRAWS) -> RunConfig:
        """The run of one method."""
        run = self.run(records, draws)
        if method in SCHEDULES:
            evaluation = replace(run.evaluation, bootstrap=0)
            return replace(run, plan=SCHEDULES[method](run.plan), evaluation=evaluation, seed=seed)
        trial = default_trials(run.training)[method]
        training = replace(
            run.training,
            loss=trial.loss,
            batch_size=trial.batch_size or run.training.batch_size,
            learning_rate=trial.learning_rate or run.training.learning_rate,
        )
        return replace(
            run,
            plan=_plan(run.plan, trial),
            training=training,
            evaluation=replace(run.evaluation, bootstrap=0),
            seed=seed,
        )


def _plan(plan: PlanConfig, trial: TrialConfig) -> PlanConfig:
    return replace(
        plan,
        rates=trial.rates,
        weights=trial.weights,
        target_rates=trial.target_rates,
        target_weights=trial.target_weights,
        max_passes=trial.max_passes,
    )


_COLUMNS = Columns(input="text", target="label")


def _numbered_file(title: str, path: Path, max_input: int) -> Source:
    """Rows of a file with splits and groups; the target text of a label is its number."""
    return Source(
        title,
        DataConfig(source=str(path), columns=_COLUMNS),
        lambda: read_records(path, _COLUMNS),
        max_input,
        lambda records: numbered(records.where(split="train")),
    )


SOURCES: Mapping[str, Source] = {
    "multi-diagnosis": Source(
        "multi-diagnosis (8 tasks, binned text)",
        DataConfig(source="suite:multi-diagnosis"),
        lambda: load_suite("multi-diagnosis", text="binned"),
        TRAINING.max_input,
        lambda _: {},  # the suite has its own
    ),
    "icd10cm": _numbered_file("ICD-10-CM (4 tasks, labels as numbers)", SOURCE, 64),
    # The longest input has 57 tokens of T5 and 47 of MiniLM.
    "medical-codes": _numbered_file(
        "medical codes (3 tasks, labels as numbers)", SOURCE.with_name("medical_codes.jsonl.gz"), 64
    ),
}

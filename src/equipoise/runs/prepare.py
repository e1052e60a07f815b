"""From a configuration to records, tasks and plan: all that needs no model, without torch."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.problems import of_level
from equipoise.base.progress import stage
from equipoise.census import Census
from equipoise.config import RunConfig
from equipoise.data import (
    Problem,
    Records,
    Task,
    check_records,
    infer_tasks,
    raise_on_errors,
)
from equipoise.data.tasks import describe_tasks
from equipoise.drawing import Shard, StratumIndex
from equipoise.errors import ConfigError, DataWarning, PlanError
from equipoise.plan import Forecast
from equipoise.runs.planning import plan_of
from equipoise.runs.proxies import kept_rows
from equipoise.runs.rows import (
    census_of,
    count_labels,
    explained,
    fingerprint,
    load_records,
    open_ended,
    rows_by_split,
    set_apart,
    task_options,
)
from equipoise.schedule import Drawable, Schedule

if TYPE_CHECKING:
    from equipoise.collate import EncodedExamples


@dataclass(frozen=True)
class Planned:
    """The plan of a run.

    Attributes
    ----------
    config : RunConfig
        The configuration, with `plan.draws` set.
    tasks : dict of str to Task
        The tasks, with the labels of the training rows.
    plan : Plan or Schedule
        What is drawn, built of the census of the training rows.
    """

    config: RunConfig
    tasks: dict[str, Task]
    plan: Drawable

    @property
    def changes(self) -> bool:
        """Whether the plan may change during the training, by a schedule or by feedback."""
        return isinstance(self.plan, Schedule) or self.config.plan.feedback is not None

    @property
    def forecast(self) -> Forecast:
        """What the draws of the run do; of a proxy the passes are over the rows that it draws."""
        chosen, plan = self.config.plan, self.plan
        if chosen.part != 1:
            plan = replace(plan.average(chosen.draws), counts=kept_rows(plan.counts, chosen.part))
        return plan.forecast(chosen.draws)

    def describe_tasks(self) -> list[str]:
        """Say what each task is, in lines for people."""
        return describe_tasks(self.tasks, task_options(self.config))


@dataclass(frozen=True)
class Prepared(Planned):
    """The plan of a run, and its data.

    Attributes
    ----------
    records : Records
        All records, with a split.
    problems : tuple of Problem
        The problems that checks of the data found.
    feedback : Records or None
        Validation rows that `plan.feedback` decides on; they are not in `records`.
    replanned : bool
        Whether another plan was decided when the run was resumed.
    """

    records: Records
    problems: tuple[Problem, ...] = ()
    feedback: Records | None = None
    replanned: bool = False

    @property
    def changes(self) -> bool:
        """Whether the plan changes during the training: by a schedule, by feedback, or when it was resumed."""
        return self.replanned or super().changes

    @cached_property
    def train(self) -> Records:
        """The training rows."""
        return self.records.where(split="train")

    @cached_property
    def data(self) -> dict[str, Any]:
        """The number of rows of each split, and a fingerprint of the training rows, all of which are read for it."""
        apart = {} if self.feedback is None else {"feedback": len(self.feedback)}
        return {"rows": rows_by_split(self.records) | apart, "train_sha256": fingerprint(self.train)}

    def with_feedback(self) -> "Prepared":
        """Return the same with half of the validation rows set apart for `plan.feedback`; see `set_apart`."""
        if self.feedback is not None:
            return self
        records, feedback = set_apart(self.records, self.tasks, self.config.data.split.seed)
        return replace(self, records=records, feedback=feedback)


def prepare(
    config: RunConfig,
    records: Records | None = None,
    *,
    cache: Path | None = None,
    shard: Shard = Shard(),  # noqa: B008 - frozen
) -> Prepared:
    """Read the data, infer the tasks and build the plan, all from the training rows alone.

    Parameters
    ----------
    config : RunConfig
        The configuration. Without `plan.draws`, as many draws are planned as `plan_of` says.
    records : Records, optional
        The records, if they are read already.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`, and for their tokens, where `plan.rates_in` needs those of
        all training rows; without it they are in memory.
    shard : Shard
        This process among those that prepare the same run and share the cache.

    Returns
    -------
    Prepared
        All that training needs except for a model.

    Raises
    ------
    EquipoiseError
        If the data, the tasks or the plan cannot be used.
    """
    records = load_records(config, cache) if records is None else records
    with stage("checking the rows"):
        tasks = infer_tasks(records.where(split="train"), task_options(config))
        problems = explained(config.data, check_records(records, tasks))
        raise_on_errors(problems)
    pa.default_memory_pool().release_unused()
    return _prepared(config, records, tasks, tuple(problems), None, cache, shard)


def prepare_again(config: RunConfig, base: Prepared) -> Prepared:
    """Plan another run on rows that are read and checked already; the configuration may differ in all else.

    Raises
    ------
    PlanError
        If the plan cannot be built.
    """
    return _prepared(config, base.records, base.tasks, base.problems, base.feedback, None, Shard())


def plan_labels(config: RunConfig) -> Planned:
    """Plan a run by the labels of the training rows alone; as `count_labels`."""
    if config.plan.rates_in != "examples":
        message = "`plan.rates_in` counts tokens, for which texts are read. Leave --labels-only out."
        raise ConfigError("needs-texts", message)
    tasks, census = count_labels(config)
    return _planned(config, tasks, census)


def _prepared(
    config: RunConfig,
    records: Records,
    tasks: dict[str, Task],
    problems: tuple[Problem, ...],
    feedback: Records | None,
    cache: Path | None,
    shard: Shard,
) -> Prepared:
    train = records.where(split="train")
    census = census_of(train, tasks)
    planned = _planned(config, tasks, census, mean_tokens(config, train, tasks, census, cache, shard))
    prepared = Prepared(planned.config, tasks, planned.plan, records, problems, feedback)
    return prepared if config.plan.feedback is None else prepared.with_feedback()


def _planned(
    config: RunConfig, tasks: dict[str, Task], census: Census, tokens: NDArray[np.float64] | None = None
) -> Planned:
    plan, draws = plan_of(config, census, tokens)
    training = config.training if config.training.best is None else config.training.validated(draws)
    chosen = replace(config.plan, draws=draws).decided(config.training.batch_size)
    return Planned(replace(config, plan=chosen, training=training), tasks, plan)


def refuse_bad_forecast(prepared: Prepared) -> None:
    """Raise an error if the forecast of the plan has errors, unless the configuration allows repeats.

    Raises
    ------
    PlanError
        If it has; the message lists every error.
    """
    errors = of_level(prepared.forecast.problems, "error")
    if errors and not prepared.config.plan.allow_repeats:
        listed = "\n".join(f"- {problem.message}" for problem in errors)
        raise PlanError(
            "bad-forecast",
            f"The plan's forecast has errors:\n{listed}\n"
            "Change rates, weights or draws (`equipoise plan` shows their effect), or accept them with"
            " --allow-repeats (`plan.allow_repeats: true`).",
        )


def index_rows(plan: Drawable | Census, train: Records, tasks: Mapping[str, Task]) -> StratumIndex:
    """Group the training rows by the strata of the plan, or of the census that it is built of."""
    labels = train.labels(open_ended(tasks))
    return StratumIndex.from_labels(plan, train.coded("task").to_arrow(), labels.to_arrow())


def mean_tokens(
    config: RunConfig,
    train: Records,
    tasks: Mapping[str, Task],
    census: Census,
    cache: Path | None = None,
    shard: Shard = Shard(),  # noqa: B008 - frozen
) -> NDArray[np.float64] | None:
    """Return the mean tokens of the training rows of each stratum, of the part that `plan.rates_in` names.

    The rows are tokenised and cut as in training, and kept for it in a cache. None if `plan.rates_in` is "examples".
    """
    if config.plan.rates_in == "examples":
        return None
    encoded = encode(config, train, tasks) if cache is None else _kept(config, train, tasks, cache, shard)
    lengths = {
        "tokens": encoded.input_lengths + encoded.target_lengths,
        "input_tokens": encoded.input_lengths,
        "target_tokens": encoded.target_lengths,
    }
    return index_rows(census, train, tasks).means(lengths[config.plan.rates_in])


def _kept(config: RunConfig, train: Records, tasks: Mapping[str, Task], cache: Path, shard: Shard) -> "EncodedExamples":
    from equipoise.models import load_tokenizer  # noqa: PLC0415 - see `encode`
    from equipoise.runs.tokens import fill, training_examples  # noqa: PLC0415

    words, sha256 = load_tokenizer(config), fingerprint(train)
    examples = training_examples(config, train, tasks, words, cache, rows_sha256=sha256, shard=shard)
    fill(examples, shard)
    return examples


def check_tokens(config: RunConfig, records: Records, tasks: Mapping[str, Task]) -> list[Problem]:
    """Tokenise records of known tasks as in training, for what the tokenizer of the model cannot handle.

    Returns
    -------
    list of Problem
        What `EncodedExamples.encode` warns of, with its codes.

    Raises
    ------
    EquipoiseError
        If `EncodedExamples.encode` refuses the records, or the tokenizer cannot be loaded.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        encode(config, records.where(task=tasks), tasks)
    given = [each.message for each in caught if isinstance(each.message, DataWarning)]
    return [Problem("warning", warning.code, str(warning)) for warning in given]


def encode(config: RunConfig, records: Records, tasks: Mapping[str, Task], tokenizer: Any = None) -> "EncodedExamples":
    """Tokenise records within the limits of a configuration, by default with its tokenizer; each has weight one."""
    # What needs no tokens needs neither torch nor a tokenizer.
    from equipoise.collate import EncodedExamples  # noqa: PLC0415
    from equipoise.models import load_tokenizer  # noqa: PLC0415

    limits, words = config.training, tokenizer or load_tokenizer(config)
    return EncodedExamples.encode(records, tasks, words, max_input=limits.max_input, max_target=limits.max_target)

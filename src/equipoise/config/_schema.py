"""The fields of a run's configuration, with their defaults."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from equipoise.base.registry import registered
from equipoise.census.labels import MissingLabels
from equipoise.config._adapter import AdapterConfig
from equipoise.config._loss import LossConfig
from equipoise.config._plan import VALIDATIONS, PlanConfig
from equipoise.config._values import in_range, one_of
from equipoise.data import Columns, Limits, TaskOptions
from equipoise.data.readers.options import ReadOptions
from equipoise.drawing.batches import Batches
from equipoise.errors import ConfigError

Method = Literal["auto", "score", "constrained", "generate"]
METHODS: tuple[Method, ...] = ("auto", "score", "constrained", "generate")
EvaluatedSplit = Literal["train", "validation", "test", "all"]
EVALUATED_SPLITS: tuple[EvaluatedSplit, ...] = ("train", "validation", "test", "all")

# Arguments of the Trainer that are derived from the plan and from `training:`; a second place for the same
# number could contradict the first.
OWNED_TRAINER_ARGUMENTS: Mapping[str, str] = {
    "output_dir": "`out`",
    "seed": "`seed`",
    "data_seed": "`seed`",
    "max_steps": "`plan.draws`",
    "num_train_epochs": "`plan.draws`",
    "per_device_train_batch_size": "`training.batch_size`",
    "learning_rate": "`training.learning_rate`",
    "lr_scheduler_type": "`training.schedule`",
    "warmup_steps": "`training.warmup`",
    "warmup_ratio": "`training.warmup`",
    "weight_decay": "`training.weight_decay`",
    "max_grad_norm": "`training.max_gradient_norm`",
    "logging_steps": "`training.log_every`",
    "logging_strategy": "`training.log_every`",
    "save_steps": "`training.save_every`",
    "save_strategy": "`training.save_every`",
    "eval_strategy": "`training.validate_every`",
    "eval_steps": "`training.validate_every`",
    "load_best_model_at_end": "`training.best`",
    "metric_for_best_model": "`training.best`",
    "greater_is_better": "`training.best`",
    "resume_from_checkpoint": "the option `--resume`",
    "train_sampling_strategy": "`plan`",
    "label_smoothing_factor": "`training.loss`",
    "remove_unused_columns": "it nowhere: the loss needs every column,",
}


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How rows without a given split are split; a group is never divided.

    Attributes
    ----------
    fractions : tuple of float
        Parts of the rows for training, validation and test; they sum to 1.
    seed : int
        The seed of the splits; `seed`, that of the run, does not change them.
    """

    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The source of the records, and how it is read.

    Attributes
    ----------
    source : str or tuple of str
        A file, a directory, a glob, a list of them, or ``suite:multi-diagnosis``. Paths are relative to the current
        directory.
    columns : Columns
        The names of the columns.
    default_task : str or None
        Task of the rows that have none, as in a file of one task.
    text : str or None
        The form of a suite's inputs: ``binned`` or ``numbers``.
    split : SplitConfig
        How rows are split where the source has no column of splits.
    splits : mapping of str to str
        What the names of splits in the data mean, as in ``{holdout: test}``.
    delimiter : str or None
        The character between the cells of a CSV file, if it is not a comma (in a TSV file: not a tab).
    encoding : str
        The encoding of text files.
    limits : Limits
        Sizes above which a file is refused.
    missing_labels : {"error", "skip"}
        What is done with rows without a target: they are an error, or skipped.
    """

    source: str | tuple[str, ...]
    columns: Columns = field(default_factory=Columns)
    default_task: str | None = None
    text: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)
    splits: Mapping[str, str] = field(default_factory=dict[str, str])
    delimiter: str | None = None
    encoding: str = "utf-8"
    limits: Limits = field(default_factory=Limits)
    missing_labels: MissingLabels = "error"

    def __post_init__(self) -> None:
        ReadOptions(self.limits, self.delimiter, self.encoding, self.splits)  # refuses what cannot be used

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `equipoise.data.read_records` other than the source."""
        names = ("columns", "default_task", "limits", "delimiter", "encoding", "splits", "missing_labels")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The initial model, and what of it is trained.

    Attributes
    ----------
    name : str
        ``tiny`` (a small T5 with random weights), ``minilm`` (a pretrained encoder with a small decoder), a directory,
        or a name on the Hugging Face Hub.
    freeze : tuple of str
        Names of the parameters that are not trained.
    adapter : AdapterConfig or None
        An adapter, which is trained instead of the parameters of the model.
    quantization : {"int8", "nf4"} or None
        With an adapter: parameters of the model are held in 8 or 4 bits.
    """

    name: str = "tiny"
    freeze: tuple[str, ...] = ()
    adapter: AdapterConfig | None = None
    quantization: Literal["int8", "nf4"] | None = None

    def __post_init__(self) -> None:
        if self.freeze and self.adapter is not None:
            message = "`model.adapter` freezes all parameters of the model, so leave `model.freeze` out."
            raise ConfigError("adapter-and-freeze", message)
        if self.quantization is not None and self.adapter is None:
            message = (
                "`model.quantization` needs `model.adapter`: parameters of 8 or 4 bits cannot be trained themselves. "
                "Set `model.adapter`, on the command line --lora r=16."
            )
            raise ConfigError("needs-adapter", message)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The training.

    Attributes
    ----------
    loss : LossConfig
        The loss of an example.
    task_weighting : str or mapping
        How the losses of tasks become one: ``sum``, ``fixed``, ``uncertainty``, ``dwa``, ``rlw``, ``famo`` or
        ``gradients``; a name, or a mapping of `name` and options.
    batch_size : int
        Examples of a step, over all ranks and accumulation.
    batches : str
        What a batch is made of: ``mixed``, ``one_task`` or ``quota``.
    learning_rate : float
        The highest learning rate.
    schedule : {"constant", "linear", "cosine"}
        How the learning rate changes after the warm-up. How shares change is `plan.schedule`.
    warmup : float
        Part of the steps in which the learning rate rises from 0.
    weight_decay : float
        The weight decay of AdamW.
    max_gradient_norm : float
        The norm that gradients are clipped to.
    max_input : int
        Tokens of an input; a longer one is cut.
    max_target : int
        Tokens of a target; a longer one is cut.
    window : int
        Batches whose examples are sorted by length together, against padding.
    log_every : int
        Steps between two logs.
    save_every : int
        Steps between two checkpoints.
    validate_every : int or None
        Steps between two validations. None is none, but with `best` eight during the training.
    best : {"macro_f1", "balanced_accuracy", "worst_recall", "log_loss", "loss"} or None
        The validation metric by which the published checkpoint is chosen. None publishes the last.
    patience : int or None
        Training ends after so many validations in a row without an improvement of `best`.
    """

    loss: LossConfig = field(default_factory=LossConfig)
    task_weighting: str | Mapping[str, Any] = "sum"
    batch_size: int = 32
    batches: str = "mixed"
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = 0.0
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    max_input: int = 512
    max_target: int = 64
    window: int = 64
    log_every: int = 10
    save_every: int = 500
    validate_every: int | None = None
    best: Literal["macro_f1", "balanced_accuracy", "worst_recall", "log_loss", "loss"] | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        one_of("training.batches", self.batches, list(registered(Batches)))
        for name in ("batch_size", "max_input", "max_target", "window", "log_every", "save_every"):
            in_range(f"training.{name}", getattr(self, name), 1)
        for name in ("validate_every", "patience"):
            if getattr(self, name) is not None:
                in_range(f"training.{name}", getattr(self, name), 1)
        if self.patience is not None and self.best is None:
            raise ConfigError(
                "patience-without-best",
                "`training.patience` counts validations without an improvement of `training.best`, found none. "
                "Set `training.best`, to `macro_f1` for example.",
            )
        in_range("training.learning_rate", self.learning_rate, 0, open_low=True)
        in_range("training.warmup", self.warmup, 0, 1)
        in_range("training.weight_decay", self.weight_decay, 0)
        in_range("training.max_gradient_norm", self.max_gradient_norm, 0)

    def validated(self, draws: int) -> "TrainingConfig":
        """Return the same with validations: eight during that many draws, unless `validate_every` is set.

        Examples
        --------
        >>> TrainingConfig(batch_size=4).validated(draws=330).validate_every
        10
        """
        steps = math.ceil(draws / self.batch_size)
        return replace(self, validate_every=self.validate_every or max(1, steps // VALIDATIONS))


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The evaluation.

    Attributes
    ----------
    split : {"train", "validation", "test", "all"}
        The rows that are scored.
    rows : int or None
        At most so many rows are scored: a sample that is stratified by task and label. None is all.
    method : str or mapping of str to str
        One for all tasks, or one per task (``"*"``: the rest). ``score`` scores all labels, which gives probabilities;
        ``auto`` does so unless there are many rows and labels, and then searches for the label that ``score`` would
        find; ``constrained`` generates a valid label, ``generate`` free text.
    bootstrap : int
        Resamples of the intervals; 0 is no intervals.
    batch_tokens : int
        Tokens that are scored at a time.
    alarm_rate : float
        The share of false alarms at which the recall of each label is measured.
    """

    split: EvaluatedSplit = "test"
    rows: int | None = None
    method: str | Mapping[str, str] = "auto"
    bootstrap: int = 1000
    batch_tokens: int = 16384
    alarm_rate: float = 0.05

    def __post_init__(self) -> None:
        in_range("evaluation.bootstrap", self.bootstrap, 0)
        if self.rows is not None:
            in_range("evaluation.rows", self.rows, 1)
        in_range("evaluation.batch_tokens", self.batch_tokens, 1)
        if not 0 < self.alarm_rate < 1:
            message = (
                f"`evaluation.alarm_rate` must be above 0 and below 1, found {self.alarm_rate}. Leave it out for 0.05."
            )
            raise ConfigError("wrong-alarm-rate", message)
        given = [self.method] if isinstance(self.method, str) else list(self.method.values())
        for method in given:
            one_of("evaluation.method", method, METHODS)

    def method_of(self, task: str) -> str:
        """Return the evaluation method of a task."""
        if isinstance(self.method, str):
            return self.method
        return self.method.get(task, self.method.get("*", "auto"))


def checked_choices(split: str | None, method: str | Mapping[str, str] | None) -> dict[str, str]:
    """Return the methods of an evaluation by task ("*": the rest), or refuse a split or a method that there is not."""
    if split is not None:
        one_of("split", split, EVALUATED_SPLITS)
    methods = {"*": method} if isinstance(method, str) else dict(method or {})
    for name in methods.values():
        one_of("method", name, METHODS)
    return methods


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A complete run: data, tasks, model, plan, training, evaluation and seed.

    Attributes
    ----------
    data : DataConfig
        The source of the records, and how it is read.
    tasks : mapping of str to TaskOptions
        Options of tasks by name; what is left out is inferred from the training rows.
    model : ModelConfig
        The initial model, and what of it is trained.
    plan : PlanConfig
        How often each task and label is drawn.
    training : TrainingConfig
        Loss, batches, learning rate, and when to log, save and validate.
    trainer : mapping of str to object
        Further arguments of `transformers.TrainingArguments`, such as ``bf16``.
    evaluation : EvaluationConfig
        Which rows are scored, and how.
    seed : int
        The seed of the draws, of the model's random weights, and of the training.
    out : str or None
        The run directory. ``--out`` of the command takes precedence.
    """

    data: DataConfig
    tasks: Mapping[str, TaskOptions] = field(default_factory=dict[str, TaskOptions])
    model: ModelConfig = field(default_factory=ModelConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    trainer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0
    out: str | None = None

    def __post_init__(self) -> None:
        in_range("seed", self.seed, 0)
        for name in self.trainer:
            if name in OWNED_TRAINER_ARGUMENTS:
                message = f"`trainer.{name}` is derived from the rest of the configuration."
                raise ConfigError("owned-argument", f"{message} Set {OWNED_TRAINER_ARGUMENTS[name]} instead.")

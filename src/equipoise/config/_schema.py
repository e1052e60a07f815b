"""The fields of a run's configuration, with their defaults: its parts, and those of data and model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from equipoise.census.labels import MissingLabels
from equipoise.config._adapter import AdapterConfig
from equipoise.config._evaluation import EvaluationConfig
from equipoise.config._plan import PlanConfig
from equipoise.config._training import TrainingConfig
from equipoise.config._values import in_range
from equipoise.data import Columns, Limits, TaskOptions
from equipoise.data.readers.options import ReadOptions
from equipoise.errors import ConfigError

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

"""`StreamMixin` before the Trainers of other packages: each trains on the plan's stream, or is refused in one line."""

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import hf_jobs
import pytest
import torch
from safetensors.torch import load_file
from tests.support.errors import raises
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.utils.data import DataLoader, WeightedRandomSampler
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
from equipoise.errors import ConfigError, RunError
from equipoise.trainer import StreamMixin
from equipoise.trainer.checkpoints.folders import checkpoint_folders
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.checkpoints.seal import damage_of

BIG, SMALL = 90, 10
ROWS = BIG + SMALL
WORDS = ["<pad>", "<unk>", "</s>", *(f"r{row}" for row in range(ROWS)), "yes", "no"]
FIRST = WORDS.index("r0")
COMMON = {
    "use_cpu": True,
    "report_to": "none",
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "num_train_epochs": 2,
    "save_strategy": "steps",
    "save_steps": 3,
    "logging_steps": 1,
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}
STEPS = 12  # of 8 draws: two epochs of 48


def sampler() -> PlanSampler:
    """Half of the draws are of the small task."""
    tasks = ["big"] * BIG + ["small"] * SMALL
    plan = Plan.build(Census.from_labels(tasks, ["x"] * ROWS), rates=rates.Equal())
    return PlanSampler(plan, StratumIndex.from_labels(plan, tasks, ["x"] * ROWS), seed=3, draws_per_epoch=48)


def planned(steps: int = STEPS) -> list[int]:
    rows: list[int] = []
    made = sampler()
    for epoch in range(2):
        made.set_epoch(epoch)
        rows += list(made)
    return rows[: steps * 8]


def tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def llama() -> LlamaForCausalLM:
    shape = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), pad_token_id=0, eos_token_id=2, **shape))


class Seen(TrainerCallback):
    """Cut a training after a step, as a kill would."""

    def __init__(self, last: int | None) -> None:
        self.last = last

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self.last


def recording(base: type, mark: Callable[[Any], list[int]]) -> type:
    """The Trainer on the stream, which writes down the rows that it trains on."""

    class Mine(StreamMixin, base):
        rows: list[int]

        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            self.rows.extend(mark(inputs))
            return super().training_step(model, inputs, *args, **kwargs)

    return Mine


def marked(name: str) -> Callable[[Any], list[int]]:
    """Read the number of a row from its first token."""
    return lambda batch: (batch[name][:, 0] - FIRST).tolist()


@contextmanager
def quiet() -> Iterator[None]:
    """Other packages warn of what they will change, and of models that are too small."""
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trained(make: Callable[[Path], Any], folder: Path, last: int | None = None, resume: bool = False) -> Any:
    with quiet():
        trainer = make(folder)
        trainer.rows = []
        trainer.add_callback(Seen(last))
        trainer.train(resume_from_checkpoint=resume)
    return trainer


def parameters(trainer: Any) -> torch.Tensor:
    return torch.cat([each.detach().flatten() for each in trainer.model.parameters()])


def assert_follows_the_plan_and_resumes(make: Callable[[Path], Any], folder: Path) -> None:
    whole = trained(make, folder / "whole")
    assert whole.rows == planned()
    cut = trained(make, folder / "cut", last=7)
    assert cut.rows == planned(7)
    again = trained(make, folder / "cut", resume=True)
    assert again.rows == planned()[6 * 8 :], "resumed after the checkpoint of step 6"
    assert torch.equal(parameters(again), parameters(whole))


def causal_rows() -> datasets.Dataset:
    """Each row begins with its own word, and ends with an answer."""
    answers = [WORDS.index("yes" if row % 3 else "no") for row in range(ROWS)]
    tokens = [[FIRST + row, answer, 2] for row, answer in enumerate(answers)]
    return datasets.Dataset.from_dict({"input_ids": tokens, "labels": tokens})


def plain(folder: Path, base: type = Trainer, model: Any = None, **changes: Any) -> Any:
    """A Trainer on a tiny Llama."""
    made = {"model": model or llama(), "train_dataset": causal_rows(), "sampler": sampler()} | changes
    return recording(base, marked("input_ids"))(args=TrainingArguments(str(folder), **COMMON), **made)


@pytest.mark.slow
def test_sft_of_trl_follows_the_plan(tmp_path) -> None:
    trl = pytest.importorskip("trl", reason="needs trl")

    def make(folder: Path) -> Any:
        rows = datasets.Dataset.from_list([{"prompt": f"r{row}", "completion": " yes no"} for row in range(ROWS)])
        return recording(trl.SFTTrainer, marked("input_ids"))(
            llama(),
            trl.SFTConfig(str(folder), max_length=None, bf16=False, activation_checkpointing=False, **COMMON),
            train_dataset=rows,
            processing_class=tokenizer(),
            sampler=sampler(),
        )

    assert_follows_the_plan_and_resumes(make, tmp_path)


@pytest.mark.slow
def test_a_model_with_adapters_of_peft_follows_the_plan(tmp_path) -> None:
    peft = pytest.importorskip("peft", reason="needs peft")

    def make(folder: Path) -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            chosen = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
            return plain(folder, model=peft.get_peft_model(llama(), chosen))

    assert_follows_the_plan_and_resumes(make, tmp_path)
    assert not list((tmp_path / "whole" / "checkpoint-12").glob("model*.safetensors")), "only the adapters are saved"


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["sequence", "logit adjusted"])
def test_adapters_train_and_resume_in_the_trainer_of_equipoise(tmp_path, monkeypatch, loss) -> None:
    peft = pytest.importorskip("peft", reason="needs peft")
    plain_t5 = hf_jobs.tiny_t5

    def adapted(dropout: float = 0.0) -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            chosen = peft.LoraConfig(r=2, target_modules=["q", "v"], task_type="SEQ_2_SEQ_LM")
            return peft.get_peft_model(plain_t5(dropout), chosen)

    monkeypatch.setattr(hf_jobs, "tiny_t5", adapted)
    options = {"loss": loss, "evaluate": True, "options": {"save_strategy": "steps", "save_steps": 2, "max_steps": 4}}
    with quiet():
        whole = hf_jobs.run(str(tmp_path / "whole"), **options)
        again = hf_jobs.run(str(tmp_path / "again"), resume=str(tmp_path / "whole" / "checkpoint-2"), **options)
        start = hf_jobs.flat(adapted()).tolist()
    assert again["parameters"] == whole["parameters"] != start
    assert again["eval_loss"] == whole["eval_loss"]
    assert not list((tmp_path / "whole" / "checkpoint-4").glob("model*.safetensors")), "only the adapters are saved"


def sentences(folder: Path, **options: Any) -> Any:
    """A Trainer of sentence-transformers, whose loader takes batches of its own."""
    package = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    from sentence_transformers.losses import CosineSimilarityLoss
    from sentence_transformers.models import StaticEmbedding

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = package.SentenceTransformer(modules=[StaticEmbedding(tokenizer(), embedding_dim=8)], device="cpu")
    pairs = {"one": [f"r{row}" for row in range(ROWS)], "two": ["yes"] * ROWS, "score": [0.0, 1.0] * (ROWS // 2)}
    rows = datasets.Dataset.from_dict(pairs)
    return recording(package.SentenceTransformerTrainer, lambda batch: (batch["one_input_ids"] - FIRST).tolist())(
        model,
        package.SentenceTransformerTrainingArguments(str(folder), **COMMON | options),
        train_dataset=rows,
        eval_dataset=rows,
        loss=CosineSimilarityLoss(model),
        sampler=sampler(),
    )


@pytest.mark.slow
def test_sentence_transformers_follow_the_plan(tmp_path) -> None:
    assert_follows_the_plan_and_resumes(sentences, tmp_path)


def test_evaluation_of_sentence_transformers_is_left_as_it_is(tmp_path) -> None:
    with quiet():
        trainer = sentences(tmp_path)
        trainer.eval_dataset = trainer.train_dataset
        seen = [row for batch in trainer.get_eval_dataloader() for row in (batch["one_input_ids"] - FIRST).tolist()]
    assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("batches", ["no_duplicates", "group_by_label"])
def test_sentence_transformers_with_batches_of_their_own_are_refused(tmp_path, batches) -> None:
    with quiet(), raises(ConfigError, "own-order") as caught:
        sentences(tmp_path / "out", batch_sampler=batches).train()
    assert "`get_batch_sampler` of BaseTrainer makes a Dataset" in str(caught.value)


def test_several_training_sets_of_sentence_transformers_are_refused(tmp_path) -> None:
    with quiet():
        trainer = sentences(tmp_path / "out")
        trainer.train_dataset = datasets.DatasetDict(a=trainer.train_dataset, b=trainer.train_dataset)
        with raises(ConfigError, "other-dataset", "index of 100 rows and 2 examples"):
            trainer.train()


@pytest.mark.parametrize("name", ["GRPO", "RLOO"])
def test_a_method_with_groups_of_its_own_is_refused(tmp_path, name) -> None:
    trl = pytest.importorskip("trl", reason="needs trl")
    prompts = datasets.Dataset.from_list([{"prompt": f"r{row}"} for row in range(ROWS)])
    options = {"num_generations": 4, "max_completion_length": 4, "bf16": False, "activation_checkpointing": False}
    args = getattr(trl, f"{name}Config")(str(tmp_path / "out"), **COMMON | options)
    llama().save_pretrained(tmp_path / "model")
    with quiet(), raises(ConfigError, "own-order") as caught:
        recording(getattr(trl, f"{name}Trainer"), marked("input_ids"))(
            str(tmp_path / "model"),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=args,
            train_dataset=prompts,
            processing_class=tokenizer(),
            sampler=sampler(),
        )
    assert f"`_get_train_sampler` of {name}Trainer makes a RepeatSampler, as its method needs" in str(caught.value)


class OwnSampler(Trainer):
    """Somebody's way to weigh rows before they knew of another."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return WeightedRandomSampler([1.0] * ROWS, ROWS)


class OwnLoader(Trainer):
    """A loader that never asks for a sampler."""

    def get_train_dataloader(self) -> Any:
        return DataLoader(self.train_dataset, batch_size=4, shuffle=True, collate_fn=self.data_collator)


class PreparedLoader(OwnLoader):
    """The same, prepared by accelerate."""

    def get_train_dataloader(self) -> Any:
        return self.accelerator.prepare(super().get_train_dataloader())


class OwnBatches(Trainer):
    """A loader with batches of its own, beside the sampler that it does not ask."""

    def get_train_dataloader(self) -> Any:
        batches = [[row, row + 1, row + 2, row + 3] for row in range(0, 48, 4)]
        return DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=self.data_collator)


class TwiceTheBatch(Trainer):
    """Right rows, in other steps."""

    def get_train_dataloader(self) -> Any:
        rows = self._get_train_sampler()
        return DataLoader(self.train_dataset, batch_size=8, sampler=rows, collate_fn=self.data_collator)


class SameSampler(Trainer):
    """A loader of its own that asks for the sampler."""

    def get_train_dataloader(self) -> Any:
        rows = self._get_train_sampler()
        return DataLoader(self.train_dataset, batch_size=4, sampler=rows, collate_fn=self.data_collator)


@pytest.mark.parametrize(
    ("base", "code", "named"),
    [
        (OwnSampler, "own-order", "`_get_train_sampler` of OwnSampler makes a WeightedRandomSampler"),
        (OwnLoader, "own-loader", "`get_train_dataloader` of OwnLoader does not draw from `sampler`"),
        (PreparedLoader, "own-loader", "`get_train_dataloader` of PreparedLoader does not draw from `sampler`"),
        (OwnBatches, "own-loader", "`get_train_dataloader` of OwnBatches does not draw from `sampler`"),
        (TwiceTheBatch, "own-loader", "of TwiceTheBatch has batches of another size"),
    ],
)
def test_a_trainer_that_would_leave_the_plan_is_refused_before_it_writes(tmp_path, base, code, named) -> None:
    with raises(ConfigError, code) as caught:
        trained(lambda folder: plain(folder, base), tmp_path / "out")
    assert named in str(caught.value)
    assert {path.name for path in tmp_path.rglob("*.*")} <= {".lock", ".lock.json"}


def test_a_loader_of_ones_own_that_asks_for_the_sampler_follows_the_plan(tmp_path) -> None:
    assert trained(lambda folder: plain(folder, SameSampler), tmp_path, last=2).rows == planned(2)


@pytest.mark.parametrize("sampled", [True, False])
def test_a_trainer_without_training_rows_evaluates_and_says_what_training_needs(tmp_path, sampled) -> None:
    trainer = plain(tmp_path, train_dataset=None, eval_dataset=causal_rows(), sampler=sampler() if sampled else None)
    assert trainer.evaluate()["eval_loss"] > 0
    with raises(ConfigError, "nothing-to-train-on") as caught:
        trainer.train()
    missing = "`train_dataset`" if sampled else "`train_dataset` and `sampler`"
    assert f"`train()` needs {missing}, found None: this Trainer can only evaluate" in str(caught.value)


class OneArgument(Trainer):
    """As some packages do it: fewer parameters than the Trainer's own method."""

    def _load_from_checkpoint(self) -> None:  # type: ignore[override]
        """Load nothing."""


def test_an_error_in_the_code_of_others_is_not_called_a_damaged_checkpoint(tmp_path) -> None:
    trained(plain, tmp_path, last=3)
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        trained(lambda folder: plain(folder, OneArgument), tmp_path, resume=True)


def search(trainer: Any, trials: int, **options: Any) -> Any:
    """Search over learning rates, as a person would write it."""

    def space(trial: Any) -> dict[str, Any]:
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)}

    with quiet():
        optuna = pytest.importorskip("optuna", reason="needs optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        chosen = {"hp_space": space, "backend": "optuna", "sampler": optuna.samplers.RandomSampler(seed=0)}
        return trainer.hyperparameter_search(n_trials=trials, **chosen | options)


def searching(folder: Path, **changes: Any) -> Any:
    made = {"model": None, "model_init": llama, "eval_dataset": causal_rows()} | changes
    trainer = recording(Trainer, marked("input_ids"))(
        args=TrainingArguments(str(folder), **COMMON | {"save_total_limit": 2}),
        train_dataset=causal_rows(),
        sampler=sampler(),
        **made,
    )
    trainer.rows = []
    return trainer


@pytest.mark.slow
def test_every_trial_of_a_search_has_checkpoints_in_its_own_folder(tmp_path) -> None:
    trainer = searching(tmp_path)
    best = search(trainer, 2)
    assert trainer.rows == 2 * planned(), "each trial trains on the stream from its start"
    for trial in ("run-0", "run-1"):
        assert [each.name for each in checkpoint_folders(tmp_path / trial)] == ["checkpoint-9", "checkpoint-12"]
        for folder in checkpoint_folders(tmp_path / trial):
            assert damage_of(folder) is None
            assert {"equipoise_stream.json", "equipoise_loss_0.json"} <= {each.name for each in folder.iterdir()}
    assert not checkpoint_folders(tmp_path)

    # The best trial, cut after step 9, is resumed like any run: its folder is that of a run.
    folder = tmp_path / f"run-{best.run_id}"
    done = load_file(folder / "checkpoint-12" / "model.safetensors")
    shutil.rmtree(folder / "checkpoint-12")
    again = plain(folder)
    again.args.learning_rate = best.hyperparameters["learning_rate"]
    again.rows = []
    with quiet():
        again.train(resume_from_checkpoint=True)
    assert again.rows == planned()[9 * 8 :]
    assert all(torch.equal(value, done[name]) for name, value in again.model.state_dict().items() if name in done)


@pytest.mark.slow
def test_a_trial_resumes_in_its_own_folder(tmp_path) -> None:
    trainer = searching(tmp_path)
    trainer.add_callback(Seen(7))
    search(trainer, 1)
    resumed = searching(tmp_path)
    train = resumed.train
    resumed.train = lambda resume_from_checkpoint=None, trial=None: train(True, trial)  # type: ignore[method-assign]
    search(resumed, 1)
    assert resumed.rows == planned()[6 * 8 :]
    with raises(RunError, "used-folder", "run-0` already holds a run"):
        search(searching(tmp_path), 1)


@pytest.mark.slow
def test_a_trial_may_have_another_batch_size_if_it_fits_the_epoch(tmp_path) -> None:
    trainer = searching(tmp_path)
    sizes = iter([6, 5])
    search(trainer, 1, hp_space=lambda trial: {"per_device_train_batch_size": next(sizes)})
    position = StreamPosition.read(tmp_path / "run-0" / "checkpoint-8")
    assert (trainer.rows, position.global_batch) == (planned(), 12)
    with raises(ConfigError, "partial-steps", "whole optimiser steps of 10 draws"):
        search(searching(tmp_path / "b"), 1, hp_space=lambda trial: {"per_device_train_batch_size": next(sizes)})


@pytest.mark.slow
def test_a_pruned_trial_does_not_disturb_the_next(tmp_path) -> None:
    optuna = pytest.importorskip("optuna", reason="needs optuna")

    class First(optuna.pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return trial.number == 0

    trainer = searching(tmp_path)
    trainer.args.eval_strategy, trainer.args.eval_steps = "steps", 4
    assert search(trainer, 2, pruner=First()).run_id == "1"
    assert trainer.rows == planned(4) + planned()
    assert [each.name for each in checkpoint_folders(tmp_path / "run-0")] == ["checkpoint-3"]

"""`StreamMixin` before the Trainers of other packages: each trains on the plan's stream, or is refused in one line."""

from pathlib import Path
from typing import Any

import datasets
import hf_jobs
import pytest
import torch
from tests.support.errors import raises
from tests.support.trainers import (
    COMMON,
    ROWS,
    assert_follows_the_plan_and_resumes,
    causal_rows,
    llama,
    marked,
    plain,
    planned,
    quiet,
    recording,
    sampler,
    tokenizer,
    trained,
)
from torch.utils.data import DataLoader, WeightedRandomSampler
from transformers import (
    Trainer,
)

from equipoise.errors import ConfigError


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

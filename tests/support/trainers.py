"""Tiny Trainers on a stream, of transformers or of other packages, which write down the rows that they train on."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from equipoise import Census, Plan, PlanSampler, StratumIndex, rates
from equipoise.trainer import StreamMixin

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

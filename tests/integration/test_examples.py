"""The examples on one process: uneven ends, and your own Trainer; test_launchers.py runs them all on ranks."""

import re
import warnings
from importlib import import_module

import pytest
from tests.support.errors import raises
from tests.support.launchers import drawn, example_of, rows_of_steps, run_alone
from torch.utils.data import IterableDataset
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

import toy
from equipoise import Shard
from equipoise.errors import ConfigError, RunError, StateError
from equipoise.trainer import StreamMixin
from equipoise.trainer.checkpoints.folders import last_checkpoint

EXAMPLES = ["accelerate_loop", "hf_trainer", "lightning_module", "own_trainer", "torchrun_ddp"]
OF_OTHERS = ["lora_trainer", "trl_sft", "sentence_trainer"]


class Mine(StreamMixin, Seq2SeqTrainer):
    """As little as can be."""


class OneByOne(IterableDataset):
    def __iter__(self):
        return iter(())


def build(folder, dataset=None, sampler=None, **options):
    options = {"use_cpu": True, "per_device_train_batch_size": 8, "report_to": "none"} | options
    return Mine(
        toy.make_model(),
        Seq2SeqTrainingArguments(str(folder), **options),
        train_dataset=toy.make_dataset() if dataset is None else dataset,
        sampler=sampler or toy.make_sampler(),
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_epoch_of_uneven_ends_is_refused(tmp_path, monkeypatch, example):
    monkeypatch.setattr(toy, "DRAWS_PER_EPOCH", 30)
    module, _ = example_of(example)
    warnings.simplefilter("ignore")  # Lightning's; pytest puts the filters back
    with raises(ConfigError, "partial-steps") as caught:
        module.main([str(tmp_path), "--accumulation", "2"])
    assert re.search(r"steps of 8 draws .* Use draws_per_epoch=32", str(caught.value))


def test_your_own_trainer_is_resumed(tmp_path):
    first = run_alone({"job": ("own_trainer", tmp_path, 4, 2, 6)})["job"]
    assert last_checkpoint(tmp_path).name == "checkpoint-6"
    second = run_alone({"job": ("own_trainer", tmp_path, 8, 1, 8, 0, True)})["job"]
    assert rows_of_steps(first) + rows_of_steps(second) == drawn(0, 8)
    with raises(RunError, "used-folder"):
        build(tmp_path).train()
    with raises(StateError, "other-stream") as caught:
        build(tmp_path, per_device_train_batch_size=16).train(True)
    assert "was 8 and is 16" in str(caught.value)
    done = build(tmp_path, max_steps=4)
    assert done.train(True).global_step == 8, "no step is left"
    assert done.num_examples(done.get_train_dataloader()) == toy.DRAWS_PER_EPOCH


def test_the_plain_loop_draws_the_shares_of_the_plan():
    shares = import_module("plain_torch").main()
    no, yes = 950**0.5, 50**0.5
    of_large = [0.5 * each / (no + yes) for each in (no, yes)]
    no, yes = 18**0.5, 6**0.5
    of_small = [0.5 * each / (no + yes) for each in (no, yes)]
    assert shares == pytest.approx(of_large + of_small, abs=1 / 4096)


@pytest.mark.slow
@pytest.mark.parametrize("example", OF_OTHERS)
def test_the_trainers_of_other_packages_follow_the_plan_and_resume(tmp_path, example):
    (whole,) = run_alone({"job": (example, tmp_path / "whole", 4, 2, 6)})["job"]
    (cut,) = run_alone({"job": (example, tmp_path / "cut", 4, 2, 4)})["job"]
    (rest,) = run_alone({"job": (example, tmp_path / "cut", 8, 1, 6, 0, True)})["job"]
    assert rows_of_steps([whole]) == drawn(0, 6)
    assert rows_of_steps([cut]) + rows_of_steps([rest]) == drawn(0, 6)
    assert rest["losses"][-2:] == pytest.approx(whole["losses"][-2:], rel=1e-4)
    assert whole["losses"][0] != pytest.approx(whole["losses"][-1], rel=1e-4)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"ignore_data_skip": True}, "owned-option", "`ignore_data_skip` must be False, found True"),
        ({"accelerator_config": {"split_batches": True}}, "owned-option", "`accelerator_config` must be None"),
        ({"auto_find_batch_size": True}, "owned-option", "`auto_find_batch_size` must be False"),
        ({"dataset": OneByOne()}, "not-indexable", "must be a dataset with numbered rows, found OneByOne"),
        ({"sampler": toy.make_sampler(Shard(0, 2))}, "sharded-sampler", "must draw the whole stream, found Shard("),
        ({"dataset": range(7)}, "other-dataset", "index of 90 rows and 7 examples"),
    ],
)
def test_your_own_trainer_refuses_what_breaks_the_stream(tmp_path, change, code, message):
    with raises(ConfigError, code) as caught:
        build(tmp_path, **{"max_steps": 1} | change)
    assert message in str(caught.value)

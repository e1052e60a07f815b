"""Operations of a training, beside those that torch counts."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import ByT5Tokenizer, LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from equipoise import Census, Plan, Records, Task
from equipoise.collate import Collator, EncodedExamples
from equipoise.compare import prices
from equipoise.compare.prices import training_flops
from equipoise.compare.trainings import Training
from equipoise.config import make_comparison
from equipoise.losses import TokenLoss
from equipoise.losses.labels import CrossEntropy
from equipoise.losses.training import LabelTrainingLoss, TokenTrainingLoss

LABELS = tuple(f"label {letter}" for letter in "abcdefghij")
TASKS = {"say": Task("say", "classification", LABELS)}
ROWS = 20
TOKENIZER = ByT5Tokenizer(extra_ids=0)
# Wide and short: attention's own part, which is left out, is small.
SIZES = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}


@pytest.fixture(scope="module")
def encoded():
    records = Records.from_dict(
        {
            "task": ["say"] * ROWS,
            "input": [f"row {number:02d}" for number in range(ROWS)],
            "target": [LABELS[number % len(LABELS)] for number in range(ROWS)],
        }
    )
    return EncodedExamples.encode(records, TASKS, TOKENIZER)


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        return T5ForConditionalGeneration(T5Config(vocab_size=500, decoder_start_token_id=0, **SIZES))


def metric(kind, model):
    if kind == "tokens":
        return TokenTrainingLoss(TokenLoss())
    plan = Plan.build(
        Census.from_labels(["say"] * ROWS, [LABELS[number % len(LABELS)] for number in range(ROWS)]),
        rates="proportional",
        weights="natural",
    )
    return LabelTrainingLoss.build(CrossEntropy(), plan, TASKS, model, TOKENIZER)


def counted(kind, model, encoded, rows):
    batch = Collator(0)([encoded[row] for row in rows])
    with FlopCounterMode(display=False) as counter:
        metric(kind, model).totals(model, batch, 0.0).sum().backward()
    model.zero_grad()
    return counter.get_total_flops()


@pytest.mark.parametrize("kind", ["tokens", "labels"])
def test_near_what_torch_counts(kind, model, encoded):
    rows = np.arange(ROWS)
    found = training_flops(model, metric(kind, model), encoded, rows)
    assert found == pytest.approx(counted(kind, model, encoded, rows), rel=0.2)


def test_losses_over_labels_cost_every_label(model, encoded):
    rows = np.arange(ROWS)
    by_tokens, by_labels = (training_flops(model, metric(kind, model), encoded, rows) for kind in ("tokens", "labels"))
    assert by_labels > 4 * by_tokens


def test_rows_drawn_again_count_again(model, encoded):
    once = training_flops(model, metric("tokens", model), encoded, np.array([3, 4]))
    assert training_flops(model, metric("tokens", model), encoded, np.array([3, 4, 3, 4])) == 2 * once


@pytest.mark.parametrize("kind", ["tokens", "labels"])
def test_a_decoder_only_model_reads_inputs_and_targets_with_one_stack(kind, encoded):
    with torch.random.fork_rng():
        decoder = LlamaForCausalLM(
            LlamaConfig(vocab_size=500, hidden_size=64, intermediate_size=128, num_hidden_layers=2)
        )
    rows = np.arange(ROWS)
    found = training_flops(decoder, metric(kind, decoder), encoded, rows)
    assert found == pytest.approx(counted(kind, decoder, encoded, rows), rel=0.2)


def test_the_speed_is_measured_without_validations_and_trackers(monkeypatch):
    plain = {"data": {"source": "rows.jsonl"}, "plan": {"draws": 640}, "training": {"best": "loss", "patience": 2}}
    config = make_comparison(plain | {"trainer": {"report_to": "wandb", "bf16": True}})
    measured = []

    def planned(config, _):
        measured.append(config)
        raise InterruptedError

    monkeypatch.setattr(prices, "prepare_again", planned)
    data = SimpleNamespace(encoded=lambda split: None, of=lambda split: None, base=None)
    with pytest.raises(InterruptedError):
        prices.measure(Training("natural", config.run, 0), data)
    training = measured[0].training
    assert (training.best, training.patience, training.validate_every) == (None, None, None)
    assert measured[0].trainer == {"report_to": "none", "bf16": True}

"""One optimiser step has the same loss and gradient however its examples are cut, and it is the formula's."""

import hf_jobs
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers import BartConfig, BartForConditionalGeneration

CUTS = [(8, 1), (4, 2), (2, 4), (1, 8)]
STEPS = 3


@pytest.fixture(scope="module")
def expected() -> dict[str, dict]:
    return {per: hf_jobs.by_hand(STEPS, per) for per in ("sequence", "token")}


@pytest.mark.parametrize("per", ["sequence", "token"])
@pytest.mark.parametrize(("batch", "accumulation"), CUTS)
def test_same_loss_gradient_and_parameters_however_a_step_is_cut(tmp_path, expected, per, batch, accumulation) -> None:
    found = hf_jobs.run(str(tmp_path), batch=batch, accumulation=accumulation, loss=per, options={"max_steps": STEPS})
    assert_allclose(found["losses"], expected[per]["losses"], rtol=1e-5)
    assert_allclose(found["norms"], expected[per]["norms"], rtol=1e-5)
    assert_allclose(found["parameters"], expected[per]["parameters"], rtol=1e-5, atol=1e-6)


def test_same_parameters_with_adamw(tmp_path) -> None:
    found = hf_jobs.run(
        str(tmp_path),
        batch=2,
        accumulation=4,
        loss="token",
        options={"max_steps": STEPS, "optim": "adamw_torch"},
    )
    expected = hf_jobs.by_hand(STEPS, "token", optim="adamw")
    # Adam divides by the root of a square: where a gradient is nearly 0 its rounding is magnified.
    assert_allclose(found["parameters"], expected["parameters"], atol=3e-5)
    assert_allclose(found["losses"], expected["losses"], rtol=1e-5)


def test_the_weights_of_unequal_micro_batches_count(tmp_path, expected) -> None:
    rows = hf_jobs.rows_of_steps(range(1))[0]
    data, model = hf_jobs.examples(hf_jobs.plan_and_index()[0]), hf_jobs.tiny_t5()
    weights = data.example_weights[rows].reshape(-1, 2)
    assert len(set(weights.sum(axis=1).tolist())) > 1, "micro-batches of equal weight would prove nothing"
    with torch.no_grad():
        means = [
            hf_jobs.loss_by_hand(model, [data[row] for row in pair], of_pair.tolist(), "sequence").item()
            for pair, of_pair in zip(np.reshape(rows, (-1, 2)).tolist(), weights, strict=True)
        ]
    found = hf_jobs.run(str(tmp_path), batch=2, accumulation=4, options={"max_steps": 1})
    assert found["losses"][0] == pytest.approx(np.average(means, weights=weights.sum(axis=1)), rel=1e-5)
    assert found["norms"][0] == pytest.approx(expected["sequence"]["norms"][0], rel=1e-5)
    for wrong in (np.mean(means), hf_jobs.by_hand(1, "sequence", weighted=False)["losses"][0]):
        assert found["losses"][0] != pytest.approx(wrong, rel=1e-3)


def test_logged_loss_is_the_mean_over_the_logged_steps(tmp_path) -> None:
    expected = hf_jobs.by_hand(4, "sequence")["losses"]
    found = hf_jobs.run(str(tmp_path), batch=4, accumulation=2, options={"max_steps": 4, "logging_steps": 2})
    assert_allclose(found["losses"], [np.mean(expected[:2]), np.mean(expected[2:])], rtol=1e-5)


@pytest.mark.parametrize("per", ["sequence", "token"])
def test_evaluation_loss_counts_every_example_once_with_weight_one(tmp_path, per) -> None:
    trainer = hf_jobs.build(tmp_path, loss=per, dropout=0.3)
    data = hf_jobs.examples(hf_jobs.plan_and_index()[0])
    assert len(data) % trainer.args.eval_batch_size, "a last batch that is full would hide a mean of means"
    with torch.no_grad():
        items = [data[row] for row in range(len(data))]
        expected = hf_jobs.loss_by_hand(trainer.model.eval(), items, [1.0] * len(items), per)
    trainer.model.train()  # as it is found in the middle of training
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_evaluation_loss_of_each_dataset_of_a_dictionary(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path)
    data = hf_jobs.examples(None)
    found = trainer.evaluate({"a": data, "b": data})
    assert found["eval_a_loss"] == pytest.approx(trainer.evaluate()["eval_loss"])
    assert found["eval_b_loss"] == found["eval_a_loss"]


def test_evaluation_during_training_leaves_training_as_it_was(tmp_path) -> None:
    options = {"max_steps": 6}
    plain = hf_jobs.run(str(tmp_path / "a"), options=options)
    evaluated = hf_jobs.run(str(tmp_path / "b"), options=options | {"eval_strategy": "steps", "eval_steps": 2})
    assert evaluated["parameters"] == plain["parameters"]


def test_a_model_of_another_family_is_trained_by_the_same_formula(tmp_path) -> None:
    config = BartConfig(
        vocab_size=259,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        dropout=0.0,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        decoder_start_token_id=1,
        max_position_embeddings=128,
    )
    trainer = hf_jobs.build(tmp_path, batch=4, accumulation=2, options={"max_steps": 1})
    model = BartForConditionalGeneration(config)
    rebuilt = hf_jobs.Recorder(
        model, trainer.args, trainer.train_dataset, trainer.stream.sampler, trainer.data_collator
    )
    rebuilt.log_to = tmp_path / "rows-0.jsonl"
    data = hf_jobs.examples(hf_jobs.plan_and_index()[0])
    items = [data[row] for row in hf_jobs.rows_of_steps(range(1))[0]]
    expected = hf_jobs.loss_by_hand(model, items, [item["example_weight"] for item in items], "sequence")
    expected = expected.item()
    rebuilt.train()
    assert rebuilt.state.log_history[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_bfloat16_is_used_for_arithmetic_only(tmp_path, expected) -> None:
    trainer = hf_jobs.build(tmp_path, options={"max_steps": STEPS, "bf16": True})
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses != pytest.approx(expected["sequence"]["losses"], rel=1e-6), "autocast was not on"
    assert_allclose(losses, expected["sequence"]["losses"], rtol=0.02)
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}

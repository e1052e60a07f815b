"""Label losses on the Trainer: the formula however a step is cut, rows of all kinds, and learning."""

from dataclasses import replace

import hf_jobs
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from tests.support.errors import raises, warns
from transformers import ByT5Tokenizer

from equipoise import Census, Plan, PlanSampler, Records, StratumIndex, Task, rates
from equipoise.collate import Collator, EncodedExamples
from equipoise.errors import ConfigError, PlanError, PlanWarning, RunError
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LDAM, CrossEntropy, LogitAdjusted, Weighted
from equipoise.losses.training import LabelTrainingLoss, TokenTrainingLoss
from equipoise.trainer import EquipoiseTrainer, training_arguments
from equipoise.weights import Balanced, Table

STEPS = 3
CUTS = [(8, 1), (4, 2), (2, 4)]
WORDS = ByT5Tokenizer(extra_ids=0)


@pytest.fixture(scope="module")
def expected() -> dict[str, dict]:
    return {loss: hf_jobs.by_hand(STEPS, loss) for loss in hf_jobs.LABEL_LOSSES}


@pytest.mark.parametrize("loss", hf_jobs.LABEL_LOSSES)
@pytest.mark.parametrize(("batch", "accumulation"), CUTS)
def test_same_loss_gradient_and_parameters_however_a_step_is_cut(tmp_path, expected, loss, batch, accumulation) -> None:
    found = hf_jobs.run(str(tmp_path), batch=batch, accumulation=accumulation, loss=loss, options={"max_steps": STEPS})
    assert_allclose(found["losses"], expected[loss]["losses"], rtol=1e-5)
    assert_allclose(found["norms"], expected[loss]["norms"], rtol=1e-5)
    assert_allclose(found["parameters"], expected[loss]["parameters"], rtol=1e-5, atol=1e-6)


def test_the_losses_differ_and_deferred_weights_begin_late(expected) -> None:
    first = [expected[loss]["losses"][0] for loss in hf_jobs.LABEL_LOSSES]
    assert min(np.diff(sorted(first))) > 1e-3
    data, model = hf_jobs.examples(hf_jobs.plan_and_index()[0]), hf_jobs.tiny_t5()
    weight = [hf_jobs.label_loss_by_hand(model, data[1], "ldam", progress)[1] for progress in (1 / 3, 2 / 3)]
    assert weight[0] == 1
    assert abs(weight[1] - 1) > 0.1


def batch_of(data: EncodedExamples, rows: list[int]) -> dict[str, torch.Tensor]:
    return Collator(pad_id=0)([data[row] for row in rows])


def test_a_micro_batch_of_one_keeps_its_class_weight() -> None:
    plan, model = hf_jobs.plan_and_index()[0], hf_jobs.tiny_t5()
    data = hf_jobs.examples(plan)
    weighted, plain = (hf_jobs.training_loss(loss, model, plan) for loss in ("weighted", "label cross-entropy"))
    for row in (1, 2, 3, 5):  # of the task with unequal counts
        batch = batch_of(data, [row])
        c = hf_jobs.label_loss_by_hand(model, data[row], "weighted", 0.0)[1]
        assert abs(c - 1) > 0.1
        assert weighted.totals(model, batch, 0.0).item() == pytest.approx(
            c * plain.totals(model, batch, 0.0).item(), rel=1e-5
        )
        assert weighted.weights(batch, 0.0).item() == pytest.approx(c * plain.weights(batch, 0.0).item(), rel=1e-5)


def mixed() -> tuple[EncodedExamples, dict[str, Task], Plan, StratumIndex]:
    """A task with labels and an open-ended one."""
    inputs = [f"{i} word" for i in range(24)]
    tasks = ["say" if i % 3 == 0 else "tone" for i in range(24)]
    labels = [None if i % 3 == 0 else ("bad" if i % 4 else "good") for i in range(24)]
    known = {"say": Task("say", "open_ended"), "tone": Task("tone", "classification", ("bad", "good"))}
    census = Census.from_labels(tasks, labels)
    plan = Plan.build(census, weights="natural", rates=rates.Equal(), target_rates=rates.Proportional())
    index = StratumIndex.from_labels(plan, tasks, labels)
    targets = [label or text for label, text in zip(labels, inputs, strict=True)]
    records = Records.from_dict({"task": tasks, "input": inputs, "target": targets})
    return EncodedExamples.encode(records, known, WORDS, plan=plan), known, plan, index


def test_rows_without_a_label_have_the_loss_of_their_target() -> None:
    data, tasks, plan, _ = mixed()
    model = hf_jobs.tiny_t5()
    training_loss = LabelTrainingLoss.build(CrossEntropy(), plan, tasks, model, WORDS)
    batch = batch_of(data, list(range(8)))
    batch["label_id"][1] = -1  # a label that no training row has
    batch["labels"][2], batch["label_id"][2] = -100, -1  # a row without a target
    weights, totals = training_loss.weights(batch, 0.0), training_loss.totals(model, batch, 0.0)
    token = TokenTrainingLoss(TokenLoss())
    without = torch.tensor([0, 1, 2, 3, 6])
    torch.testing.assert_close(totals[without], token.totals(model, batch, 0.0)[without], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(weights[without], token.weights(batch, 0.0)[without])
    assert (weights[2].item(), totals[2].item()) == (0, 0)
    assert (totals[[4, 5, 7]] < token.totals(model, batch, 0.0)[[4, 5, 7]] / 2).all()
    totals.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_the_mean_does_not_depend_on_how_open_and_closed_tasks_are_cut() -> None:
    data, tasks, plan, _ = mixed()
    model = hf_jobs.tiny_t5()
    training_loss = LabelTrainingLoss.build(Weighted(Balanced()), plan, tasks, model, WORDS)
    whole = batch_of(data, list(range(12)))
    totals, weights = training_loss.totals(model, whole, 0.0), training_loss.weights(whole, 0.0)
    for cut in range(0, 12, 3):
        part = batch_of(data, list(range(cut, cut + 3)))
        torch.testing.assert_close(training_loss.totals(model, part, 0.0), totals[cut : cut + 3], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(training_loss.weights(part, 0.0), weights[cut : cut + 3])


def test_length_norm_divides_scores_by_tokens() -> None:
    plan, model = hf_jobs.plan_and_index()[0], hf_jobs.tiny_t5()
    data = hf_jobs.examples(plan)
    build = lambda kappa: LabelTrainingLoss.build(CrossEntropy(), plan, hf_jobs.TASKS, model, WORDS, length_norm=kappa)  # noqa: E731
    row = 1  # task tone, labels of 14 and 5 tokens
    texts = [torch.tensor(WORDS(text).input_ids) for text in hf_jobs.TASKS["tone"].labels]
    scores = torch.stack([hf_jobs.log_likelihood(model, data[row], text) / len(text) ** 0.5 for text in texts])
    weight = data[row]["example_weight"]
    value = -weight * scores.log_softmax(0)[data[row]["label_id"]]
    found = build(0.5).totals(model, batch_of(data, [row]), 0.0)
    assert found.item() == pytest.approx(value.item(), rel=1e-5)
    with raises(ConfigError, "out-of-range", "`length_norm` must be in [0, 1], found 2"):
        build(2)


def test_evaluation_counts_every_example_once_with_weight_one(tmp_path) -> None:
    trainer = hf_jobs.build(tmp_path, loss="weighted", dropout=0.3)
    data = hf_jobs.examples(None)
    with torch.no_grad():
        items = [data[row] for row in range(len(data))]
        expected = hf_jobs.loss_by_hand(trainer.model.eval(), items, [1.0] * len(items), "weighted")
    trainer.model.train()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_bfloat16_stays_finite_with_extreme_priors(tmp_path) -> None:
    counts = {"tone": {"extremely bad": 1, "good": 10_000_000}, "topic": {"art": 1, "sports": 3}}
    base = hf_jobs.build(tmp_path, options={"max_steps": STEPS, "bf16": True})
    for number, loss in enumerate([LogitAdjusted(), Weighted(Balanced()), LDAM(reweight_from=0.0)]):
        model = hf_jobs.tiny_t5()
        training_loss = LabelTrainingLoss.build(
            loss,
            Plan.build(Census.from_counts(counts), rates="proportional", weights="natural"),
            hf_jobs.TASKS,
            model,
            WORDS,
        )
        args = replace(base.args, output_dir=str(tmp_path / str(number)))
        trainer = EquipoiseTrainer(
            model, args, base.train_dataset, base.stream.sampler, base.data_collator, loss=training_loss
        )
        trainer.train()
        losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
        assert len(losses) == STEPS
        assert np.isfinite(losses).all()
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_training_with_a_label_loss_learns(tmp_path) -> None:
    data, tasks, plan, index = mixed()
    model = hf_jobs.tiny_t5()
    args = training_arguments(
        tmp_path,
        {
            "use_cpu": True,
            "per_device_train_batch_size": 8,
            "max_steps": 60,
            "learning_rate": 1e-2,
            "lr_scheduler_type": "constant",
            "logging_steps": 10,
            "save_strategy": "no",
        },
    )
    training_loss = LabelTrainingLoss.build(LogitAdjusted(), plan, tasks, model, WORDS)
    trainer = EquipoiseTrainer(
        model, args, data, PlanSampler(plan, index, draws_per_epoch=480), Collator(pad_id=0), loss=training_loss
    )
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < 0.7 * losses[0]


def test_first_token_adjustment_shifts_the_first_tokens_of_the_labels() -> None:
    plan, model = hf_jobs.plan_and_index()[0], hf_jobs.tiny_t5()
    data = hf_jobs.examples(plan)
    training_loss = TokenTrainingLoss.adjusted(TokenLoss(), LogitAdjusted(), plan, hf_jobs.TASKS, WORDS)
    batch = batch_of(data, list(range(8)))
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"].clone())
    logits = logits.logits.detach()
    for row in range(8):
        name = sorted(hf_jobs.TASKS)[batch["task_id"][row]]
        for label in hf_jobs.TASKS[name].labels:
            share = plan.counts[plan.position_of(name, label)] / sum(
                plan.counts[plan.position_of(name, each)] for each in hf_jobs.TASKS[name].labels
            )
            logits[row, 0, WORDS(label).input_ids[0]] += np.log(2 * share)
    expected = TokenLoss().totals(logits, batch["labels"], batch["example_weight"])
    torch.testing.assert_close(training_loss.totals(model, batch, 0.0), expected, rtol=1e-5, atol=1e-5)
    plain = TokenTrainingLoss(TokenLoss()).totals(model, batch, 0.0)
    moved = (training_loss.totals(model, batch, 0.0) - plain).abs() > 1e-3
    assert moved.tolist() == [bool(row % 4) for row in range(8)], "the labels of the other task are equally frequent"


def test_first_token_adjustment_takes_the_label_s_part_out_of_importance_weights() -> None:
    census = Census.from_counts({"tone": {"extremely bad": 10, "good": 30}})
    plan, tasks = (
        Plan.build(census, rates="proportional", weights="natural", target_weights=Balanced()),
        {"tone": hf_jobs.TASKS["tone"]},
    )
    training_loss = TokenTrainingLoss.adjusted(TokenLoss(), LogitAdjusted(aim="target"), plan, tasks, WORDS)
    records = Records.from_dict({"task": ["tone"] * 2, "input": ["a", "b"], "target": ["extremely bad", "good"]})
    data = EncodedExamples.encode(records, tasks, WORDS, plan=plan)
    batch, model = batch_of(data, [0, 1]), hf_jobs.tiny_t5()
    torch.testing.assert_close(batch["example_weight"], torch.tensor([2.0, 2 / 3]))
    torch.testing.assert_close(training_loss.weights(batch, 0.0), torch.ones(2))
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"]).logits
    adjustment = training_loss.adjustments[0]
    assert adjustment is not None
    expected = TokenLoss().totals(adjustment(logits), batch["labels"], torch.ones(2))
    torch.testing.assert_close(training_loss.totals(model, batch, 0.0), expected, rtol=1e-5, atol=1e-5)


def test_labels_that_share_their_first_token_are_refused() -> None:
    tasks = {"size": Task("size", "classification", ("large", "little"))}
    plan = Plan.build(Census.from_counts({"size": {"large": 3, "little": 1}}), rates="proportional", weights="natural")
    with raises(ConfigError, "shared-first-token", "'large' and 'little' both begin with token"):
        TokenTrainingLoss.adjusted(TokenLoss(), LogitAdjusted(), plan, tasks, WORDS)


def test_correcting_twice_is_warned_of() -> None:
    census = Census.from_counts({"tone": {"extremely bad": 10, "good": 90}})
    balanced, tasks = Plan.build(census, rates="proportional", weights=Balanced()), {"tone": hf_jobs.TASKS["tone"]}
    model = hf_jobs.tiny_t5()
    with warns(PlanWarning, "double-correction") as caught:
        LabelTrainingLoss.build(LDAM(), balanced, tasks, model, WORDS)
    assert "'tone': LDAM" in str(caught[0].message)
    assert " and the plan does already" in str(caught[0].message)
    LabelTrainingLoss.build(LogitAdjusted(), balanced, tasks, model, WORDS)  # knows what is drawn


def test_refusals(tmp_path) -> None:
    model, plan = hf_jobs.tiny_t5(), Plan.build(Census.from_counts({"say": 5}), rates="proportional", weights="natural")
    with raises(ConfigError, "no-labels", "needs a task with labels, found none that is drawn"):
        LabelTrainingLoss.build(CrossEntropy(), plan, {"say": Task("say", "open_ended")}, model, WORDS)
    table = Weighted(Table({"tune": {"good": 2.0, "extremely bad": 1.0}}))
    with raises(PlanError, "unknown-task", "names unknown tasks: tune"):
        LabelTrainingLoss.build(table, hf_jobs.plan_and_index()[0], hf_jobs.TASKS, model, WORDS)
    trainer = hf_jobs.build(tmp_path)
    with raises(RunError, "no-outputs"):
        trainer.compute_loss(trainer.model, batch_of(hf_jobs.examples(None), [0]), return_outputs=True)

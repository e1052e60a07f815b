"""The loss of a schedule: each draw is weighed, and each label corrected, by the plan of its stage."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.seq2seq import TOKENIZER, t5
from torch import Tensor, nn

from equipoise import Census, Plan, PlanSampler, Records, Schedule, StratumIndex, Task
from equipoise.collate import Collator, EncodedExamples
from equipoise.errors import ConfigError
from equipoise.losses import TokenLoss
from equipoise.losses.labels import LabelLoss, LogitAdjusted
from equipoise.losses.training import LabelTrainingLoss, StagedTrainingLoss, TokenTrainingLoss, TrainingLoss
from equipoise.losses.training.staged import importance_of

BATCH, DRAWS = 8, 96
COUNTS = {"mood": {"glad": 12, "sad": 4}, "say": 6, "topic": {"art": 3, "law": 5, "war": 1}}
TASKS = {
    "mood": Task("mood", "classification", ("calm", "glad", "sad")),  # no row is calm
    "say": Task("say", "open_ended"),
    "topic": Task("topic", "classification", ("art", "law", "war")),
}
ROWS = [
    {"task": task, "input": f"{row}", "target": label or f"say {row}"}
    for task, labels in COUNTS.items()
    for label, count in (labels if isinstance(labels, dict) else {None: labels}).items()
    for row in range(count)
]
RECORDS = Records.from_dict({name: [row[name] for row in ROWS] for name in ("task", "input", "target")})
CENSUS = Census.from_counts(COUNTS)
SCHEDULE = Schedule(
    [
        (0, Plan.build(CENSUS, weights="sqrt", target_rates="proportional", target_weights="natural")),
        (32, Plan.build(CENSUS, weights="inverse")),
        (56, Plan.build(CENSUS, "temperature:3", "inverse", target_weights="natural")),
    ]
)


def index_of(plan: Plan | Schedule) -> StratumIndex:
    labels = [None if row["task"] == "say" else row["target"] for row in ROWS]
    return StratumIndex.from_labels(plan, [row["task"] for row in ROWS], labels)


def encoded(plan: Plan | None = None) -> EncodedExamples:
    return EncodedExamples.encode(RECORDS, TASKS, TOKENIZER, plan=plan)


def batch_of(data: EncodedExamples, rows: list[int]) -> dict[str, Tensor]:
    return Collator(pad_id=0)([data[row] for row in rows])


def steps() -> Iterator[tuple[float, int, list[int]]]:
    """Yield progress, stage and rows of each step."""
    sampler = PlanSampler(SCHEDULE, index_of(SCHEDULE), seed=3, draws_per_epoch=DRAWS)
    rows = list(sampler)
    for at, end in pairwise(range(0, DRAWS + 1, BATCH)):
        yield at / DRAWS, SCHEDULE.stage_at(at), rows[at:end]


class Ones:
    """A loss of 1 for every row, that notes the plan it is made of."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan

    def weights(self, batch: Any, progress: float) -> Tensor:
        return batch["example_weight"]

    def totals(self, model: Any, batch: Any, progress: float, *, wrapped: nn.Module | None = None) -> Tensor:
        return batch["example_weight"]


def test_each_draw_counts_with_the_weight_of_its_stage() -> None:
    data, loss = encoded(), StagedTrainingLoss(Ones, lambda: SCHEDULE, TASKS, DRAWS)
    stratum_of_row = index_of(SCHEDULE).spread(np.arange(len(SCHEDULE.strata)))
    seen: set[tuple[int, int]] = set()
    for progress, stage, rows in steps():
        plan = SCHEDULE.stages[stage].plan
        expected = [plan.target[s] / plan.probabilities[s] for s in stratum_of_row[rows]]
        batch = batch_of(data, rows)
        np.testing.assert_allclose(loss.weights(batch, progress), expected, rtol=1e-6)
        np.testing.assert_allclose(loss.totals(nn.Identity(), batch, progress), expected, rtol=1e-6)
        assert batch["example_weight"].tolist() == [1.0] * BATCH
        seen |= {(stage, int(s)) for s in stratum_of_row[rows]}
    assert len(seen) > 12, "every stage must have draws of several strata"


@pytest.mark.parametrize("labels", [LogitAdjusted(1.0, "target"), None])
def test_inside_a_stage_loss_and_gradient_are_those_of_its_plan(labels: LabelLoss | None) -> None:
    model = t5().eval()

    def of_plan(plan: Plan) -> TrainingLoss:
        if labels is None:
            return TokenTrainingLoss(TokenLoss())
        return LabelTrainingLoss.build(labels, plan, TASKS, model, TOKENIZER)

    staged, found = StagedTrainingLoss(of_plan, lambda: SCHEDULE, TASKS, DRAWS), []
    rows = [0, 13, 17, 23, 30]
    for at, stage in ((24, 0), (32, 1), (56, 2), (DRAWS, 2)):
        plan = SCHEDULE.stages[stage].plan
        for loss, data in ((staged, encoded()), (of_plan(plan), encoded(plan))):
            batch = batch_of(data, rows)
            model.zero_grad()
            total = loss.totals(model, batch, at / DRAWS).sum() / loss.weights(batch, at / DRAWS).sum()
            total.backward()
            found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        assert torch.equal(found[-1], found[-2])
    assert not torch.allclose(found[1], found[3])
    assert not torch.allclose(found[3], found[5])


def test_validation_rows_are_not_weighed() -> None:
    batch = batch_of(encoded(), [0, 13, 17, 30])
    loss = StagedTrainingLoss(Ones, lambda: SCHEDULE, TASKS, DRAWS)
    assert loss.validating(0.0).weights(batch, 0.0).tolist() == [1.0] * 4
    assert loss.weights(batch, 0.0).tolist() != [1.0] * 4
    assert [loss.validating(at / DRAWS).plan for at in (0, 31, 32, 96)] == [
        SCHEDULE.stages[s].plan for s in (0, 0, 1, 2)
    ]


def test_a_plan_that_is_decided_later_has_its_loss_made_once() -> None:
    drawn, made = [SCHEDULE], list[Plan]()

    def of_plan(plan: Plan) -> TrainingLoss:
        made.append(plan)
        return Ones(plan)

    loss, batch = StagedTrainingLoss(of_plan, lambda: drawn[-1], TASKS, DRAWS), batch_of(encoded(), [0, 30])
    assert made == [plan for _, plan in SCHEDULE.stages], "what is wrong in a late stage is found at the start"
    decided = Plan.build(CENSUS, "proportional", "natural", target_weights="inverse")
    drawn.append(SCHEDULE.changed(decided, 72))
    for at in range(0, DRAWS + 1, BATCH):
        loss.weights(batch, at / DRAWS)
        loss.totals(nn.Identity(), batch, at / DRAWS)
    assert made[3:] == [decided]
    assert loss.weights(batch, 72 / DRAWS)[0] == pytest.approx(decided.importance_weights[0])


def test_a_plan_alone_is_one_stage() -> None:
    plan = SCHEDULE.stages[0].plan
    loss = StagedTrainingLoss(Ones, lambda: plan, TASKS, DRAWS)
    expected = encoded(plan).example_weights[[0, 13, 17, 30]]
    batch = batch_of(encoded(), [0, 13, 17, 30])
    assert [loss.weights(batch, progress).tolist() for progress in (0.0, 1.0)] == [expected.tolist()] * 2


def test_rows_without_a_known_label() -> None:
    weights = importance_of(SCHEDULE.stages[0].plan, TASKS)
    plan = SCHEDULE.stages[0].plan
    assert weights.shape == (3, 4)
    assert weights[0, 0] == weights[0, -1] == weights[2, -1] == 1
    assert weights[1, -1] == pytest.approx(plan.importance_weights[plan.position_of("say", None)])
    assert weights[1, -1] != 1


@pytest.mark.parametrize(("draws", "code"), [(0, "out-of-range"), (9.5, "not-an-integer")])
def test_draws_are_a_number_above_0(draws: Any, code: str) -> None:
    with raises(ConfigError, code, "`draws`"):
        StagedTrainingLoss(Ones, lambda: SCHEDULE, TASKS, draws)

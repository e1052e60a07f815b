"""The shares drawn that trackers show are those of the stream, and there are few series."""

from typing import Any

import numpy as np
import pytest
from transformers import TrainerState

from equipoise import Census, Plan, PlanSampler, StratumIndex
from equipoise.runs.trackers import Tracker
from equipoise.runs.tracking import MOST_LABELS, MOST_ROWS, PlanTracking


class Kept(Tracker):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.numbers: list[tuple[int, dict[str, float]]] = []
        self.tables: dict[str, tuple[list[str], list[Any]]] = {}

    def _open(self, name: str, parent: Any, known: Any) -> None: ...

    def scalars(self, values: Any, step: int) -> None:
        self.numbers.append((step, dict(values)))

    def table(self, name: str, heads: Any, rows: Any) -> None:
        self.tables[name] = list(heads), list(rows)

    def close(self, *, failed: bool) -> None: ...


def tracking(counts: dict[str, Any], draws: int = 400) -> tuple[PlanTracking, Kept, PlanSampler, Plan]:
    plan = Plan.build(Census.from_counts(counts), rates="equal", weights="sqrt")
    sampler = PlanSampler(plan, StratumIndex.from_sizes(plan), seed=1, draws_per_epoch=draws)
    kept = Kept()
    return PlanTracking([kept], plan, sampler, 8), kept, sampler, plan


COUNTS = {"tone": {"good": 900, "bad": 100}, "say": 50}


def test_shares_are_those_of_the_draws_so_far_whenever_training_begins() -> None:
    whole, kept, sampler, plan = tracking(COUNTS)
    state = TrainerState(max_steps=50, is_world_process_zero=True)
    for step in (2, 5, 50):
        state.global_step = step
        whole.on_log(None, state, logs={"loss": 1.0})
    whole.on_log(None, state, logs={"eval_loss": 1.0})
    assert [step for step, _ in kept.numbers] == [2, 5, 50]
    for step, found in kept.numbers:
        _, strata = sampler.of_all_ranks(0, step * 8)
        by_stratum = np.bincount(strata, minlength=3) / (step * 8)
        named = dict(zip(plan.strata, by_stratum.tolist(), strict=True))
        tone = {label: share for (task, label), share in named.items() if task == "tone"}
        assert found == pytest.approx(
            {
                "drawn/say": 1 - sum(tone.values()),
                "drawn/tone": sum(tone.values()),
                "drawn_by_label/tone/bad": tone["bad"],
                "drawn_by_label/tone/good": tone["good"],
            }
        )
    resumed, again, *_ = tracking(COUNTS)
    resumed.on_log(None, state, logs={"loss": 1.0})
    assert again.numbers == kept.numbers[-1:]


@pytest.mark.parametrize(("labels", "series"), [(MOST_LABELS, MOST_LABELS + 1), (MOST_LABELS + 1, 1), (3000, 1)])
def test_many_labels_have_no_series_of_their_own_and_tables_are_limited(labels: int, series: int) -> None:
    many = {"topic": {f"label {number}": 5 for number in range(labels)}}
    made, kept, *_ = tracking(many)
    assert len(made.shares(8)) == series
    made.on_train_begin(None, TrainerState(global_step=0, max_steps=50))
    heads, rows = kept.tables["plan"]
    assert heads[:2] == ["task", "label"]
    assert len(rows) == min(labels, MOST_ROWS)
    assert [row[0] for row in kept.tables["forecast"][1]] == ["topic", "all"]


def test_a_resumed_run_has_its_tables_already() -> None:
    made, kept, *_ = tracking(COUNTS)
    made.on_train_begin(None, TrainerState(global_step=4, max_steps=50))
    assert not kept.tables


def test_the_shares_of_a_plan_that_changes_are_logged_beside_those_drawn() -> None:
    made, _, sampler, plan = tracking(COUNTS, draws=8192)
    assert not any(name.startswith("planned") for name in made.shares(800))
    natural = Plan.build(Census.from_counts(COUNTS), rates="proportional", weights="natural")
    sampler.replan(natural, at=2048)
    names = ("planned/say", "planned/tone", "planned_by_label/tone/bad", "planned_by_label/tone/good")
    for draws, drawn in ((2048, plan), (2056, natural)):
        say, bad, good = drawn.probabilities.tolist()
        found = made.shares(draws)
        assert [found[name] for name in names] == pytest.approx([say, bad + good, bad, good])

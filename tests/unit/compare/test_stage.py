"""A stage of a comparison: which trainings go on, and what their runs are proxies of."""

from types import SimpleNamespace
from typing import Any

import pytest

from equipoise.compare.engine import Comparison
from equipoise.compare.result import CandidateInfo, RunCost, Stage
from equipoise.compare.schedule import StagePlan
from equipoise.config import make_comparison

DRAWS = {320: 40, 960: None}


class Training(SimpleNamespace):
    def candidates(self, corrections: Any) -> dict[str, CandidateInfo]:
        return {self.name: CandidateInfo(self.name, "none", "", self.steps, {})}


def comparison(monkeypatch: pytest.MonkeyPatch, scores: dict[str, float], recipes: int) -> Comparison:
    """One whose runs cost nothing, with as many recipes of natural sampling among the first trainings."""
    config = make_comparison({"data": {"source": "rows.jsonl"}})
    trainings: Any = {
        name: Training(name=name, steps=place, natural=place < recipes) for place, name in enumerate(scores)
    }
    runner: Any = SimpleNamespace(
        config=config,
        costs={},
        train=lambda trials: None,
        cost=lambda trial: RunCost(trial.training.name, 0, 1, "", {}, 0, 1),
    )
    made = Comparison(runner, trainings, DRAWS, [])
    monkeypatch.setattr(made, "_standard_error", lambda *_: 0.0)
    monkeypatch.setattr(
        made,
        "scored",
        lambda names, plan, seeds: Stage(plan.draws, seeds, {each: (scores[each],) for each in names}, ()),
    )
    return made


@pytest.mark.parametrize(
    ("scores", "recipes", "kept"),
    [
        ({"natural": 0.5, "small": 0.55, "smooth": 0.6, "sqrt": 0.8, "log": 0.7}, 3, ("natural", "sqrt", "smooth")),
        ({"natural": 0.5, "small": 0.45, "smooth": 0.4, "sqrt": 0.8, "log": 0.7}, 3, ("natural", "sqrt")),
        ({"natural": 0.5, "small": 0.9, "smooth": 0.6, "sqrt": 0.8, "log": 0.7}, 3, ("natural", "small")),
        ({"natural": 0.5, "sqrt": 0.8, "log": 0.7}, 1, ("natural", "sqrt")),
    ],
)
def test_natural_sampling_goes_on_as_trained_and_with_its_best_recipe(
    monkeypatch: pytest.MonkeyPatch, scores: dict[str, float], recipes: int, kept: tuple[str, ...]
) -> None:
    made = comparison(monkeypatch, scores, recipes)
    assert made.stage(list(scores), StagePlan(320, (0,), 1, 40)).kept == kept


def test_runs_before_the_last_stage_are_proxies_of_full_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    made = comparison(monkeypatch, {"natural": 0.5, "sqrt": 0.8}, 1)
    trials = [trial for draws in DRAWS for trial in made._trials(["sqrt"], draws, [3])]
    assert [(trial.draws, trial.rows, trial.proxy_of) for trial in trials] == [(320, 40, 960), (960, None, None)]

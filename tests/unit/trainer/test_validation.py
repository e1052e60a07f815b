"""When a checkpoint is saved as the best so far, and when training ends: from the log history alone."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.errors import raises
from transformers import TrainerControl, TrainerState

from equipoise.errors import ConfigError
from equipoise.trainer import training_arguments
from equipoise.trainer.validation import BestCheckpoint


def arguments(folder: Path, *, rising: bool = True, best: bool = True) -> Any:
    args = training_arguments(
        folder, {"use_cpu": True, "metric_for_best_model": "macro_f1", "greater_is_better": rising}
    )
    args.load_best_model_at_end = best
    return args


def asked(args: Any, values: list[float], patience: int | None = None) -> tuple[bool, bool]:
    """Whether the last of these validations asks for a checkpoint, and whether it ends training."""
    part = BestCheckpoint(args, patience)
    state = TrainerState(global_step=len(values))
    state.log_history = [{"step": k + 1, "eval_macro_f1": value} for k, value in enumerate(values)]
    control = TrainerControl()
    part.on_evaluate(args, state, control, metrics=state.log_history[-1])
    assert part.ended(state) == control.should_training_stop
    return control.should_save, control.should_training_stop


@pytest.mark.parametrize(
    ("values", "rising", "best"),
    [
        ([0.1], True, True),
        ([0.1, 0.2], True, True),
        ([0.2, 0.2], True, False),
        ([0.2, 0.1, 0.3], True, True),
        ([0.2, 0.1], True, False),
        ([0.2, 0.1], False, True),
        ([0.1, float("nan")], True, False),
        ([float("nan")], False, False),
    ],
)
def test_the_best_so_far_is_saved(tmp_path: Path, values: list[float], rising: bool, best: bool) -> None:
    assert asked(arguments(tmp_path, rising=rising), values) == (best, False)
    assert asked(arguments(tmp_path, rising=rising, best=False), values) == (False, False)


def test_training_ends_after_so_many_validations_without_an_improvement(tmp_path: Path) -> None:
    args, values = arguments(tmp_path), [0.1, 0.3, 0.2, 0.3, 0.1]
    assert [asked(args, values[:stop], patience=3) for stop in range(1, 6)] == [
        (True, False), (True, False), (False, False), (False, False), (True, True),
    ]  # fmt: skip


def test_an_evaluation_that_is_not_of_this_step_changes_nothing(tmp_path: Path) -> None:
    args = arguments(tmp_path)
    part, control = BestCheckpoint(args, 1), TrainerControl()
    state = TrainerState(
        global_step=9, log_history=[{"step": 0, "eval_macro_f1": 0.9}, {"step": 4, "eval_macro_f1": 1}]
    )
    part.on_evaluate(args, state, control, metrics={"eval_loss": 1.0})
    assert not control.should_save
    assert not control.should_training_stop
    assert part.history(state) == [(4, 1)]


@pytest.mark.parametrize(("patience", "best"), [(0, True), (2, False)])
def test_a_patience_that_cannot_be_used_is_refused(tmp_path: Path, patience: int, best: bool) -> None:
    with raises(ConfigError, "bad-patience", f"found {patience}"):
        BestCheckpoint(arguments(tmp_path, best=best), patience)

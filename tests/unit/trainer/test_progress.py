"""Progress is visible on a terminal and off it."""

import io
import re
from typing import Any

from transformers import TrainerState

from equipoise.trainer import progress as module
from equipoise.trainer.progress import Progress, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_each_update_is_a_line_with_the_count_the_losses_and_the_time_left() -> None:
    stream = io.StringIO()
    with progress(40, "training", "step", stream=stream, every=0) as shown:
        shown.set_postfix_str("loss 2.5 per example", refresh=False)
        shown.update(10)
    assert "\r" not in stream.getvalue()
    *_, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"training: step 10 of 40, loss 2\.5 per example, \d\d:\d\d left", last)


def test_lines_come_every_few_seconds_only() -> None:
    stream = io.StringIO()
    with progress(1000, "predicting", "row", stream=stream) as shown:
        for _ in range(1000):
            shown.update()
    assert not stream.getvalue()


def test_on_a_terminal_it_is_a_bar_on_one_line() -> None:
    stream = Terminal()
    with progress(40, "training", "step", stream=stream) as shown:
        shown.update(40)
    assert "\n" not in stream.getvalue()
    assert "training:   0%|" in stream.getvalue()


class Events:
    """The events of a Trainer, with the lines that they show."""

    def __init__(self, monkeypatch: Any, **state: Any) -> None:
        self.stream, self.shown = io.StringIO(), Progress()
        self.state = TrainerState(max_steps=40, is_world_process_zero=True, **state)
        monkeypatch.setattr(module, "progress", lambda *a, **k: progress(*a, **k, stream=self.stream, every=0))

    def __call__(self, event: str, **values: Any) -> list[str]:
        self.stream.seek(0)
        self.stream.truncate()
        getattr(self.shown, event)(None, self.state, None, **values)
        return [re.sub(r"\d\d:\d\d", "T", line) for line in self.stream.getvalue().splitlines()]


def test_training_shows_step_losses_per_example_and_the_time_left(monkeypatch: Any) -> None:
    happens = Events(monkeypatch)
    assert happens("on_train_begin") == ["training: step 0 of 40, ? left"]
    happens.state.global_step = 1
    assert happens("on_step_end") == ["training: step 1 of 40, T left"]
    assert happens("on_log", logs={"loss": 2.34567, "learning_rate": 1e-3}) == []
    happens.state.global_step = 2
    assert happens("on_step_end") == ["training: step 2 of 40, loss 2.346 per example, T left"]
    assert happens("on_log", logs={"train_runtime": 3.0}) == []
    assert happens("on_prediction_step", eval_dataloader=[1, 2])[-1] == "validation: batch 1 of 2, T left"
    assert happens("on_evaluate") == []
    happens("on_log", logs={"eval_loss": 2.0})
    happens.state.global_step = 3
    assert happens("on_step_end") == ["training: step 3 of 40, validation loss 2 per example, T left"]
    assert happens("on_train_end") == []


def test_a_resumed_training_begins_where_it_was(monkeypatch: Any) -> None:
    assert Events(monkeypatch, global_step=30)("on_train_begin") == ["training: step 30 of 40, ? left"]


def test_other_ranks_show_nothing(monkeypatch: Any) -> None:
    happens = Events(monkeypatch)
    happens.state.is_world_process_zero = False
    for event in ("on_train_begin", "on_step_end", "on_log", "on_prediction_step", "on_evaluate", "on_train_end"):
        assert happens(event, **({"eval_dataloader": [1]} if "prediction" in event else {})) == []

"""Every field of the Trainer's state, with odd values: damaged files are refused by name, and no path leads out."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.errors import raises
from transformers import TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from equipoise.errors import StateError
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.checkpoints.seal import seal
from equipoise.trainer.checkpoints.trainer_state import best_checkpoint, read_trainer_state

STEP = 6


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / f"checkpoint-{STEP}"
    folder.mkdir(parents=True)
    StreamPosition(STEP, 4, 40, 40, None).write(folder)
    state = TrainerState(global_step=STEP, epoch=0.6, best_metric=0.5, best_global_step=2, train_batch_size=4)
    state.log_history = [{"loss": float("nan"), "step": 3, "epoch": 0.3}, {"eval_loss": 0.5, "step": 6}]
    state.best_model_checkpoint = str(folder.with_name("checkpoint-2"))
    state.stateful_callbacks = {"TrainerControl": TrainerControl().state()}
    state.save_to_json(str(folder / TRAINER_STATE_NAME))
    return folder


def change(checkpoint: Path, name: str, value: Any) -> None:
    path = checkpoint / TRAINER_STATE_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


def test_what_the_trainer_writes_is_read_whole(checkpoint) -> None:
    held = json.loads((checkpoint / TRAINER_STATE_NAME).read_text())
    state = read_trainer_state(checkpoint)
    assert repr({name: getattr(state, name) for name in sorted(held)}) == repr(dict(sorted(held.items())))


NUMBERS = ["epoch", "global_step", "max_steps", "logging_steps", "eval_steps", "save_steps", "num_train_epochs",
           "num_input_tokens_seen", "total_flos"]  # fmt: skip
OPTIONAL = ["train_batch_size", "best_metric", "best_global_step"]
FLAGS = ["is_local_process_zero", "is_world_process_zero", "is_hyper_param_search"]
TEXTS = ["best_model_checkpoint", "trial_name"]
OBJECTS = ["trial_params", "stateful_callbacks"]
ODD: dict[str, Any] = {"text": "6", "list": [6], "object": {"a": 6}, "true": True, "null": None, "number": 6.5}
FITS = {
    **{name: {"number"} for name in ("epoch", "logging_steps", "eval_steps", "save_steps", "total_flos")},
    **{name: {"null"} for name in OPTIONAL},
    "best_metric": {"null", "number"},
    **{name: {"true"} for name in FLAGS},
    "trial_name": {"text", "null"},
    "best_model_checkpoint": {"null"},
    "trial_params": {"object", "null"},
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", [*NUMBERS, *OPTIONAL, *FLAGS, *TEXTS, *OBJECTS, "log_history"])
def test_a_value_of_another_type_is_damage(checkpoint, name, kind) -> None:
    change(checkpoint, name, ODD[kind])
    if kind in FITS.get(name, ()):
        assert getattr(read_trainer_state(checkpoint), name) == ODD[kind]
        return
    with raises(StateError, "damaged-file", TRAINER_STATE_NAME, f"`{name}"):
        read_trainer_state(checkpoint)


def test_the_fields_here_are_all_that_there_are(checkpoint) -> None:
    names = {*NUMBERS, *OPTIONAL, *FLAGS, *TEXTS, *OBJECTS, "log_history"}
    assert names == json.loads((checkpoint / TRAINER_STATE_NAME).read_text()).keys()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("global_step", 4, "it is of step 4, and the position in the stream of step 6"),
        ("global_step", 0, "it is of step 0"),
        ("global_step", -6, "`global_step` in the state must be an integer from 0"),
        ("logging_steps", 0, "`logging_steps` must be above 0"),
        ("save_steps", -1, "`save_steps` must be above 0"),
        ("log_history", [{"loss": 1.0}], "`log_history` must have steps from 0 to 6"),
        ("log_history", [{"loss": 1.0, "step": 7}], "`log_history` must have steps"),
        ("log_history", [{"loss": 1.0, "step": "3"}], "`log_history` must have steps"),
        ("stateful_callbacks", {}, "`stateful_callbacks` has no TrainerControl"),
        ("stateful_callbacks", {"TrainerControl": 3}, "`stateful_callbacks.TrainerControl` in the state must be"),
        ("best_model_checkpoint", "/etc", "must be a checkpoint up to step 6, found '/etc'"),
        ("best_model_checkpoint", "checkpoint-2/..", "must be a checkpoint up to step 6"),
        ("best_model_checkpoint", "../../model", "must be a checkpoint up to step 6"),
        ("best_model_checkpoint", "checkpoint-8", "must be a checkpoint up to step 6"),
        ("more", 3, "expected the keys"),
    ],
)
def test_values_that_contradict_the_checkpoint_are_damage(checkpoint, name, value, said) -> None:
    change(checkpoint, name, value)
    with raises(StateError, "damaged-file", TRAINER_STATE_NAME, said):
        read_trainer_state(checkpoint)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", "[" * 100_000, '{"epoch": ' + "9" * 5000 + "}"])
def test_what_is_no_state_is_damage(checkpoint, text) -> None:
    (checkpoint / TRAINER_STATE_NAME).write_text(text)
    with raises(StateError, "damaged-file", TRAINER_STATE_NAME):
        read_trainer_state(checkpoint)


def test_a_renamed_checkpoint_is_not_taken_for_another_step(checkpoint) -> None:
    with raises(StateError, "damaged-file", "of step 6"):
        read_trainer_state(checkpoint.rename(checkpoint.with_name("checkpoint-8")))


@pytest.mark.parametrize("place", ["elsewhere", "link"])
def test_the_best_checkpoint_is_the_runs_own_wherever_its_path_leads(checkpoint, tmp_path, place) -> None:
    other = tmp_path / "elsewhere" / "checkpoint-2"
    other.mkdir(parents=True)
    (other / "model.safetensors").write_text("of others")
    change(checkpoint, "best_model_checkpoint", str(other))
    own = checkpoint.with_name("checkpoint-2")
    if place == "link":
        own.symlink_to(other)
    assert best_checkpoint(read_trainer_state(checkpoint), whole=True) is None
    own.unlink(missing_ok=True)
    own.mkdir()
    StreamPosition(2, 4, 40, 40, None).write(own)
    seal(own)
    assert best_checkpoint(read_trainer_state(checkpoint), whole=True) == own


def test_a_best_checkpoint_that_has_changed_is_refused_where_its_model_would_be_taken(checkpoint) -> None:
    own = checkpoint.with_name("checkpoint-2")
    own.mkdir()
    (own / "model.safetensors").write_text("weights")
    StreamPosition(2, 4, 40, 40, None).write(own)
    seal(own)
    (own / "model.safetensors").write_text("weighty")
    state = read_trainer_state(checkpoint)
    assert best_checkpoint(state, whole=False) == own
    with raises(StateError, "damaged-checkpoint", "model.safetensors` has changed"):
        best_checkpoint(state, whole=True)

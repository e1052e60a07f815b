"""The Trainer's own state in a checkpoint: checked before anything is made of it, and with no path out of the run."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from equipoise.base.files import read_text
from equipoise.base.states import check_state, refusing_damaged
from equipoise.errors import StateError
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.checkpoints.seal import damage_of

_ADVICE = "Resume from another checkpoint."
_COUNT = range(1 << 59)
_FIELDS: dict[str, Any] = {
    "epoch": float,
    "global_step": _COUNT,
    "max_steps": _COUNT,
    "logging_steps": float,
    "eval_steps": float,
    "save_steps": float,
    "train_batch_size": int | None,
    "num_train_epochs": range(1 << 63),  # the largest of them without a length of the dataset
    "num_input_tokens_seen": _COUNT,
    "total_flos": float,
    "log_history": list[Mapping[str, Any]],
    "best_metric": float | None,
    "best_global_step": int | None,
    "best_model_checkpoint": str | None,
    "is_local_process_zero": bool,
    "is_world_process_zero": bool,
    "is_hyper_param_search": bool,
    "trial_name": str | None,
    "trial_params": Mapping[str, Any] | None,
    "stateful_callbacks": Mapping[str, Mapping[str, Any] | list[Mapping[str, Any]]],
}


def read_trainer_state(checkpoint: Path) -> TrainerState:
    """Read the state of the Trainer; its best checkpoint is the folder of that name beside `checkpoint`.

    A run may have been moved or copied since: a path to another place is not followed.

    Raises
    ------
    StateError
        If a value has another type, or the steps are not those of the position in the stream.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     checkpoint = Path(name) / "checkpoint-3"
    ...     checkpoint.mkdir()
    ...     StreamPosition(3, 4, 40, 40, None).write(checkpoint)
    ...     state = TrainerState(global_step=3, best_model_checkpoint="/moved/checkpoint-2")
    ...     state.stateful_callbacks = {"TrainerControl": {}}
    ...     state.save_to_json(str(checkpoint / TRAINER_STATE_NAME))
    ...     read_trainer_state(checkpoint).best_model_checkpoint == str(Path(name) / "checkpoint-2")
    True
    """
    path = checkpoint / TRAINER_STATE_NAME

    def damaged(why: str) -> StateError:
        return StateError("damaged-file", f"`{path}` cannot be used: {why} {_ADVICE}")

    text = read_text(path, StateError)
    try:
        held = json.loads(text)  # the Trainer writes NaN
    except (ValueError, RecursionError) as error:
        raise damaged(f"{error}.") from None
    expected = {each.name for each in fields(TrainerState)}
    known = expected & _FIELDS.keys()  # a newer transformers may have more, which an older one has not written
    if not isinstance(held, dict) or not known <= held.keys() <= expected:
        found = sorted(held) if isinstance(held, dict) else type(held).__name__
        raise damaged(f"expected the keys {sorted(expected)}, found {found!r:.300}.")
    values = cast("dict[str, Any]", held)
    with refusing_damaged(path):
        check_state({name: values[name] for name in known}, TrainerState.__name__, {n: _FIELDS[n] for n in known})
    state = TrainerState(**values)
    step = StreamPosition.read(checkpoint).step
    named = re.fullmatch(r"checkpoint-(\d+)", checkpoint.name)
    if state.global_step != step or (named and int(named[1]) != step):
        raise damaged(f"it is of step {state.global_step}, and the position in the stream of step {step}.")
    if any(type(logged.get("step")) is not int or not 0 <= logged["step"] <= step for logged in state.log_history):
        raise damaged(f"`log_history` must have steps from 0 to {step}.")
    for name in ("logging_steps", "eval_steps", "save_steps"):
        if not getattr(state, name) > 0:
            raise damaged(f"`{name}` must be above 0, found {getattr(state, name)}.")
    if "TrainerControl" not in values["stateful_callbacks"]:
        raise damaged("`stateful_callbacks` has no TrainerControl.")
    if state.best_model_checkpoint is not None:
        best = re.fullmatch(r"checkpoint-(\d+)", Path(state.best_model_checkpoint).name)
        if not best or int(best[1]) > step:
            found = f"{state.best_model_checkpoint!r:.200}"
            raise damaged(f"`best_model_checkpoint` must be a checkpoint up to step {step}, found {found}.")
        state.best_model_checkpoint = str(checkpoint.with_name(best[0]))
    return state


def best_checkpoint(state: TrainerState, *, whole: bool) -> Path | None:
    """Return the best checkpoint if it is there; `whole` checks that it has not changed.

    Raises
    ------
    StateError
        If it has changed since it was written.
    """
    best = None if state.best_model_checkpoint is None else Path(state.best_model_checkpoint)
    if best is None or best.is_symlink() or not best.is_dir():
        return None
    damage = damage_of(best) if whole else None
    if damage is None:
        return best
    reason = f"`{best}`, the best checkpoint, is damaged: {damage}. Move it away to resume without it."
    raise StateError("damaged-checkpoint", reason)

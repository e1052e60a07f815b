"""Everything private of transformers that `equipoise.trainer` leans on is still there, and used as it was.

When one of these fails, see "What of transformers is leaned on" in ARCHITECTURE.md, and change the code that it names.
"""

import inspect

import accelerate
import pytest
import transformers
from accelerate import Accelerator
from transformers import Trainer, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils.import_utils import is_accelerate_available

from equipoise.trainer.checkpointing import LOADING
from equipoise.trainer.sharded import ACCELERATE

SOURCE = inspect.getsource(inspect.getmodule(Trainer))
CHANGED = f"transformers {transformers.__version__} has changed"
SIGNATURES = {
    "_get_train_sampler": ["self", "train_dataset"],
    "_save_checkpoint": ["self", "model", "trial"],
    "_get_output_dir": ["self", "trial"],
    "_load_from_checkpoint": ["self", "resume_from_checkpoint", "model"],
    "_save": ["self", "output_dir", "state_dict"],
    "_save_optimizer_and_scheduler": ["self", "output_dir"],
    "_load_optimizer_and_scheduler": ["self", "checkpoint"],
}
"""What is overridden or called: its parameters."""


@pytest.mark.parametrize("name", SIGNATURES)
def test_private_methods_have_the_signature_that_is_overridden_or_called(name) -> None:
    found = getattr(Trainer, name, None)
    assert found is not None, f"{CHANGED}: Trainer.{name} is gone"
    assert list(inspect.signature(found).parameters) == SIGNATURES[name], f"{CHANGED}: the parameters of Trainer.{name}"
    called = "sampler_fn=self._get_train_sampler" if name == "_get_train_sampler" else f"self.{name}("
    assert called in SOURCE, f"{CHANGED}: the Trainer does not use {name}"


@pytest.mark.parametrize("qualified", sorted(LOADING))
def test_errors_of_loading_are_told_by_the_function_that_raises_them(qualified) -> None:
    owner, _, name = qualified.partition(".")
    found = getattr({"Trainer": Trainer, "TrainerState": TrainerState}[owner], name, None)
    assert found is not None, f"{CHANGED}: {qualified} is gone, so its errors are no StateError any more"
    assert inspect.unwrap(found).__code__.co_qualname == qualified, f"{CHANGED}: {qualified} is another function"
    assert f"{'self' if owner == 'Trainer' else owner}.{name}(" in SOURCE, f"{CHANGED}: {qualified} is not called"


def test_every_file_of_a_checkpoint_is_loaded_by_one_of_them() -> None:
    loading = {name for name, _ in inspect.getmembers(Trainer, inspect.isfunction) if name.startswith("_load_")}
    known = {qualified.partition(".")[2] for qualified in LOADING}
    # From the files of a checkpoint, not from another file or from the state that is read by then.
    others = {"_load_best_model", "_load_callback_state"}
    assert loading - others <= known, f"{CHANGED}: it loads more, add {loading - others - known} to LOADING"


@pytest.mark.skipif(not is_accelerate_available(ACCELERATE), reason="sharding is refused with this accelerate")
def test_accelerate_does_not_wrap_what_it_has_prepared() -> None:
    prepare = inspect.getsource(Accelerator.prepare_model)
    marks = ('getattr(model, "_is_accelerate_prepared"', "DistributedDataParallel(")
    first, then = (prepare.find(each) for each in marks)
    assert -1 < first < then, f"accelerate {accelerate.__version__} has changed: a sharded model is wrapped for DDP"


def test_a_checkpoint_is_saved_then_announced() -> None:
    body = inspect.getsource(Trainer._maybe_log_save_evaluate)
    places = [body.find(each) for each in ("self.log(logs", "self._save_checkpoint(", "callback_handler.on_save(")]
    assert -1 < places[0] < places[1] < places[2], f"{CHANGED}: the order of log, _save_checkpoint and on_save"
    assert PREFIX_CHECKPOINT_DIR == "checkpoint", f"{CHANGED}: the name of the folder of a checkpoint"


def test_the_logged_loss_is_a_sum_that_begins_at_zero_over_steps_since_the_last_log() -> None:
    loop, log = (inspect.getsource(each) for each in (Trainer._inner_training_loop, Trainer._maybe_log_save_evaluate))
    older = not hasattr(Trainer, "_run_epoch")  # one long function, with a local variable
    epoch = loop if older else inspect.getsource(Trainer._run_epoch)
    for source, line in (
        (loop, "tr_loss = torch.tensor(0.0, device=args.device)"),
        (loop, "self._globalstep_last_logged = self.state.global_step"),
        (epoch, "tr_loss = tr_loss + tr_loss_step" if older else "self._tr_loss += tr_loss_step"),
        (log, 'logs["loss"] = tr_loss_scalar / (self.state.global_step - self._globalstep_last_logged)'),
        (log, 'logs["learning_rate"] ='),
    ):
        assert line in source, f"{CHANGED}: the mean training loss, see trainer/unlogged.py"

"""A start that fails names its option in one line and leaves nothing: the corrected command runs in the same folder."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hf_jobs
import pytest
from tests.support.errors import raises
from tests.unit.cli.rows import write_rows

from equipoise.config import make_config
from equipoise.errors import ConfigError, RunError
from equipoise.runs.train import train

NEEDED = {
    "wandb": ("report_to", {"report_to": "wandb"}),
    "bitsandbytes": ("optim", {"optim": "adamw_bnb_8bit"}),
    "galore_torch": ("optim", {"optim": "galore_adamw"}),
    "schedulefree": ("optim", {"optim": "schedule_free_adamw"}),
}
MISSING = [case for package, case in NEEDED.items() if find_spec(package) is None]
LATE = [
    *MISSING,
    ("report_to", {"report_to": "a_tracker_of_ours"}),
    (
        "dataloader_multiprocessing_context",
        {"dataloader_num_workers": 1, "dataloader_multiprocessing_context": "nonsense"},
    ),
    ("eval_on_start", {"eval_on_start": True}),
]
"""Those of a run; there is no validation split in it."""
OF_THE_TRAINER = [
    *LATE[:-1],
    ("metric_for_best_model", {"metric_for_best_model": "eval_macro_f1"}),
    ("lr_scheduler_type", {"lr_scheduler_type": "cosine_with_min_lr"}),
    ("lr_scheduler_type", {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"nonsense": 1}}),
]


@pytest.mark.parametrize(("option", "options"), OF_THE_TRAINER)
def test_an_option_that_is_refused_late_is_named_and_leaves_nothing(tmp_path, option, options) -> None:
    with pytest.raises(ConfigError) as caught:
        hf_jobs.build(tmp_path / "run", options={"max_steps": 1, **options}).train()
    assert f"trainer option `{option}` " in str(caught.value)
    assert "\n" not in str(caught.value)
    left = {path.name for path in (tmp_path / "run").glob("*")} if (tmp_path / "run").exists() else set()
    assert left <= {"rows-0.jsonl", ".lock", ".lock.json"}, "the rows are written by the test itself"


def configured(folder: Path, trainer: dict[str, Any], **training: Any) -> Any:
    rows = write_rows(folder / "rows.jsonl")
    small = {"batch_size": 4, **training}
    return make_config({"data": {"source": str(rows)}, "plan": {"draws": 8}, "training": small, "trainer": trainer})


@pytest.mark.slow
@pytest.mark.parametrize("existed", [True, False])
def test_the_corrected_command_runs_in_the_same_folder(tmp_path, existed) -> None:
    out = tmp_path / "run"
    if existed:
        out.mkdir()
    for option, options in LATE:
        with pytest.raises(ConfigError) as caught:
            train(configured(tmp_path, {"use_cpu": True} | options), out)
        assert f"trainer option `{option}` " in str(caught.value)
        assert out.exists() == existed
        assert not existed or not list(out.iterdir())
    train(configured(tmp_path, {"use_cpu": True}), out)
    assert (out / "model").is_dir()


@pytest.mark.slow
def test_a_training_that_fails_after_it_has_logged_is_kept(tmp_path, monkeypatch) -> None:
    done: list[int] = []

    def fails_later(self: Any, *args: Any, **kwargs: Any) -> Any:
        done.append(1)
        if len(done) > 1:
            raise ValueError("the second step")
        return step(self, *args, **kwargs)

    step = hf_jobs.EquipoiseTrainer.training_step
    monkeypatch.setattr("equipoise.trainer.EquipoiseTrainer.training_step", fails_later)
    out = tmp_path / "run"
    for every, kept in ((100, False), (1, True)):
        done.clear()
        with pytest.raises(ValueError, match="the second step"):
            train(configured(tmp_path, {"use_cpu": True}, log_every=every), out)
        assert out.exists() == kept
    with raises(RunError, "not-empty", "or resume that run with --resume"):
        train(configured(tmp_path, {"use_cpu": True}), out)

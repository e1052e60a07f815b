"""Trainings that are killed, run out of disk or find their checkpoints damaged end as if nothing had happened."""

import os
import re
import resource
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import faults
from tests.support.errors import raises, warns
from tests.support.faults import JOB, OPTIONS, Session, hf_jobs, same_run

from equipoise.errors import RunError, RunWarning, StateError
from equipoise.trainer.checkpoints.folders import last_checkpoint
from equipoise.trainer.checkpoints.lock import locked
from equipoise.trainer.checkpoints.position import FILE_NAME
from equipoise.trainer.checkpoints.seal import SEAL, UNFINISHED, damage_of, seal

pytestmark = pytest.mark.slow

SHORT, LONG = 16, 400  # steps; the long one outlasts all kills
KILLS, SEED = 30, 1
STEPS = {steps: JOB | {"options": OPTIONS | {"max_steps": steps}} for steps in (SHORT, LONG)}


@pytest.fixture
def folder() -> Iterator[Path]:
    with faults.quick_folder() as path:
        yield path


@pytest.fixture(scope="module")
def whole() -> Iterator[Callable[[int], Path]]:
    """Runs that were never interrupted, by their number of steps."""
    with faults.quick_folder() as path:

        def of(steps: int) -> Path:
            run = path / str(steps)
            if not run.exists():
                Session(run, **STEPS[steps]).finish()
            return run

        yield of


def test_thirty_kills_at_random_moments_change_nothing(whole, folder) -> None:
    run = folder / "killed"
    writing = faults.kill_at_random(run, SEED, KILLS, **STEPS[LONG])
    Session(run, **STEPS[LONG]).finish()
    same_run(run, whole(LONG), LONG)
    assert writing < KILLS  # some kills were in steps, and the test below kills in every operation of a checkpoint


def test_an_adapter_that_is_killed_ends_as_if_nothing_had_happened(folder) -> None:
    job = JOB | {"adapter": True, "options": OPTIONS | {"max_steps": 120, "label_names": ["labels"]}}
    Session(folder / "whole", **job).finish()
    faults.kill_at_random(folder / "killed", SEED, 8, **job)
    Session(folder / "killed", **job).finish()
    same_run(folder / "killed", folder / "whole", 120)
    last = last_checkpoint(folder / "killed")
    assert last is not None
    assert not (last / "model.safetensors").exists()
    assert faults.result(folder / "whole")["parameters"] != hf_jobs.flat(hf_jobs.build(folder, **job).model).tolist()


def test_a_kill_at_any_operation_on_files_leaves_a_whole_checkpoint(whole, folder) -> None:
    run = folder / "killed"
    seen = unfinished = 0
    for operation in range(1, 200):
        session = Session(run, die_at=operation, **STEPS[SHORT])
        if not any(session.end()):
            break
        unfinished += any(run.glob(f"checkpoint-*/{UNFINISHED}"))
        last = last_checkpoint(run)
        step = 0 if last is None else int(last.name.removeprefix("checkpoint-"))
        assert step >= seen, f"operation {operation} lost {seen}"
        assert last is None or damage_of(last) is None, f"operation {operation}"
        seen = step
    else:
        pytest.fail("it never ended")
    assert unfinished > 10, "no kills while a checkpoint was written"
    same_run(run, whole(SHORT), SHORT)


def test_a_second_ctrl_c_while_saving_corrupts_nothing(whole, folder) -> None:
    run = folder / "stopped"
    session = Session(run, **STEPS[SHORT])
    session.wait_for((run / "metrics.jsonl").exists)
    session.send(signal.SIGINT)
    session.wait_for(lambda: any(run.glob(f"checkpoint-*/{UNFINISHED}")))
    session.send(signal.SIGINT)
    session.end()
    Session(run, **STEPS[SHORT]).finish()
    same_run(run, whole(SHORT), SHORT)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


def last_line_off(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", flip),
        ("model.safetensors", cut_off),
        ("optimizer.pt", flip),
        ("rng_state.pth", Path.unlink),
        ("trainer_state.json", flip),
        (FILE_NAME, flip),
        (SEAL, flip),
        (SEAL, cut_off),
        (SEAL, last_line_off),
        (SEAL, Path.unlink),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(whole, folder, name, damage) -> None:
    run = folder / "run"
    shutil.copytree(whole(SHORT), run)
    (run / "rows-0.jsonl").unlink()
    newest = run / f"checkpoint-{SHORT}"
    damage(newest / name)
    with warns(RunWarning, "damaged-checkpoint") as caught:
        done = hf_jobs.run(str(run), resume=True, **STEPS[SHORT])
    message = f"checkpoint-{SHORT}` is damaged: .* from `checkpoint-{SHORT - 4}`"
    assert any(re.search(message, str(each.message)) for each in caught)
    assert done["parameters"] == faults.result(whole(SHORT))["parameters"]
    assert faults.metrics(run) == faults.metrics(whole(SHORT))
    assert sorted(hf_jobs.rows_by_step(run)) == list(range(SHORT - 4, SHORT))
    assert damage_of(newest) is None
    assert damage_of(run / f"damaged-checkpoint-{SHORT}") is not None


def test_a_damaged_checkpoint_that_was_named_is_refused_and_the_last_whole_one_named(whole, folder) -> None:
    run = folder / "run"
    shutil.copytree(whole(SHORT), run)
    flip(run / "checkpoint-16" / "model.safetensors")
    before = sorted(run.iterdir())
    with raises(StateError, "damaged-checkpoint") as caught:
        hf_jobs.run(str(folder / "out"), resume=str(run / "checkpoint-16"), **STEPS[SHORT])
    message = r"model\.safetensors` has changed .* last intact one next to it is `.*checkpoint-12"
    assert re.search(message, str(caught.value))
    assert sorted(run.iterdir()) == before


def test_when_all_checkpoints_are_damaged_nothing_is_started_or_touched(whole, folder) -> None:
    run = folder / "run"
    shutil.copytree(whole(SHORT), run)
    for each in run.glob("checkpoint-*"):
        flip(each / "model.safetensors")
    before = sorted(run.iterdir())
    with raises(StateError, "damaged-checkpoint") as caught:
        hf_jobs.run(str(run), resume=True, **STEPS[SHORT])
    assert re.search(r"all are damaged: .*checkpoint-16.*checkpoint-12", str(caught.value))
    assert sorted(run.iterdir()) == before


def test_checkpoints_of_others_are_neither_resumed_nor_removed(whole, folder) -> None:
    run = folder / "run"
    shutil.copytree(whole(SHORT) / "checkpoint-16", run / "checkpoint-16")
    for name in (SEAL, FILE_NAME):  # as the Trainer of transformers writes it
        (run / "checkpoint-16" / name).unlink()
    with raises(StateError, "foreign-checkpoint"):
        hf_jobs.run(str(run), resume=True, **STEPS[SHORT])
    shutil.copytree(whole(SHORT) / "checkpoint-12", run / "checkpoint-12")
    hf_jobs.run(str(run), resume=True, **JOB, options=OPTIONS | {"max_steps": 15})
    # It counts for nothing among the two that are kept.
    assert {each.name for each in run.glob("checkpoint-*")} == {"checkpoint-12", "checkpoint-15", "checkpoint-16"}


@pytest.mark.parametrize("kind", ["folder", "unsealed", "link"])
def test_a_save_that_meets_the_files_of_others_leaves_them_and_says_so(whole, folder, kind) -> None:
    run, place = folder / "run", folder / "run" / "checkpoint-16"
    shutil.copytree(whole(SHORT) / "checkpoint-12", run / "checkpoint-12")
    if kind == "folder":
        place.mkdir()
        (place / "thesis.tex").write_text("mine")
    else:
        at = Path(shutil.copytree(whole(SHORT) / "checkpoint-16", folder / "mine" if kind == "link" else place))
        if kind == "link":
            place.symlink_to(at)
        else:
            for name in (SEAL, FILE_NAME):
                (at / name).unlink()
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with raises(RunError, "foreign-checkpoint", "was not written by Equipoise", "Move it away") as caught:
        hf_jobs.run(str(run), resume=str(run / "checkpoint-12"), **STEPS[SHORT])
    assert "bytes are free" not in str(caught.value)
    assert before
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert place.is_symlink() == (kind == "link")


def test_a_run_that_is_trained_is_not_trained_by_another_process_too(whole, folder, monkeypatch) -> None:
    run = folder / "run"
    session = Session(run, **STEPS[LONG])
    session.wait_for(lambda: last_checkpoint(run) is not None)
    monkeypatch.setattr("equipoise.trainer.checkpointing.locked", lambda path: locked(path, seconds=0.5))
    for resume in (True, None):
        trainer = hf_jobs.build(folder / "elsewhere", **STEPS[LONG])
        trainer.args.output_dir = str(run)
        with raises(RunError, "in-use", f"in use by process {session.processes[0].pid} on"):
            trainer.train(resume)
    assert session.processes[0].is_alive(), session.log.read_text()
    session.send(signal.SIGKILL)
    session.end()
    Session(run, **STEPS[LONG]).finish()
    same_run(run, whole(LONG), LONG)


def test_a_checkpoint_of_a_newer_format_is_refused_with_both_versions(whole, folder) -> None:
    checkpoint = Path(shutil.copytree(whole(SHORT) / "checkpoint-12", folder / "checkpoint-12"))
    path = checkpoint / FILE_NAME
    path.write_text(
        path.read_text().replace('"format": 1', '"format": 2').replace('"equipoise": "', '"equipoise": "9.')
    )
    seal(checkpoint)
    with raises(StateError, "other-format"):
        hf_jobs.run(str(folder / "out"), resume=str(checkpoint), **STEPS[SHORT])


def test_what_was_cut_off_does_not_push_out_a_whole_checkpoint(whole, folder) -> None:
    run = folder / "run"
    shutil.copytree(whole(SHORT) / "checkpoint-12", run / "checkpoint-12")
    for step in (13, 14):  # a later mtime, a higher step, and marked as ours
        (run / f"checkpoint-{step}").mkdir()
        (run / f"checkpoint-{step}" / UNFINISHED).touch()
    session = Session(run, die_at=16, **STEPS[SHORT])  # after the lock, in the save of step 16
    assert any(session.end())
    assert (run / "checkpoint-16").exists()
    assert last_checkpoint(run) == run / "checkpoint-12"
    Session(run, **STEPS[SHORT]).finish()
    assert {each.name for each in run.glob("checkpoint-*")} == {"checkpoint-12", "checkpoint-16"}


def no_large_files() -> None:
    """Let no file grow beyond 20 KB: the weights do not fit, and the system says so as it does of a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def to_step_4(run: Path) -> None:
    session = Session(run, **STEPS[SHORT])
    session.wait_for(lambda: last_checkpoint(run) is not None)
    session.send(signal.SIGKILL)
    session.end()


def test_a_failed_save_names_the_file_and_the_last_checkpoint_and_loses_nothing(whole, folder) -> None:
    run = folder / "run"
    to_step_4(run)
    last = last_checkpoint(run)
    assert last is not None
    session = Session(run, before=no_large_files, **STEPS[SHORT])
    assert session.end() == [1]
    log = session.log.read_text()
    assert "RunError: Cannot save `" in log
    assert "File too large" in log
    assert f"The last checkpoint is `{last}`" in log
    assert last_checkpoint(run) == last
    assert damage_of(last) is None
    # The kill may have come between the seal of the last checkpoint and the removal of its mark.
    assert {each.parent for each in run.glob(f"*/{UNFINISHED}")} <= {last}, "what was not completed takes room"
    Session(run, **STEPS[SHORT]).finish()
    same_run(run, whole(SHORT), SHORT)


def test_a_full_disk_loses_nothing(whole) -> None:
    with faults.folder_in_memory("1m") as disk:
        run = disk / "run"
        to_step_4(run)
        last = last_checkpoint(run)
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    break
        session = Session(run, **STEPS[SHORT])
        codes = session.end()
        log = session.log.read_text() or "the log did not fit either"
        assert codes == [1], log
        assert last_checkpoint(run) == last
        filler.unlink()
        Session(run, **STEPS[SHORT]).finish()
        same_run(run, whole(SHORT), SHORT)


def test_a_read_only_folder_is_refused_before_training_begins(whole) -> None:
    with faults.folder_in_memory() as disk:
        shutil.copytree(whole(SHORT) / "checkpoint-12", disk / "run" / "checkpoint-12")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        trainer = hf_jobs.build(whole(SHORT).parent / "elsewhere", **STEPS[SHORT])
        for folder, resume in ((disk / "run", True), (disk / "new", None)):
            trainer.args.output_dir = str(folder)
            with raises(RunError, "cannot-write") as caught:
                trainer.train(resume)
            assert "Read-only file system" in str(caught.value)
        assert trainer.state.global_step == 0


def test_one_checkpoint_is_enough_as_the_old_one_goes_last(whole, folder) -> None:
    options = OPTIONS | {"max_steps": SHORT, "save_total_limit": 1}
    run = folder / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = hf_jobs.run(str(run), options=options, **JOB)
    assert [each.name for each in run.glob("checkpoint-*")] == ["checkpoint-16"]
    assert done["parameters"] == faults.result(whole(SHORT))["parameters"]

"""The page of a calibration: escaped, self-contained, and true to its numbers."""

import errno
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.processes import Started

from equipoise import Census, Plan
from equipoise.calibration import Calibration, Provenance, ReliabilityTable, TaskCalibration
from equipoise.errors import RunError
from equipoise.runs.calibration.calibrate import publish
from equipoise.runs.calibration.page import build_page
from equipoise.runs.calibration.report import Calibrated, TaskReport
from equipoise.runs.directory import RunDirectory
from equipoise.trainer.checkpoints.seal import seal

BAD = "<script>alert('$x$')</script>"


def found(path: Path, after: float | None, thresholds: tuple[float, ...] = ()) -> Calibrated:
    table = ReliabilityTable(3, (4, 0, 6), (4.0, 0.0, 6.0), (0.3, None, 0.9), (0.25, None, 0.5))
    before = {"log_loss": 0.5, "brier": 0.4, "ece": 0.3, "macro_f1": None, "balanced_accuracy": 0.25}
    task = TaskReport(
        10, 5, 1.25, 0.4, dict(zip(("no", BAD), thresholds, strict=True)) if thresholds else None,
        "macro_f1", None, before, None if after is None else {**before, "log_loss": after},
        {"before": table} if after is None else {"before": table, "after": table},
        {"no": {"actual": 0.8125, "before": 0.5}, BAD: {"actual": 0.1875, "before": 0.5}}, ("only 10 <rows>",),
    )  # fmt: skip
    correction = TaskCalibration(("no", BAD), np.array([0.5, 0.5]), np.array([0.9, 0.1]), 1.25, 0.4)
    calibration = Calibration(Provenance("plan", "model"), "natural", 10, {BAD: correction})
    return Calibrated(RunDirectory(path), calibration, {BAD: task})


@pytest.mark.parametrize(
    ("after", "verdict", "difference"),
    [
        (0.25, "Better.", "\N{MINUS SIGN}0.250"),
        (0.75, "No better.", "+0.250"),
        (0.5, "No difference was measured.", "+0.000"),
        (None, "No difference was measured.", "n/a"),
    ],
)
def test_the_verdict_follows_the_log_loss(tmp_path: Path, after: float | None, verdict: str, difference: str) -> None:
    html = build_page(found(tmp_path, after), "equipoise calibrate x", []).to_html()
    assert f"<strong>{verdict}" in html
    assert f"<b>{difference}</b>" in html
    assert "<script" not in html
    assert "only 10 &lt;rows&gt;" in html
    assert "<td>0.812</td>" in html
    assert "http" not in html.replace("http://www.w3.org", "")


def test_thresholds_stand_beside_their_labels(tmp_path: Path) -> None:
    html = build_page(found(tmp_path, 0.25, thresholds=(0.625, 0.375)), "equipoise calibrate x", []).to_html()
    assert "<td>thresholds 0.38 to 0.62</td>" in html
    assert "<td>0.625</td>" in html
    assert ">threshold<" in html
    assert ">threshold<" not in build_page(found(tmp_path, 0.25), "equipoise calibrate x", []).to_html()


@pytest.mark.parametrize("failing", [".json", ".html"])
def test_all_files_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    given = found(tmp_path, 0.4)
    directory = given.directory
    publish(given, "equipoise calibrate x")
    files = (directory.calibration, directory.calibration_report, directory.calibration_page)
    assert all(given.calibration.fingerprint in file.read_text() for file in files)
    assert given.mean["before"]["macro_f1"] is None
    before = [file.read_bytes() for file in files]

    def full(path: Path) -> None:
        if path.suffix == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("equipoise.runs.calibration.calibrate.to_disk", full)
    with raises(RunError, "cannot-write"):
        publish(found(tmp_path, 0.2), "equipoise calibrate y")
    assert [file.read_bytes() for file in files] == before
    assert {path.name for path in tmp_path.rglob("*")} == {"calibration", *(file.name for file in files)}


PLAN = Plan.build(Census.from_counts({"a": 3}))


def of_run(path: Path, temperature: float) -> Calibrated:
    """A calibration of the run there, with its report."""
    given = found(path, 0.4)
    (task, correction), belongs = *given.calibration.tasks.items(), given.directory.provenance(PLAN)
    corrections = {task: replace(correction, temperature=temperature)}
    return replace(given, calibration=replace(given.calibration, belongs=belongs, tasks=corrections))


def publish_and_die(path: Path, temperature: float, renames: int) -> None:
    """Publish a calibration, in a process that is killed when it has renamed so many files."""
    rename, left = Path.replace, iter(range(renames))

    def counted(temporary: Path, target: Path) -> Path:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(temporary, target)

    Path.replace = counted  # type: ignore[method-assign]
    publish(of_run(path, temperature), "equipoise calibrate x")


@pytest.mark.slow
@pytest.mark.parametrize("renames", range(4))
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_kill_between_two_files_leaves_all_old_or_all_new_or_is_told(
    tmp_path: Path, again: bool, renames: int
) -> None:
    run = RunDirectory(tmp_path)
    run.model.mkdir()
    (run.model / "model.safetensors").write_bytes(b"weights")
    seal(run.model)
    old, new = of_run(tmp_path, 1.25), of_run(tmp_path, 2.5)
    if again:
        publish(old, "equipoise calibrate x")
    code = Started(publish_and_die, tmp_path, 2.5, renames).wait()
    assert code == (0 if renames == 3 else -signal.SIGKILL)
    files = (run.calibration, run.calibration_report, run.calibration_page)
    if renames in (0, 3):  # none or all of them
        whole = new if renames else old if again else None
        read = run.read_calibration(PLAN)
        assert (read and read.fingerprint) == (whole and whole.calibration.fingerprint)
        assert whole is None or all(whole.calibration.fingerprint in file.read_text() for file in files)
    else:
        with raises(RunError, "half-calibrated", f"Repeat it: `equipoise calibrate {tmp_path} --overwrite`.") as told:
            run.read_calibration(PLAN)
        assert "\n" not in str(told.value)
    publish(new, "equipoise calibrate x")
    read = run.read_calibration(PLAN)
    assert read is not None
    assert read.fingerprint == new.calibration.fingerprint
    assert {path.name for path in tmp_path.rglob("*") if path.is_file() and path.parent != run.model} == {
        file.name for file in files
    }

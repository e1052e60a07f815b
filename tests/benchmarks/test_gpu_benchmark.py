"""`make gpu`, in tiny sizes on the CPU."""

import os
import subprocess
import sys
import types

import pytest
from benchmarks.gpu import machine, run
from benchmarks.gpu.device_tests import device_ready


@pytest.fixture
def sections(monkeypatch):
    """Replace the sections by one that fails and one that does not."""

    def broken(setting):
        raise RuntimeError("as it is\nmore of it")

    made = {"broken": broken, "whole": lambda setting: f"## Whole\n\non {setting.device}"}
    for name, section in made.items():
        module = types.ModuleType(name)
        module.section = section
        monkeypatch.setitem(sys.modules, f"benchmarks.gpu.{name}", module)
    monkeypatch.setattr(run, "SECTIONS", {"broken": 1.0, "whole": 1.0})


@pytest.mark.slow
def test_all_that_is_measured_runs_on_the_cpu(tmp_path):
    out = tmp_path / "results.md"
    wanted = ["speed", "overhead", "scoring", "pretrained"]
    assert run.main(["--device", "cpu", "--quick", "--out", str(out), "--only", *wanted]) == 0
    text = out.read_text()
    titles = ("Training tokens a second", "The cost of a step", "Scoring labels", "Pretrained models")
    assert [f"## {title}" in text for title in titles] == [True] * 4
    assert "ailed" not in text
    assert "not run" not in text
    for arm in ("group_by_length", "EquipoiseTrainer, LengthSorted", "TokenBatches", "| difference, round by round"):
        assert arm in text
    assert text.count("| tiny |") == 2, "natural and planned"
    assert f"torch {machine._version('torch')}" in text


def test_a_section_that_fails_does_not_lose_the_others(tmp_path, sections, capsys):
    out = tmp_path / "results.md"
    assert run.main(["--device", "cpu", "--quick", "--out", str(out)]) == 1
    text = out.read_text()
    assert "Failed: `RuntimeError: as it is`" in text
    assert "## Whole\n\non cpu" in text
    assert text.startswith("# Measured on a GPU\n\n`python -m benchmarks.gpu.run --device cpu --quick`")
    assert "as it is" in capsys.readouterr().err


def test_what_would_take_too_long_is_left_out(tmp_path, sections, monkeypatch):
    monkeypatch.setattr(run, "SECTIONS", {"broken": run.LIMIT + 1, "whole": 1.0})
    out = tmp_path / "results.md"
    assert run.main(["--device", "cpu", "--quick", "--out", str(out)]) == 1
    assert "Not run: 480 s of 480 s were left." in out.read_text()
    assert "## Whole" in out.read_text()


def test_missing_packages_are_named_before_anything_is_imported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "NEEDED", ("numpy", "nothing_like_it"))
    assert run.main(["--device", "cpu", "--out", str(tmp_path / "results.md")]) == 2
    assert "not installed: nothing_like_it." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_an_installation_has_beside_the_code_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "first")
    monkeypatch.delenv("EQUIPOISE_CACHE")
    machine.complete(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    monkeypatch.setattr(machine, "_version", lambda name: "")
    machine.complete(tmp_path / "made")
    assert os.environ["PYTHONPATH"] == os.pathsep.join(["first", str(tmp_path / "made")])
    assert os.environ["EQUIPOISE_CACHE"] == str(tmp_path / "made" / "cache")
    code = (
        "import importlib.metadata, platformdirs; print(importlib.metadata.version('equipoise'), platformdirs.__file__)"
    )
    alone = [sys.executable, "-S", "-c", code]
    done = subprocess.run(alone, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path / "made")})
    assert done.stdout.split() == ["0.1.0", str(tmp_path / "made" / "platformdirs.py")]


def test_tests_that_take_the_device_are_marked(device, request):
    assert request.node.get_closest_marker("device")


def test_files_with_tests_on_the_device_are_found():
    found = device_ready()
    assert {"tests/unit/losses/test_token.py", "tests/unit/losses/tasks/test_gradients.py"} < set(found)
    assert {"tests/benchmarks/test_benchmarks.py", "tests/unit/samplers/test_plan_sampler.py"}.isdisjoint(found)

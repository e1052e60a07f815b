"""How the command says that it is called, and which model it trains."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from equipoise import cli
from equipoise.cli._app import how_to_call, program, say_model
from equipoise.config import AdapterConfig, ModelConfig


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command in a virtual environment below the working directory."""
    folder = tmp_path / "a venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "activate").touch()
    path = folder / "equipoise"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return path


def test_a_command_that_the_shell_does_not_find_is_called_by_its_path(script: Path) -> None:
    assert program(str(script)) == "'a venv/bin/equipoise'"
    assert how_to_call(str(script)) == (
        "Call the command as 'a venv/bin/equipoise', or first run: source 'a venv/bin/activate'"
    )


def test_a_command_that_the_shell_finds_is_called_by_its_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert program(str(script)) == "equipoise"
    assert not how_to_call(str(script))


@pytest.mark.parametrize(("called", "name"), [("/x/__main__.py", "python -m equipoise"), ("/x/pytest", "equipoise")])
def test_other_ways_to_call_it(called: str, name: str) -> None:
    assert program(called) == name
    assert not how_to_call(called)


def test_the_model_is_named_and_tiny_is_a_toy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say_model(ModelConfig(name="tiny"))
    assert capsys.readouterr().err == (
        "Model: tiny: a toy, a small T5 with random weights. Name a pretrained model with --model\n"
    )
    say_model(ModelConfig(name="google/flan-t5-small"))
    assert capsys.readouterr().err == "Model: google/flan-t5-small\n"
    say_model(ModelConfig(name="big", adapter=AdapterConfig(r=4)))
    assert capsys.readouterr().err == "Model: big, of which an adapter is trained (LoRA, r=4)\n"
    say_model(ModelConfig(name="big", freeze=("embeddings", "encoder")))
    assert capsys.readouterr().err == "Model: big, without training embeddings, encoder\n"
    monkeypatch.setenv("RANK", "1")
    say_model(ModelConfig(name="tiny"))
    assert not any(capsys.readouterr())


def test_letters_that_the_encoding_of_a_bare_environment_has_not_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding="ascii"))
    monkeypatch.setattr(cli, "app", lambda: print("caf\xe9"))
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")  # as main leaves it; the test restores it
    cli.main()
    sys.stdout.flush()
    assert printed.getvalue() == rb"caf\xe9" + b"\n"


def test_arrow_returns_memory_to_the_system_in_the_command() -> None:
    code = (
        "import equipoise.cli as cli; cli.app = lambda: None; cli.main();"
        "import pyarrow as pa; print(pa.default_memory_pool().backend_name)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "system\n"


def test_too_little_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(TyperGroup, "invoke", fail)
    result = CliRunner().invoke(cli.app, ["inspect", "rows.jsonl"])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert "Error (out-of-memory): malloc of size 64 failed." in result.stderr

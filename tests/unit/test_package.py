"""What plans never needs torch, and the public names are all there."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import equipoise


def test_planning_and_drawing_never_import_torch():
    code = (
        "import sys, equipoise as e;"
        "c = e.Census.from_counts({'a': {'x': 3, 'y': 1}});"
        "p = e.Plan.build(c, weights=e.weights.Power(0.5)); p.forecast(100);"
        "e.draws(p, e.StratumIndex.from_sizes([3, 1]), seed=0, first=0, last=10);"
        "print(sorted({'torch', 'transformers', 'datasets', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_of_the_command_imports_only_what_it_shows():
    code = (
        "import sys; from typer.testing import CliRunner; from equipoise.cli import app;"
        "assert 'Commands:' in CliRunner().invoke(app, ['--help']).output; print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    heavy = {
        "numpy",
        "pyarrow",
        "yaml",
        "filelock",
        "platformdirs",
        "tqdm",
        "torch",
        "transformers",
        "datasets",
        "scipy",
    }
    assert sorted(heavy & set(modules)) == []
    ours = {name.split(".")[1] for name in modules if name.startswith("equipoise.")}
    assert ours == {"base", "cli", "compare", "errors"}
    assert [name for name in modules if name.startswith("equipoise.compare.")] == ["equipoise.compare.demo_size"]


def test_the_package_imports_what_is_asked_for():
    code = "import sys, equipoise; print(sorted({'numpy', 'pyarrow', 'equipoise.plan'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["equipoise.drawing", "equipoise.samplers"])
def test_the_core_loads_no_reader_no_model_and_no_configuration(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert module in done.stdout.split()
    heavy = ("equipoise.data", "equipoise.models", "equipoise.config", "equipoise.runs", "transformers")
    assert [name for name in done.stdout.split() if name.startswith(heavy)] == []


def test_nothing_that_users_read_names_the_private_base():
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *(root / "docs").glob("*.md"), *(root / "examples").glob("*.py")]
    assert [page.name for page in pages if "equipoise.base" in page.read_text(encoding="utf-8")] == []


def test_streams_of_one_process_need_no_torch():
    code = (
        "import sys; from equipoise.iterable import ShuffleBuffer;"
        "assert sorted(ShuffleBuffer(range(9), 3)) == list(range(9));"
        "print(sorted({'torch', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_sorted_and_all_there():
    assert equipoise.__all__ == sorted(equipoise.__all__)
    for name in equipoise.__all__:
        assert getattr(equipoise, name) is not None
    assert set(dir(equipoise)) == set(equipoise.__all__)


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = equipoise.nonsense


def test_every_error_and_warning_has_a_code():
    kinds = {name for name in vars(equipoise.errors) if name.endswith(("Error", "Warning"))}
    wrong = []
    for path in sorted(Path(equipoise.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                code = node.args[0] if node.args else None
                literal = isinstance(code, ast.Constant)
                if len(node.args) != 2 or (literal and not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.value)):
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_the_version_is_that_of_the_installed_package():
    assert equipoise.__version__ == importlib.metadata.version("equipoise")

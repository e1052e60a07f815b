"""A layer imports only itself and the layers before it, and what plans never needs torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import equipoise

SOURCE = Path(equipoise.__file__).parent
LAYERS = [
    {"errors", "escaping", "files", "hashing", "json_text"},
    {"strata"},
    {"data"},
    {"counting", "counting_files", "counting_sql"},
    {"census"},
    {"schemes", "masses", "water_filling"},
    {"weights", "rates"},
    {"forecast", "forecast_text", "plan", "plan_difference", "plan_json", "resolving", "token_rates"},
    {"permutation", "apportion", "runs", "placing", "compiled", "grouping", "index", "shard"},
    {"multilabel"},
    {"stream", "task_stream", "philox", "independent", "drawing", "batches"},
    {"row_weights", "row_masses", "wide", "alias", "weight_classes", "systematic"},
    {"testing"},
    {"config"},
    {"reading", "epochs", "sampler_state", "samplers", "weighted", "weighted_state"},
    {"streams"},
    {"batching"},
    {"token_batches"},
    {"collate"},
    {"losses"},
    {"scoring"},
    {"objectives"},
    {"metrics"},
    {"calibration"},
    {"statistics"},
    {"integrations"},
    {"experiment"},
    {"report"},
    {"cli"},
    {"__main__"},
]
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}
TRAINING_LIBRARIES = {"accelerate", "lightning", "pytorch_lightning"}


def part_of(path):
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imported(path):
    """Dotted names of everything that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "equipoise":
                yield from (f"equipoise.{name.name}" for name in node.names)
            else:
                yield node.module


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_file_imports_only_its_own_layer_and_those_before(path):
    own = LAYER_OF[part_of(path)]
    for name in imported(path):
        if name.startswith("equipoise."):
            part = name.split(".")[1]
            assert LAYER_OF[part] <= own, f"{part_of(path)} imports {name}, which comes after it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_training_libraries_stay_in_integrations(path):
    if part_of(path) == "integrations":
        return
    for name in imported(path):
        assert name.split(".")[0] not in TRAINING_LIBRARIES
        assert "Trainer" not in name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_layers_up_to_config_need_no_torch(path):
    if LAYER_OF[part_of(path)] > LAYER_OF["config"]:
        return
    heavy = {"torch", "transformers", "sklearn", "scipy", "matplotlib", "pandas"}
    assert not heavy & {name.split(".")[0] for name in imported(path)}


def test_every_part_has_a_layer():
    assert {part_of(path) for path in FILES} <= set(LAYER_OF)


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


def test_streams_of_one_process_need_no_torch():
    code = (
        "import sys; from equipoise.streams import ShuffleBuffer;"
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

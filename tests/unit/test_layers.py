"""What plans never needs torch, and the public names are all there."""

import subprocess
import sys

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

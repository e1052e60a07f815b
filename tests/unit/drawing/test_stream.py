import subprocess
import sys

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import imbalanced

from equipoise import Census, Plan, draw_strata, rates, weights
from equipoise.drawing.inner import Inner
from equipoise.drawing.stream import Stream
from equipoise.errors import PlanError

NEVER = None


def plans():
    many = {f"t{i}": {f"l{j}": 1 + (7 * i + 13 * j) ** 2 % 5000 for j in range(40)} for i in range(30)}
    return {
        "imbalanced": imbalanced()[0],
        "one stratum": Plan.build(Census.from_counts({"a": 5}), rates="proportional", weights="natural"),
        "1,200 strata": Plan.build(Census.from_counts(many), rates=rates.Equal(), weights=weights.Power(0.5)),
        "just over a power of two": Plan.build(
            Census.from_counts({"a": 65_537, "b": 4_097}), rates="proportional", weights="natural"
        ),
    }


@pytest.mark.parametrize("name", plans())
@pytest.mark.parametrize("block", [None, 1, 7, 96, 2048])
@pytest.mark.parametrize(
    ("first", "last", "stride"), [(0, 9000, 1), (12_345, 30_001, 1), (1, 40_000, 8), (2**40, 2**40 + 5000, 1)]
)
def test_compiled_draws_are_the_same_bit_for_bit(name, block, first, last, stride):
    pytest.importorskip("numba")
    plan = plans()[name]
    if block == 1:
        last = first + (last - first) // 10
    positions = np.arange(first, last, stride)
    slow = Stream(plan, 5, block=block, inner=Inner(NEVER)).at(positions)
    fast = Stream(plan, 5, block=block, inner=Inner(0)).at(positions)
    assert np.array_equal(slow[0], fast[0])
    assert np.array_equal(slow[1], fast[1])
    assert np.array_equal(slow[0], Stream(plan, 5, block=block, inner=Inner(0)).strata_at(positions))


def test_numba_takes_over_in_the_middle_without_a_trace():
    pytest.importorskip("numba")
    plan, _ = imbalanced()
    changing, numpy_only = Stream(plan, 0, inner=Inner(5000)), Stream(plan, 0, inner=Inner(NEVER))
    for first in range(0, 20_000, 1000):
        positions = np.arange(first, first + 1000)
        for one, other in zip(changing.at(positions), numpy_only.at(positions), strict=True):
            assert np.array_equal(one, other)
    assert changing._inner.for_draws(0).__name__ == "equipoise.drawing.compiled"
    assert numpy_only._inner.for_draws(0).__name__ == "equipoise.drawing.placing"


def test_without_numba_drawing_goes_on_in_numpy():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'numba' else find(name, *a)\n"
        "import numpy as np; from tests.support.plans import imbalanced\n"
        "from equipoise.drawing.stream import Stream; from equipoise.drawing.inner import Inner\n"
        "i = Inner(0); s = Stream(imbalanced()[0], 7, inner=i)\n"
        "print(s.at(np.arange(5))[1].tolist(), i.for_draws(0).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = Stream(imbalanced()[0], 7).at(np.arange(5))[1].tolist()
    assert done.stdout.strip() == f"{expected} equipoise.drawing.placing"


def test_small_amounts_never_start_numba():
    code = (
        "import sys, numpy as np; from tests.support.plans import imbalanced; from equipoise import draws\n"
        "draws(*imbalanced(), 0, 0, 100_000); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", plans())
@pytest.mark.parametrize("positions", [np.arange(70_000), np.arange(3, 9000, 4), np.array([5, 2**50])])
def test_strata_alone_are_those_of_the_draws(name, positions):
    plan = plans()[name]
    assert np.array_equal(Stream(plan, 2).strata_at(positions), Stream(plan, 2).at(positions)[0])


def test_numbers_count_the_draws_of_a_stratum():
    plan, _ = imbalanced()
    used = np.array([3, 0, 10, 0, 0, 7])
    strata, numbers = Stream(plan, 2, used=used).numbered_at(np.arange(10_000))
    for stratum in range(6):
        of = numbers[strata == stratum]
        assert np.array_equal(of, used[stratum] + np.arange(len(of)))
    scattered = np.array([5, 77, 9_999])
    assert [part.tolist() for part in Stream(plan, 2, used=used).numbered_at(scattered)] == [
        strata[scattered].tolist(),
        numbers[scattered].tolist(),
    ]


def test_draw_strata_gives_the_stream_of_draws():
    plan, _ = imbalanced()
    assert np.array_equal(draw_strata(plan, 3, 100, 5000), Stream(plan, 3).at(np.arange(100, 5000))[0])
    with raises(PlanError, "outside-the-stream"):
        draw_strata(plan, 3, 5, 4)


def test_a_salt_changes_the_order_of_strata_and_not_that_of_examples():
    plan, _ = imbalanced()
    one, other = Stream(plan, 3).at(np.arange(20_480)), Stream(plan, 3, salt=("x",)).at(np.arange(20_480))
    assert not np.array_equal(one[0], other[0])
    for stratum in range(6):
        assert np.array_equal(one[1][one[0] == stratum], other[1][other[0] == stratum])

"""Long runs: memory stays where it is, and so do states, however often they are saved and loaded."""

import os

import pytest
from benchmarks.comparisons.arms import Arm, alone
from benchmarks.comparisons.cycles import cycles
from tests.support.faults import quick_folder
from tests.support.plans import imbalanced

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peaks are measured by /proc")
@pytest.mark.parametrize("kind", ["Mixed", "LengthSorted"])
def test_memory_and_state_do_not_grow(kind):
    found = alone(Arm("soak", "loop", {"kind": kind, "batches": 20_000, "rows": 100_000}))
    peaks, states = found["peaks"], found["states"]
    assert found["draws"] > 20_000_000
    assert max(peaks[1:]) < peaks[0] + 4  # MiB; one int kept of 250 draws is as much
    assert max(states) - min(states) <= 1  # a digit of the position


def test_two_thousand_states_saved_and_loaded():
    plan, index = imbalanced()
    sizes = set()
    with quick_folder() as folder:
        for found, expected, size in cycles(2_000, plan, index, 960, folder):
            assert found == expected.tolist()
            assert found
            sizes.add(size)
    assert max(sizes) - min(sizes) <= len(str(1 << 40))

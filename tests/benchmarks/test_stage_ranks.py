"""The table of stages: planted ranks are found, and the full trainings are the measure of both arms."""

import numpy as np
import pytest
from benchmarks.comparisons.stage_runs import Job
from benchmarks.comparisons.stage_table import by_seed, kendall, lost, resampled, section, spearman

from equipoise.compare.schedule import StagePlan

NAMES = ["natural", "sqrt", "log", "equal", "focal"]
FULL = np.array([[0.1, 0.5, 0.4, 0.3, 0.2]] * 2)
SAME, TURNED = FULL / 2, -FULL
STAGES = (StagePlan(1000, (0, 1), 2, 900), StagePlan(9000, (0, 1), 2, None))


def scores():
    found = {}
    for seed in range(2):
        for place, name in enumerate(NAMES):
            for stage, proxy, values in ((0, False, TURNED), (0, True, SAME), (1, False, FULL)):
                score = float(values[seed, place])
                found[Job("icd10cm", name, seed, stage, proxy)] = {"none": score, "tau": score + 0.01 * place**3}
    return found


def test_correlations_and_what_is_lost_are_those_of_the_ranks():
    assert by_seed(spearman, SAME, FULL) == pytest.approx([1, 1])
    assert by_seed(kendall, TURNED, FULL) == pytest.approx([-1, -1])
    assert np.isnan(spearman(np.zeros(5), FULL[0]))
    assert lost(SAME, FULL, 1) == 0.0
    assert lost(TURNED, FULL, 2) == pytest.approx(0.3)  # it keeps the two worst
    gain = resampled([TURNED, SAME], FULL)
    assert (gain.value, gain.high) == pytest.approx((2, 2))


def test_the_table_has_both_arms_as_trained_and_with_corrections():
    rows = [
        line.split(" | ") for line in section("icd10cm", scores(), NAMES, STAGES, 2).splitlines() if "1,000 |" in line
    ]
    assert [(row[1], row[2][:6].strip(), row[-1][:5]) for row in rows] == [
        ("as trained", "all", "0.300"),
        ("as trained", "a part", "0.000"),
        ("with corrections", "all", "0.000"),
        ("with corrections", "a part", "0.000"),
    ]
    assert rows[1][3].startswith("1.00")

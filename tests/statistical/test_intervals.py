"""Intervals cover the truth as often as they say; `benchmarks/interval_coverage.py` measures more of it."""

import numpy as np
import pytest
from benchmarks.comparisons.coverage import Labels, of_differences, of_means, of_recall

pytestmark = pytest.mark.statistical


def test_intervals_of_recall_cover_it_whatever_the_rows_and_groups():
    for size, correlation in ((1, 0.0), (3, 0.5)):
        cells = [
            of_recall(rows, recall, size, correlation, 300, seed=rows)["wilson"].covered
            for rows in (3, 6, 10, 30, 100)
            for recall in (0.1, 0.5, 0.9)
        ]
        assert 0.93 < np.mean(cells) < 0.985
        assert min(cells) > 0.88


@pytest.mark.parametrize(
    ("rows", "recall"),
    [((300, 3), (0.95, 0.5)), ((3,) * 20, (0.9,) * 20), ((100, 30, 10, 6, 3), (0.95, 0.9, 0.8, 0.6, 0.4))],
)
def test_intervals_of_means_cover_them(rows: tuple[int, ...], recall: tuple[float, ...]):
    for name, metric in of_means(Labels(rows, recall), 100, seed=1).items():
        if name[1] == "now":
            # Three standard errors below 92 %.
            assert metric.covered > 0.84, name


def test_two_candidates_that_are_alike_seldom_differ():
    task = Labels((100, 10, 3, 3), (0.9, 0.8, 0.5, 0.5))
    found = of_differences(task, task, 60, seed=1)
    assert found["balanced_accuracy", "now"].covered > 0.88
    assert found["macro_f1", "now"].covered > 0.88

import numpy as np
import pytest
from benchmarks.comparisons.arms import take_turns
from benchmarks.comparisons.shares import block_end_error, power_law, share_error, worst_prefix_error
from benchmarks.comparisons.summary import Spread, ratios, table

from benchmarks import results


@pytest.mark.parametrize("sources", [1, 2, 7, 50])
def test_worst_prefix_error_is_the_greatest_over_all_prefixes(sources):
    shares = power_law(sources)
    choices = np.random.default_rng(sources).choice(sources, 300, p=shares[::-1])
    counts = np.cumsum(choices[:, None] == np.arange(sources), axis=0)
    walked = np.abs(counts - np.arange(1, 301)[:, None] * shares).max()
    assert worst_prefix_error(choices, shares) == pytest.approx(walked)


def test_worst_prefix_error_of_alternation():
    assert worst_prefix_error(np.array([0, 1] * 8), np.array([0.5, 0.5])) == 0.5


def test_share_error_counts_a_source_that_was_never_drawn():
    assert share_error(np.array([0, 0, 0, 0]), np.array([0.75, 0.25])) == 0.25


def test_block_end_error_looks_at_block_ends_alone():
    choices = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1])
    assert block_end_error(choices, np.array([0.5, 0.5]), block=4) == 1.0
    assert block_end_error(choices[:7], np.array([0.5, 0.5]), block=4) == 0.0


def test_ratios_are_of_runs_side_by_side():
    assert ratios([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == Spread(3.0, 2.0, 4.0)
    assert f"{Spread(3.0, 2.0, 4.0):.1f}" == "3.0 (2.0 to 4.0)"


def test_arms_take_turns():
    called = []
    arms = {name: lambda name=name: {"call": called.append(name) or len(called)} for name in "AB"}
    assert take_turns(2, arms) == {"A": [{"call": 1}, {"call": 3}], "B": [{"call": 2}, {"call": 4}]}
    assert called == ["A", "B", "A", "B"]


def test_a_table_is_markdown():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_record_replaces_its_own_section_alone(tmp_path, monkeypatch):
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "RESULTS", path)
    for name, text in (("drawing: epoch", "first"), ("search", "other"), ("drawing: epoch", "second")):
        results.record(name, f"python {name}", ["numpy"], text)
    written = path.read_text()
    assert written.startswith(results.HEAD)
    assert "first" not in written
    assert written.count("<!-- drawing: epoch -->") == written.count("<!-- end of drawing: epoch -->") == 1
    assert written.index("second") < written.index("other")
    assert f"`python search`; numpy {np.__version__}; Python" in written

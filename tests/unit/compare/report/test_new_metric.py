"""A metric is its row in the table and its function: nothing else has to know of it."""

import json

import numpy as np
import pytest
from tests.support.comparisons import ONE_TASK, write_comparison
from tests.support.errors import raises
from tests.support.pages import Html

from equipoise.calibration import fit_tau, measures
from equipoise.cli._compare import print_result
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.engine import compare
from equipoise.compare.report import gather, write_report
from equipoise.config import CompareConfig, ComparisonConfig, DataConfig
from equipoise.errors import ConfigError
from equipoise.metrics import METRICS, Metric, Scores, TaskPredictions, evaluate, metric_of
from equipoise.metrics.sums import ratio


def misses(rows):
    return (rows.true != rows.predicted).astype(float)[:, None]


ERROR_RATE = Metric(
    "error_rate",
    "error rate of answers",
    "the share of the rows whose answer is wrong",
    "labels",
    lambda sums, own: ratio(own[..., 0], sums.rows),
    misses,
    less_is_better=True,
    decides=True,
)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(METRICS, "error_rate", ERROR_RATE)


def test_it_is_measured_with_intervals_and_in_json():
    said = TaskPredictions("t", list("aabb"), list("abbb"), ("a", "b"))
    scores = Scores.from_dict(json.loads(json.dumps(evaluate({"t": said}, bootstrap=50).to_dict())))
    found = scores.tasks["t"].metrics["error_rate"]
    assert found.value == scores.mean["error_rate"].value == 0.25
    assert found.low < 0.25 < found.high


def test_tau_is_chosen_by_it_and_a_calibration_measured():
    random = np.random.default_rng(0)
    true = (random.random(300) < 0.3).astype(np.int64)
    log_probs = np.log(np.where((true == 1)[:, None], [0.55, 0.45], [0.8, 0.2]))
    found = fit_tau(log_probs, true, np.array([0.8, 0.2]), "error_rate", standard_errors=0)
    assert found.values.min() == found.values[found.grid == found.tau][0] == 0
    assert measures(log_probs, np.zeros(300, np.int64), true)["error_rate"] == pytest.approx(true.mean())


@pytest.mark.slow
def test_a_comparison_is_decided_by_it_and_the_report_shows_it(tmp_path, capsys):
    page = write_report(write_comparison(tmp_path / "c", ONE_TASK, seeds=(0, 1), metric="error_rate"))
    html = Html(page.read_text(encoding="utf-8"))
    heads = {cell.strip() for row in html.rows for cell in row}
    assert "test: error rate of answers" in heads
    assert any(cell.startswith("Error rate of answers less is better") for cell in heads)
    texts = "".join(html.texts)
    assert "error rate of answers (from 0 to 1, less is better): the share of the rows whose answer is wrong." in texts
    report = gather(page.parent)
    assert report.candidates.metrics[0] == "error_rate"
    best = min(report.candidates.rows[:6], key=lambda row: row.stages[-1].value)
    assert report.candidates.rows[0].stages[-1] == best.stages[-1]  # less is better
    print_result(ComparisonDirectory(page.parent).read_result())
    assert "error_rate" in capsys.readouterr().out


def test_an_unknown_metric_is_refused_before_anything_is_read_or_written(tmp_path):
    config = ComparisonConfig(data=DataConfig(source="absent.jsonl"), compare=CompareConfig(metric="makro_f1"))
    with raises(ConfigError, "unknown-metric") as caught:
        compare(config, tmp_path / "out", command="", log=print)
    assert "Did you mean 'macro_f1'?" in str(caught.value)
    assert "error_rate" in str(caught.value)
    assert not (tmp_path / "out").exists()
    with raises(ConfigError, "unknown-metric"):
        metric_of("makro_f1")

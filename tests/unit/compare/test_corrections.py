"""Corrections of predictions: fitted on validation rows alone, and judged there by rows that they did not see."""

import numpy as np
import pytest
from tests.support.comparisons import CLINIC, MIXED, write_comparison

from equipoise.calibration import shares_within
from equipoise.compare.corrections import corrected, cross_fitted_validation, validation_predictions
from equipoise.metrics import read_predictions, write_predictions
from equipoise.runs.directory import RunDirectory

pytestmark = pytest.mark.filterwarnings("ignore:Task")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = write_comparison(tmp_path_factory.mktemp("comparison"), CLINIC, seeds=(0,))
    return RunDirectory(path / "runs" / "sqrt-2560-0")


def rewrite(path, change):
    """Change the predictions of a file, and put them back afterwards."""
    before = path.read_bytes()
    parts = {name: change(part) for name, part in read_predictions(path).items()}
    write_predictions(parts.values(), path)
    return before


def same(one, other):
    return all(
        list(one[name].predicted) == list(other[name].predicted)
        and np.array_equal(one[name].probabilities, other[name].probabilities)
        for name in one
    )


def test_none_leaves_predictions_alone(run):
    assert same(corrected(run, "none", "macro_f1"), read_predictions(run.predictions))


def test_calibrated_probabilities_are_for_the_natural_shares(run):
    plan = run.read_plan()
    before, after = (corrected(run, correction, "macro_f1")["heart"] for correction in ("none", "calibrated"))
    labels = before.labels
    natural, drawn = (shares_within(plan, values, "heart", labels) for values in (plan.counts, plan.target))
    ratio = np.log(after.probabilities) - np.log(natural / drawn)
    temperature = (ratio[0, 0] - ratio[0, 1]) / (
        np.log(before.probabilities[0, 0]) - np.log(before.probabilities[0, 1])
    )
    expected = before.probabilities**temperature * natural / drawn
    np.testing.assert_allclose(after.probabilities, expected / expected.sum(axis=1, keepdims=True), rtol=1e-5)
    assert list(after.predicted) == [labels[place] for place in after.probabilities.argmax(axis=1)]


def test_tau_changes_answers_and_no_probability(run):
    calibrated, with_tau = (corrected(run, correction, "balanced_accuracy") for correction in ("calibrated", "tau"))
    changed = 0
    for name, part in calibrated.items():
        np.testing.assert_array_equal(part.probabilities, with_tau[name].probabilities)
        changed += sum(a != b for a, b in zip(part.predicted, with_tau[name].predicted, strict=True))
    assert changed


def test_thresholds_change_answers_and_no_probability(run):
    calibrated, moved = (corrected(run, correction, "macro_f1") for correction in ("calibrated", "thresholds"))
    for name, part in calibrated.items():
        np.testing.assert_array_equal(part.probabilities, moved[name].probabilities)
    tau = corrected(run, "tau", "macro_f1")
    assert any(list(moved[name].predicted) != list(other.predicted) for name, other in tau.items())
    left_out = cross_fitted_validation(run, "thresholds", "macro_f1")
    assert any(
        list(part.predicted) != list(cross_fitted_validation(run, "tau", "macro_f1")[name].predicted)
        for name, part in left_out.items()
    )


def test_test_rows_decide_nothing(run):
    """Other targets on the test rows leave what is predicted for them as it is."""
    found = corrected(run, "tau", "macro_f1")
    before = rewrite(run.predictions, lambda part: part.take(np.arange(len(part.targets))[::-1]))
    try:
        turned = corrected(run, "tau", "macro_f1")
    finally:
        run.predictions.write_bytes(before)
    for name, part in found.items():
        np.testing.assert_array_equal(part.probabilities, turned[name].probabilities[::-1])
        assert list(part.predicted) == list(turned[name].predicted)[::-1]


def test_validation_rows_are_corrected_by_fits_on_other_groups(run):
    """A label that is turned round changes the fit of other groups' rows, and nothing of its own group's."""
    path = validation_predictions(run)
    found = cross_fitted_validation(run, "calibrated", "macro_f1")["heart"]
    group = found.groups[0]

    def wrong(part):
        targets = [
            part.labels[(part.labels.index(target) + 1) % len(part.labels)] if of == group else target
            for target, of in zip(part.targets, part.groups, strict=True)
        ]
        return type(part)(part.task, targets, part.predicted, part.labels, part.probabilities, part.groups, part.rows)

    before = rewrite(path, wrong)
    try:
        other = cross_fitted_validation(run, "calibrated", "macro_f1")["heart"]
    finally:
        path.write_bytes(before)
    own = np.array([of == group for of in found.groups])
    np.testing.assert_array_equal(found.probabilities[own], other.probabilities[own])
    assert not np.array_equal(found.probabilities[~own], other.probabilities[~own])


def test_costs_decide_the_answers_of_their_task(run):
    labels = run.read_tasks()["heart"].labels
    costs = 1.0 - np.eye(len(labels))
    costs[labels.index("severe")] *= 1000.0  # to miss it is the worst
    found = corrected(run, "tau", "expected_cost", {"heart": costs})["heart"]
    plain = corrected(run, "none", "expected_cost", {"heart": costs})["heart"]
    assert list(found.predicted).count("severe") > list(plain.predicted).count("severe")


def test_tasks_of_texts_and_labels_that_nobody_trained_on(tmp_path):
    path = write_comparison(tmp_path, MIXED, seeds=(0,))
    run = RunDirectory(path / "runs" / "natural-2560-0")
    raw = read_predictions(validation_predictions(run))
    assert "unheard" in raw["heart"].targets
    for correction in ("none", "calibrated", "tau", "thresholds"):
        found = cross_fitted_validation(run, correction, "macro_f1")
        assert list(found["summary"].predicted) == list(raw["summary"].predicted)
        assert "unheard" not in found["heart"].targets  # left out by all alike
        assert corrected(run, correction, "macro_f1")["summary"].probabilities is None

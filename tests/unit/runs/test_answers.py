"""Which method answers the rows of a task, and what is said of how long it takes."""

import warnings
from typing import Any

import numpy as np
import pytest
from tests.support.seq2seq import TASKS, TOKENIZER, built

from equipoise.config import RunConfig, checked_choices, make_config
from equipoise.data import Records
from equipoise.errors import DataWarning
from equipoise.models import LabelScorer
from equipoise.runs import answers, predict
from equipoise.runs.answers import MOST_SCORED, TaskAnswers, forecast
from equipoise.runs.predict import predict_records, with_methods
from equipoise.runs.prepare import encode

ROWS = 90
PREFIXES = 11  # of the labels of "letters"


def config_of(method: Any) -> RunConfig:
    config = make_config({"data": {"source": "none"}, "evaluation": {"method": method}})
    assert isinstance(config, RunConfig)
    return config


def asked(rows: int, method: Any = "auto", task: str = "letters", *, corrected: bool = False) -> str:
    scorer = LabelScorer(built("t5 tied", "cpu"), TOKENIZER, TASKS)
    return TaskAnswers(scorer, config_of(method), TASKS[task], rows, corrected=corrected).method


def test_auto_scores_all_labels_where_that_is_quick_or_a_calibration_needs_them() -> None:
    few = MOST_SCORED // PREFIXES
    assert LabelScorer(built("t5 tied", "cpu"), TOKENIZER, TASKS).prefixes("letters") == PREFIXES
    assert asked(few) == "score"
    assert asked(few + 1) == "search"
    assert asked(few + 1, corrected=True) == "score"
    assert asked(few, task="say") == "generate"


@pytest.mark.parametrize("method", ["score", "constrained", "generate"])
def test_another_method_is_taken_as_it_is(method: str) -> None:
    assert asked(1, method) == asked(10**9, {"letters": method}) == method


def records() -> Records:
    inputs = [f"input {n % 7}" * (n % 5) for n in range(ROWS)]
    return Records.from_dict({"task": ["letters"] * ROWS, "input": inputs, "target": ["a"] * ROWS})


def predicted(method: str, **options: Any) -> Any:
    tasks = {"letters": TASKS["letters"]}
    return predict_records(built("t5 tied", "cpu"), TOKENIZER, tasks, records(), config_of(method), **options)[
        "letters"
    ]


def test_the_answers_of_auto_are_those_of_all_scores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = predicted("score")
    assert "letters" not in capsys.readouterr().err
    few = predicted("auto")
    np.testing.assert_allclose(few.probabilities, expected.probabilities, rtol=1e-5)
    monkeypatch.setattr(answers, "MOST_SCORED", 0)
    searched = predicted("auto")
    line = capsys.readouterr().err.strip()
    assert line.startswith("'letters': 90 rows, 6 labels, about ")
    assert line.endswith(" rows/s. Answers only; the method `score` adds probabilities.")
    assert searched.probabilities is None
    assert few.predicted == searched.predicted == expected.predicted
    corrected = predicted("auto", calibrated=("letters",))
    np.testing.assert_allclose(corrected.probabilities, expected.probabilities, rtol=1e-5)
    assert "letters" not in capsys.readouterr().err


def test_every_row_is_answered_once_whatever_is_measured_first(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = predicted("score")
    for first, at_once in ((1, 1), (7, 20), (ROWS, 5), (ROWS + 1, 5)):
        monkeypatch.setattr(answers, "FIRST_ROWS", first)
        monkeypatch.setattr(answers, "ROWS_AT_ONCE", at_once)
        found = predicted("score")
        assert found.predicted == expected.predicted
        np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-5)


def test_a_line_is_for_long_work_or_missing_probabilities() -> None:
    task = TASKS["letters"]
    assert forecast(task, "score", 1000, 64, 1.0) is None
    assert (
        forecast(task, "constrained", 64 * 61, 64, 1.0)
        == "'letters': 3,904 rows, 6 labels, about 1 min 0 s at 64 rows/s."
    )
    assert forecast(TASKS["say"], "generate", 6400, 64, 4.0) == "'say': 6,400 rows, about 6 min 36 s at 16 rows/s."
    assert "Answers only" in (forecast(task, "search", 64, 64, 1.0) or "")


def test_one_method_for_all_tasks_is_one_word_as_in_a_configuration() -> None:
    config = config_of({"letters": "generate"})
    for given in ("constrained", {"*": "constrained"}):
        assert with_methods(config, TASKS, checked_choices(None, given)).evaluation.method == "constrained"
    assert with_methods(config, TASKS, checked_choices(None, None)) == config
    named = {"two": "score", "*": "auto"}
    assert with_methods(config, TASKS, checked_choices(None, named)).evaluation.method == named


@pytest.mark.parametrize("method", ["score", "constrained"])
def test_rows_that_are_predicted_some_at_a_time_are_those_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    whole = predicted(method)
    monkeypatch.setattr(predict, "ROWS_AT_ONCE", 7)
    parts = predicted(method)
    assert parts.predicted == whole.predicted
    assert parts.rows.tolist() == whole.rows.tolist() == list(range(ROWS))
    assert parts.targets == whole.targets
    if method == "score":
        assert parts.probabilities.dtype == np.float32
        np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=1e-5)


def test_what_is_found_in_texts_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(
        predict, "encode", lambda *given: warnings.warn(DataWarning("cut", "cut"), stacklevel=1) or encode(*given)
    )
    with pytest.warns(DataWarning) as caught:
        predicted("score")
    assert [each.message.code for each in caught] == ["cut"]

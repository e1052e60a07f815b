"""The study's tables come from the answers in the repository."""

import json

import numpy as np
import pytest
from benchmarks.comparisons import study_answers
from benchmarks.comparisons.method_runs import Job
from benchmarks.comparisons.study import ARMS, PARTS
from benchmarks.comparisons.study_answers import FOLDER, answers_of, keep, right_answers

from equipoise.data import Records
from equipoise.metrics import TaskPredictions, evaluate

NUMBERS = FOLDER.with_name("study.json")
JOB = Job("small", "sqrt", 0)
KEPT = [job for part in PARTS.values() for job in part.jobs if (FOLDER / f"{job.name}.parquet").is_file()]


class _Source:
    """Two tasks, whose rows stand mixed."""

    @staticmethod
    def records():
        columns = {
            "task": ["mood", "kind", "mood", "kind", "mood"] * 2,
            "input": [f"text {row}" for row in range(10)],
            "target": ["glad", "cat", "sad", "dog", "sad"] * 2,
            "group": [f"g{row % 4}" for row in range(10)],
            "split": ["train"] * 5 + ["test"] * 5,
        }
        return Records.from_dict(columns)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(study_answers, "SOURCES", {"small": _Source})
    right_answers.cache_clear()
    yield
    right_answers.cache_clear()


def said(*, of_mood, rows=(4, 0, 2)):
    """Answers in another order than that of the rows."""
    targets = {0: "glad", 2: "sad", 4: "sad"}
    mood = TaskPredictions("mood", [targets[row] for row in (4, 0, 2)], of_mood, ("glad", "sad"), rows=np.array(rows))
    kind = TaskPredictions("kind", ["cat", "dog"], ["dog", "dog"], ("cat", "dog"), rows=np.array([1, 3]))
    return {"kind": kind, "mood": mood}


def test_answers_are_read_back_in_the_order_of_the_rows(small, tmp_path, monkeypatch):
    by_correction = {"none": said(of_mood=["sad", "glad", "glad"]), "tau": said(of_mood=["sad", "glad", "sad"])}
    monkeypatch.setattr(study_answers, "corrected", lambda run, correction, metric: by_correction[correction])
    keep(JOB, None, tmp_path)
    found = answers_of(JOB, "none", tmp_path)
    assert (found["mood"].predicted, found["mood"].targets) == (["glad", "glad", "sad"], ["glad", "sad", "sad"])
    assert (found["kind"].predicted, found["kind"].groups) == (["dog", "dog"], ["g2", "g0"])
    assert answers_of(JOB, "tau", tmp_path)["mood"].predicted == ["glad", "sad", "sad"]
    score, with_tau = (
        evaluate(answers_of(JOB, each, tmp_path), bootstrap=0).mean["macro_f1"].value for each in ("none", "tau")
    )
    assert score < with_tau


def test_answers_to_other_rows_are_not_kept(small, tmp_path, monkeypatch):
    other = said(of_mood=["sad", "glad", "sad"], rows=(3, 0, 2))
    monkeypatch.setattr(study_answers, "corrected", lambda *_: other)
    with pytest.raises(ValueError, match="'mood' are not to the test rows"):
        keep(JOB, None, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not KEPT, reason="no training of the study has been run")
def test_every_file_is_of_a_training_of_the_study_and_answers_every_test_row():
    assert sorted(path.stem for path in FOLDER.glob("*.parquet")) == sorted({job.name for job in KEPT})
    for job in KEPT:
        assert {task: len(each.predicted) for task, each in answers_of(job, "tau").items()} == {
            task: len(each.targets) for task, each in right_answers(job.source).items()
        }


# One test row of ICD-10-CM has a label without a training row.
@pytest.mark.filterwarnings("ignore::equipoise.errors.DataWarning")
@pytest.mark.parametrize("name", PARTS)
def test_the_numbers_of_pictures_are_those_of_the_answers(name):
    part, numbers = PARTS[name], json.loads(NUMBERS.read_text(encoding="utf-8"))
    if numbers.get(name, {}).get("trainings") != len(set(part.jobs) & set(KEPT)):
        pytest.skip("the table was not made again since the last training")
    for arm in part.arms:
        jobs = {job for job in KEPT if job in part.jobs and job.method == ARMS[arm].method}
        for draws in part.draws:
            kept = sorted(job for job in jobs if job.draws == draws)
            expected = [_macro_f1(job, ARMS[arm].correction) for job in kept]
            assert numbers[name]["arms"][ARMS[arm].title][str(draws)] == pytest.approx(expected)


def _macro_f1(job, correction):
    return evaluate(answers_of(job, correction), bootstrap=0).mean["macro_f1"].value

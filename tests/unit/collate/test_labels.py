"""Labels are told apart by their tokens alone."""

from typing import Any

import pytest
from tests.support.errors import raises
from transformers import ByT5Tokenizer

from equipoise.collate import EncodedExamples, label_tokens
from equipoise.data import Records, Task
from equipoise.errors import DataError
from equipoise.models import load_tokenizer


@pytest.fixture(scope="module")
def pieces() -> Any:
    return load_tokenizer("tiny")


def encode(task: Task, target: str, tokenizer: Any) -> EncodedExamples:
    records = Records.from_dict({"task": ["t"], "input": ["fever"], "target": [target]})
    return EncodedExamples.encode(records, {"t": task}, tokenizer)


ALIKE = [("阳性", "阴性"), ("<38", "≥38"), ("a  b", "a b"), ("no", " no"), ("x\ty", "x\ny"), ("λ", "β")]


@pytest.mark.parametrize("labels", ALIKE)
def test_labels_with_the_same_tokens_are_refused_whichever_rows_there_are(pieces: Any, labels: tuple[str, str]):
    task = Task("t", "classification", (*labels, "other"))
    parts = (f"Labels {labels[0]!r} and {labels[1]!r}", "task `t`", "`tasks.t.verbalisers`", "</s>")
    for refuse in (lambda: label_tokens(task, pieces), lambda: encode(task, "other", pieces)):
        with raises(DataError, "same-tokens", *parts):
            refuse()
    assert len(label_tokens(task, ByT5Tokenizer())) == 3


def test_a_label_that_begins_with_all_tokens_of_another_is_refused(pieces: Any):
    task = Task("t", "classification", ("b", "a</s> b", "a"))
    for refuse in (lambda: label_tokens(task, pieces), lambda: encode(task, "b", pieces)):
        with raises(DataError, "label-begins-another", "Of labels 'a' and 'a</s> b' in task `t`"):
            refuse()


def test_labels_that_begin_alike_and_labels_that_two_tasks_share_are_no_problem(pieces: Any):
    records = Records.from_dict({"task": ["s", "t"], "input": ["fever"] * 2, "target": ["in", "inter"]})
    tasks = {name: Task(name, "classification", ("in", "inter", "international")) for name in "st"}
    assert len(EncodedExamples.encode(records, tasks, pieces)) == 2


def test_verbalisers_are_the_way_out(pieces: Any):
    task = Task("t", "classification", ("阳性", "阴性"), verbalisers={"阳性": "positive", "阴性": "negative"})
    assert len(set(map(tuple, label_tokens(task, pieces)))) == 2
    assert encode(task, "阳性", pieces)[0]["label_id"] == 0


def test_verbalisers_can_be_the_fault(pieces: Any):
    task = Task("t", "classification", ("high", "low"), verbalisers={"high": "↑", "low": "↓"})
    with raises(DataError, "same-tokens", "'high' and 'low'", "'↑'", "'↓'"):
        label_tokens(task, pieces)


def test_a_label_without_tokens_is_refused():
    class Silent(ByT5Tokenizer):
        eos_token_id = None

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return {"input_ids": [[] for _ in kwargs.get("text_target", "a")]}

    with raises(DataError, "no-token", "Label 'a' of task `t`"):
        label_tokens(Task("t", "classification", ("a",)), Silent())

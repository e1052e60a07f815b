"""Characters that a tokenizer does not hold, and targets that do not survive it."""

import warnings
from typing import Any

import pytest
from tests.support.errors import warns
from transformers import ByT5Tokenizer

from equipoise.collate import EncodedExamples
from equipoise.data import Records, Task
from equipoise.errors import DataWarning
from equipoise.models import load_tokenizer

SAY = Task("say", "open_ended", prompt="{input}")
TONE = Task("tone", "classification", ("bad", "{good}"))


@pytest.fixture(scope="module")
def pieces() -> Any:
    return load_tokenizer("tiny")


def encode(tokenizer: Any, rows: list[tuple[str, str, str | None]], **options: Any) -> EncodedExamples:
    names = ("task", "input", "target")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return EncodedExamples.encode(Records.from_dict(columns), {"say": SAY, "tone": TONE}, tokenizer, **options)


def said(tokenizer: Any, rows: list[tuple[str, str, str | None]], **options: Any) -> dict[str, str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encode(tokenizer, rows, **options)
    return {each.message.code: str(each.message) for each in caught if isinstance(each.message, DataWarning)}


def test_inputs_are_counted_by_rows_with_an_example(pieces: Any):
    rows = [("say", "temperature < 38", "fever"), ("say", "fine", "fine"), ("say", "temperature < 38", "other")]
    found = said(pieces, rows)
    assert list(found) == ["inputs-not-in-vocabulary"]
    message = found["inputs-not-in-vocabulary"]
    assert "2 of 3 inputs have characters that the vocabulary" in message
    assert "such as '<' in 'temperature < 38'" in message


def test_targets_of_open_ended_tasks_and_labels_are_counted(pieces: Any):
    rows = [("say", "a", "{x: 3}"), ("tone", "b", "bad"), ("tone", "c", "{good}"), ("say", "d", "fine")]
    found = said(pieces, rows)
    assert list(found) == ["targets-not-in-vocabulary"]
    assert "2 of 4 targets have" in found["targets-not-in-vocabulary"]


def test_a_label_that_no_row_has_is_not_counted(pieces: Any):
    assert said(pieces, [("tone", "a", "bad")]) == {}


def test_what_is_cut_off_is_not_counted(pieces: Any):
    found = said(pieces, [("say", "word " * 20 + "<", "word " * 20 + "{")], max_input=10, max_target=10)
    assert set(found) == {"cut-inputs", "cut-targets"}


@pytest.mark.parametrize("target", ["two\nlines", "a  b", "tab\there", "half <extra_id_0> done", "the end</s> or not"])
def test_open_ended_targets_that_are_decoded_to_another_text_are_counted(pieces: Any, target: str):
    found = said(pieces, [("say", "a", target), ("say", "b", "fine"), ("say", "c", target), ("tone", "d", "bad")])
    assert list(found) == ["lossy-targets"]
    assert "2 of 3 targets of open-ended tasks do not survive" in found["lossy-targets"]
    assert f"such as {target!r}, which becomes" in found["lossy-targets"]


@pytest.mark.parametrize("target", ["fine", " fine ", "fine\n", "1.5 , x ' y .", "Übung à la carte"])
def test_spaces_at_the_ends_are_no_loss(pieces: Any, target: str):
    assert said(pieces, [("say", "a", target)]) == {}


def test_prediction_needs_no_targets(pieces: Any):
    assert said(pieces, [("say", "a", ""), ("say", "b", None), ("tone", "c", None)]) == {}


def test_a_vocabulary_of_bytes_holds_everything():
    assert said(ByT5Tokenizer(), [("say", "≥38 {阳性}", "two\nlines  {β}"), ("tone", "≥", "{good}")]) == {}


def test_a_token_that_is_also_the_end_of_sequence_is_not_unknown(pieces: Any):
    words = load_tokenizer("tiny")
    words.unk_token = words.eos_token
    assert said(words, [("say", "fine", "fine")]) == {}


def test_the_warning_names_a_long_text_by_the_part_around_the_character(pieces: Any):
    with warns(DataWarning, "inputs-not-in-vocabulary") as caught:
        encode(pieces, [("say", "word " * 30 + "x ≥ 3" + " word" * 30, "fine")])
    message = str(caught[0].message)
    assert "such as '≥' in 'rd word" in message
    assert "word x ≥ 3 word" in message
    assert message.count("word") < 15

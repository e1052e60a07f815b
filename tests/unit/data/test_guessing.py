"""Which column is which field is guessed from names first, then from values; every guess says why."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.data.guessing import guess_columns
from equipoise.errors import DataError

N = 60
TEXT = [f"the patient says that it hurts, case {row}" for row in range(N)]
LABEL = ["urgent" if row % 9 == 0 else "routine" for row in range(N)]
MOOD = [("bad", "fair", "good")[row % 3] for row in range(N)]


def guessed(columns, **given):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    found = guess_columns(rows, {f"data.{key.replace('__', '.')}": value for key, value in given.items()})
    assert all(guess.why for guess in found)
    return {guess.key.removeprefix("data."): guess.value for guess in found}


CASES = {
    "all by their names": ({"task": ["a"] * N, "input": TEXT, "target": LABEL}, {}),
    "usual names": ({"Text": TEXT, "Label": LABEL, "dataset": MOOD},
                    {"columns.task": "dataset", "columns.input": "Text", "columns.target": "Label"}),
    "the target names the task": ({"text": TEXT, "triage": LABEL},
                                  {"columns.input": "text", "columns.target": "triage", "default_task": "triage"}),
    "a nameless target": ({"text": TEXT, "label": LABEL},
                          {"columns.input": "text", "columns.target": "label", "default_task": "task"}),
    "names that say nothing": ({"a": LABEL, "b": TEXT},
                               {"columns.input": "b", "columns.target": "a", "default_task": "a"}),
    "several columns of labels": ({"text": TEXT, "triage": LABEL, "mood": MOOD},
                                  {"columns.input": "text", "columns.tasks": ["triage", "mood"]}),
    "a label by name, others ignored": ({"text": TEXT, "sex": MOOD, "label": LABEL},
                                        {"columns.input": "text", "columns.target": "label", "default_task": "task"}),
    "a group": ({"task": ["a"] * N, "input": TEXT, "target": LABEL, "Patient ID": [row // 4 for row in range(N)]},
                {"columns.group": "Patient ID"}),
    "no group where each row has its own": ({"task": ["a"] * N, "input": TEXT, "target": LABEL, "user": range(N)}, {}),
    "an id": ({"task": ["a"] * N, "input": TEXT, "target": LABEL, "uid": [f"r{row}" for row in range(N)]},
              {"columns.id": "uid"}),
    "a split": ({"task": ["a"] * N, "input": TEXT, "target": LABEL, "fold": ["train", "dev", "test"] * (N // 3)},
                {"columns.split": "fold"}),
    "numbered folds are no splits": ({"task": ["a"] * N, "input": TEXT, "target": LABEL, "fold": [0, 1, 2] * 20}, {}),
    "the longest of two texts": ({"title": [f"case {row}" for row in range(N)], "body": TEXT, "label": LABEL},
                                 {"columns.input": "body", "columns.target": "label", "default_task": "task"}),
    "measurements are no labels": ({"text": TEXT, "dose": [f"{row % 30}.5" for row in range(N)], "triage": LABEL},
                                   {"columns.input": "text", "columns.target": "triage", "default_task": "triage"}),
    "ages are no labels": ({"text": TEXT, "age": [str(20 + row % 21) for row in range(N)], "triage": LABEL},
                           {"columns.input": "text", "columns.target": "triage", "default_task": "triage"}),
    "an open-ended target": ({"article": TEXT, "summary": [f"hurts, {row}" for row in range(N)]},
                             {"columns.input": "article", "columns.target": "summary", "default_task": "summary"}),
    "a column that explains the targets": (
        {"note": TEXT[:20] * 3, "question": ["organ"] * 20 + ["urgency"] * 20 + ["mood"] * 20,
         "answer": [("heart", "lung")[row % 2] for row in range(20)] + LABEL[:20] + MOOD[:20]},
        {"columns.task": "question", "columns.input": "note", "columns.target": "answer"}),
    "a chapter of the labels is no task": (
        {"note": TEXT, "chapter": [*"AABB"] * (N // 4), "answer": [*"wxyz"] * (N // 4)},
        {"columns.input": "note", "columns.target": "answer", "default_task": "task"}),
    "missing targets": ({"task": ["a"] * N, "input": TEXT, "target": ["", *LABEL[1:]]}, {"missing_labels": "skip"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_columns_are_guessed(name):
    columns, expected = CASES[name]
    assert guessed(columns) == expected


def test_what_is_given_is_not_guessed():
    columns = {"text": TEXT, "other": [f"{text} too" for text in TEXT], "label": LABEL, "mood": MOOD}
    assert guessed(columns)["columns.input"] == "text"
    found = guessed(columns, columns__input="other", columns__target="mood", default_task="tone")
    assert found == {}
    assert guessed(columns, columns__tasks=["label", "mood"]) == {"columns.input": "text"}


def test_a_column_that_may_be_the_task_is_named_and_others_are_not():
    chapter, answer = [*"AABB"] * (N // 4), [*"wxyz"] * (N // 4)
    table = {"note": TEXT, "chapter": chapter, "sex": MOOD, "answer": answer}
    (why,) = (guess.why for guess in guess_columns(pa.table(table), {}) if guess.key == "data.default_task")
    assert why.endswith(
        "not used: chapter (2 values: 'A', 'B'). If it is the task: `--task-column chapter` (`data.columns.task`)"
    )


def test_noise_in_labels_makes_no_task_of_their_chapter():
    chapter, answer = [*"AABB"] * (N // 4), [*"wxyz"] * (N // 4)
    table = {"note": [TEXT[0], TEXT[1], TEXT[0], *TEXT[3:]], "chapter": chapter, "answer": answer}
    assert "columns.task" not in guessed(table)  # one of 59 inputs has several targets


def test_reasons_name_their_numbers():
    rows = [{"text": text, "triage": label} for text, label in zip(TEXT, LABEL, strict=True)]
    why = {guess.key: guess.why for guess in guess_columns(rows, {})}
    assert why["data.columns.input"].startswith("its name (")
    assert why["data.columns.target"] == "its values repeat (2 different values in 60 rows)"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": list(range(N)), "label": LABEL}, "no column looks like the texts, found `x`, `label`."),
        ({"text": TEXT, "n": range(N)}, "no column looks like the labels, or the texts to generate, found `n`."),
    ],
)
def test_what_cannot_be_guessed_is_asked_for(columns, message):
    with raises(DataError, "cannot-guess", message, "Name it with `Columns("):
        guessed(columns)


def test_an_empty_source_is_refused():
    with raises(DataError, "no-rows"):
        guess_columns(pa.table({"text": pa.array([], pa.string())}), {})


def write_csv(path: Path, delimiter: str) -> Path:
    lines = ["text;label", *(f"{text.replace(',', '')};{label}" for text, label in zip(TEXT, LABEL, strict=True))]
    path.write_text("\n".join(line.replace(";", delimiter) for line in lines) + "\n", encoding="utf-8")
    return path


def test_the_delimiter_is_guessed_from_a_header_that_has_no_comma(tmp_path):
    keys = {guess.key: guess.value for guess in guess_columns(write_csv(tmp_path / "notes.csv", ";"), {})}
    assert keys == {
        "data.delimiter": ";",
        "data.columns.input": "text",
        "data.columns.target": "label",
        "data.default_task": "notes",
    }
    assert "data.delimiter" not in {g.key for g in guess_columns(write_csv(tmp_path / "plain.csv", ","), {})}


@pytest.mark.parametrize(
    ("names", "task"),
    [
        (["notes.csv"], "notes"),
        (["dev.csv"], "task"),
        (["train.csv", "test.csv"], "folder"),
        (["a.csv", "b.csv"], "folder"),
    ],
)
def test_a_task_without_a_name_is_called_as_the_data(tmp_path, names, task):
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = [str(write_csv(folder / name, ",")) for name in names]
    keys = {guess.key: guess.value for guess in guess_columns(paths if len(paths) > 1 else paths[0], {})}
    assert keys["data.default_task"] == task


def test_every_format_is_guessed_alike_without_its_nested_columns(tmp_path):
    rows = [
        {"text": text, "words": text.split(), "meta": {"a": 1}, "label": label}
        for text, label in zip(TEXT, LABEL, strict=True)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet")
    expected = {"data.columns.input": "text", "data.columns.target": "label"}
    for source in (tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz", tmp_path / "a.parquet", table, rows):
        found = {guess.key: guess.value for guess in guess_columns(source, {})}
        assert expected.items() <= found.items(), source


def test_a_saved_dataset_is_guessed(tmp_path):
    datasets = pytest.importorskip("datasets")
    columns = {"text": TEXT, "words": [text.split() for text in TEXT], "label": [label == "urgent" for label in LABEL]}
    features = datasets.Features(
        text=datasets.Value("string"),
        words=datasets.List(datasets.Value("string")),
        label=datasets.ClassLabel(names=["routine", "urgent"]),
    )
    dataset = datasets.Dataset.from_dict({**columns, "label": [int(each) for each in columns["label"]]}, features)
    found = {guess.key: guess.value for guess in guess_columns(dataset, {})}
    assert found == {"data.columns.input": "text", "data.columns.target": "label", "data.default_task": "task"}

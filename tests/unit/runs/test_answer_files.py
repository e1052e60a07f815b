"""Answers are written as they come, in each format, and are in their place at the end only."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from equipoise.metrics import TaskPredictions
from equipoise.runs.answer_files import SUFFIXES, answers_file, answers_table

LABELS = ("no", "yes")


def part(rows: list[int], first: int, *, scored: bool = True, ids: bool = True) -> TaskPredictions:
    probabilities = np.array([[0.25, 0.75]] * len(rows), np.float32) if scored else None
    return TaskPredictions(
        "triage",
        [""] * len(rows),
        ["yes"] * len(rows),
        LABELS,
        probabilities,
        rows=np.array(rows),
        ids=[f"i{first + row}" for row in rows] if ids else None,
    )


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        return [{**row, "probabilities": row["probabilities"] and dict(row["probabilities"])} for row in rows]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open() as file:
        return [
            {
                **row,
                "row": int(row["row"]),
                "probability": float(row["probability"]) if row["probability"] else None,
                "probabilities": json.loads(row["probabilities"]) if row["probabilities"] else None,
            }
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("ids", [True, False])
def test_batches_follow_one_another(tmp_path: Path, suffix: str, ids: bool) -> None:
    out = tmp_path / f"answers{suffix}"
    with answers_file(out, with_ids=ids) as answers:
        answers.write_table(answers_table([part([1, 0], 0, ids=ids)]))
        answers.write_table(answers_table([part([0], 2, scored=False, ids=ids)], 2))
        assert not out.exists()
    found = read(out)
    scored = {"probability": 0.75, "probabilities": {"no": 0.25, "yes": 0.75}}
    rest = {"probability": None, "probabilities": None}
    assert found == [
        {"row": row} | ({"id": f"i{row}"} if ids else {}) | {"task": "triage", "predicted": "yes"} | numbers
        for row, numbers in enumerate([scored, scored, rest])
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    def fail() -> None:
        with answers_file(tmp_path / f"a{suffix}", with_ids=False) as answers:
            answers.write_table(answers_table([part([0], 0)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_computes_no_cell_of_a_csv_file_unless_asked(tmp_path: Path, text: str) -> None:
    given = TaskPredictions(text, ["", ""], [text, "-2.5"], (text, "-2.5"), None, rows=np.arange(2), ids=[text, "a=b"])
    for escape, shown in ((True, f"'{text}"), (False, text)):
        out = tmp_path / "answers.csv"
        with answers_file(out, with_ids=True, escape_formulas=escape) as answers:
            answers.write_table(answers_table([given]))
        with out.open(newline="") as file:
            first, second = csv.DictReader(file)
        assert {first[name] for name in ("id", "task", "predicted")} == {shown}
        assert (second["id"], second["predicted"]) == ("a=b", "-2.5")  # a number is no formula
    with answers_file(tmp_path / "answers.jsonl", with_ids=True) as answers:
        answers.write_table(answers_table([given]))
    assert read(tmp_path / "answers.jsonl")[0]["predicted"] == text

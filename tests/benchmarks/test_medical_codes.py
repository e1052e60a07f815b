"""The rules by which the tables of medical codes become tasks, on made-up codes, and the file that they made."""

import gzip
import importlib.util
import json
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest
from benchmarks.comparisons.methods import SOURCES

from equipoise.data import check_records

ROOT = Path(__file__).resolve().parents[2]
WORKBOOK = {
    "xl/sharedStrings.xml": "<si><t>CMR_AIDS</t></si><si><t>Immune </t><t>deficiency </t></si><si><t>CMR_CBVD</t></si>"
    "<si><t>Strokes</t></si><si><t>AIDS</t></si><si><t>CBVD_POA</t></si><si><t>CBVD_SQLA</t></si>"
    "<si><t>B20</t></si><si><t>HIV disease</t></si><si><t>End of Content</t></si><si><t>a title</t></si>",
    "xl/worksheets/sheet2.xml": '<row><c r="A1" t="s"><v>10</v></c></row>'
    '<row><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c></row>'
    '<row><c r="A3" t="s"><v>2</v></c><c r="B3" t="s"><v>3</v></c></row>'
    '<row><c r="A4" t="s"><v>9</v></c></row>',
    "xl/worksheets/sheet3.xml": '<row><c r="A1" t="s"><v>10</v></c></row>'
    '<row><c r="A2" t="s"><v>10</v></c><c r="B2" t="s"><v>10</v></c><c r="C2" t="s"><v>10</v></c>'
    '<c r="D2" t="s"><v>4</v></c><c r="E2" t="s"><v>5</v></c><c r="AB2" t="s"><v>6</v></c></row>'
    '<row><c r="A3" t="s"><v>7</v></c><c r="B3" t="s"><v>8</v></c><c r="C3"><v>1</v></c>'
    '<c r="D3"><v>1</v></c><c r="E3"><v>0</v></c><c r="AB3"><v>1</v></c></row>'
    '<row><c r="A4" t="s"><v>9</v></c></row>',
}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("build", ROOT / "scripts" / "build_medical_codes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def records():
    return SOURCES["medical-codes"].records()


def test_a_diagnosis_is_major_before_it_is_a_complication(script):
    codes = script.severity({"A000": "cholera", "A0101": "meningitis", "B20": "HIV"}, {"A000", "A0101"}, {"A0101"})
    assert [(code.label, code.group) for code in codes] == [
        ("CC", "icd10cm A00"),
        ("MCC", "icd10cm A01"),
        ("none", "icd10cm B20"),
    ]


def test_a_diagnosis_of_several_comorbidities_is_left_out(script):
    measures = {"AIDS": "immune deficiency", "CBVD": "strokes", "PARALYSIS": "paralysis"}
    flags = [
        ("B20", "HIV", ["AIDS"]),
        ("I6930", "hemiplegia after a stroke", ["CBVD_SQLA", "PARALYSIS"]),
        ("I639", "a stroke", ["CBVD_POA", "CBVD_SQLA"]),
    ]
    assert [(code.code, code.label) for code in script.comorbidity(measures, flags)] == [
        ("B20", "immune deficiency"),
        ("I639", "strokes"),
    ]


def test_a_section_of_few_tables_has_smaller_families(script):
    many = {f"0{table}1{part}": "Bypass" for table in "0123456789" for part in "AB"}
    few = {"GZ5A": "Psychotherapy", "GZ5B": "Psychotherapy, Group", "GZ6A": "Counseling"}
    groups = {code.code: code.group for code in script.procedures(many | few)}
    assert groups["001A"] == groups["001B"] == "icd10pcs 001"
    assert (groups["GZ5A"], groups["GZ5B"]) == ("icd10pcs GZ5A", "icd10pcs GZ5B")


def test_no_text_names_its_section(script):
    texts = {"XW03": "Vaccine, Percutaneous Approach, New Technology Group 6", "GZ5A": "Psychotherapy, Group 6"}
    shown = [code.text for code in script.procedures(texts)]
    assert shown == ["Vaccine, Percutaneous Approach", "Psychotherapy, Group 6"]


def test_labels_that_cannot_be_in_all_splits_are_left_out(script):
    codes = [script.Code("task", "text", label, group, "") for label, group in ("aX", "aX", "aY", "bX", "bY", "bZ")]
    assert {code.label for code in script.in_enough_families(codes)} == {"b"}


def test_a_sample_keeps_the_shares_of_labels_in_any_order(script):
    codes = [script.Code("task", "text", "ab"[n < 9], "group", f"{n:03}") for n in range(100)]
    kept = script.sampled(codes, 4)
    assert [sum(code.label == label for code in kept) for label in "ab"] == [23, 3]
    assert script.sampled(codes[::-1], 4) == kept
    assert [code.code for code in kept] == sorted(code.code for code in kept)


def test_every_label_is_in_all_splits_and_no_family_is_cut(script):
    codes = [script.Code("task", f"text {n}", "common" if n % 20 else "rare", f"f{n // 2}", "") for n in range(200)]
    rows = script.rows(codes)
    splits = defaultdict(set)
    for row in rows:
        splits[row["group"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert {row["split"] for row in rows if row["label"] == "rare"} == {"train", "validation", "test"}


def test_the_lists_are_read_below_their_titles(script, tmp_path):
    text = (
        "TABLE 6J - COMPLETE CC LIST\r\nDiagnosis Code\tDescription\r\nA00.0\tCholera\r\nB20\tHIV\r\n\r\n\tNotes:\r\n"
    )
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w") as wheel:
        wheel.writestr("cc_list.txt", text)
        wheel.writestr("codes.csv", 'A000,"Cholera, classical"\n"B20",HIV\n')
    with zipfile.ZipFile(tmp_path / "wheel.zip") as wheel:
        assert script.listed(wheel, "cc_list.txt") == {"A000", "B20"}
        assert script.descriptions(wheel, "codes.csv") == {"A000": "Cholera, classical", "B20": "HIV"}


def test_the_workbook_is_read_without_its_titles_and_its_last_line(script, tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as book:
        for name, body in WORKBOOK.items():
            book.writestr(name, f'<all xmlns="{script.SHEET[1:-1]}">{body}</all>')
    with zipfile.ZipFile(tmp_path / "book.xlsx") as book:
        measures, flags = script.measures_and_flags(book)
    assert measures == {"AIDS": "Immune deficiency", "CBVD": "Strokes"}
    assert flags == [("B20", "HIV disease", ["AIDS", "CBVD_SQLA"])]


def test_the_same_rows_are_the_same_bytes(script):
    rows = [{"task": "severity", "text": "Ménière's disease"}]
    assert script.written(rows) == script.written(rows)
    assert [json.loads(line) for line in gzip.decompress(script.written(rows)).splitlines()] == rows
    assert script.written(rows)[4:8] == bytes(4)  # no time


def test_nothing_in_the_file_surprises(records):
    assert check_records(records) == []


def test_the_file_has_the_labels_that_its_page_tells(records):
    found = {task: len(set(records.where(task=task).column("target").to_pylist())) for task in records.tasks}
    assert found == {"comorbidity": 34, "procedure_section": 17, "severity": 3}
    assert len(records) == 62_244


def test_every_label_of_the_source_has_a_number_of_its_own(records):
    options = SOURCES["medical-codes"].run(records).tasks
    texts = list(options["comorbidity"].verbalisers.values())
    assert sorted(map(int, texts)) == list(range(1, 35))

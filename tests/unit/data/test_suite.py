"""The bundled suite is what its raw tables say, and its splits and bins leak nothing."""

import importlib.util
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise.base.problems import Problem
from equipoise.config import DataConfig
from equipoise.data import check_records, infer_tasks
from equipoise.data.suite import TEXTS, explain_problems, load_suite, suite_tasks, suites, tokenizer_path
from equipoise.errors import DataError
from equipoise.runs.rows import explained

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "data-sources" / "multi_diagnosis"
NAME = "multi-diagnosis"

# Rows of each label in the raw tables.
COUNTS = {
    "thyroid_hyper": {
        "negative": 8944,
        "hyperthyroid": 193,
        "T3 toxic": 21,
        "secondary toxic": 8,
        "toxic goitre": 6,
    },
    "thyroid_hypo": {
        "negative": 8513,
        "compensated hypothyroid": 419,
        "primary hypothyroid": 239,
        "hypothyroid": 1,
    },
    "heart_severity": {"absent": 411, "mild": 265, "moderate": 109, "severe": 107, "critical": 28},
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "scripts" / "build_multi_diagnosis.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rebuilt(script):
    return script.build(SOURCES)


@pytest.mark.parametrize("text", TEXTS)
def test_the_script_rebuilds_the_vendored_tables(rebuilt, text):
    vendored = pq.read_table(ROOT / "src" / "equipoise" / "data" / "_bundled" / "multi_diagnosis" / f"{text}.parquet")
    assert rebuilt[text].equals(vendored)


def test_the_script_writes_the_same_bytes_twice(script, rebuilt):
    table = rebuilt["binned"]
    assert script.parquet_bytes(table) == script.parquet_bytes(script.build(SOURCES)["binned"])


@pytest.mark.parametrize("text", TEXTS)
def test_counts(text):
    records = load_suite(NAME, text=text)
    assert len(records) == 56_310
    assert len(records.tasks) == 8
    for task, expected in COUNTS.items():
        counted = pc.value_counts(records.where(task=task).column("target")).to_pylist()
        assert {row["values"]: row["counts"] for row in counted} == expected


def test_both_texts_have_the_same_rows():
    binned, numbers = (load_suite(NAME, text=text).table.drop_columns("input") for text in TEXTS)
    assert binned.equals(numbers)


def test_no_split_cuts_a_group():
    table = load_suite(NAME).table
    splits = defaultdict(set)
    for group, split in zip(table["group"].to_pylist(), table["split"].to_pylist(), strict=True):
        splits[group].add(split)
    assert len(splits) == 9172 + 920 + 358
    assert all(len(found) == 1 for found in splits.values())
    share = pc.value_counts(table["split"]).to_pylist()
    assert {row["values"]: round(row["counts"] / len(table), 2) for row in share} == {
        "train": 0.70,
        "validation": 0.10,
        "test": 0.20,
    }


def test_test_rows_do_not_move_the_bins(script):
    patients = list(script.thyroid(SOURCES))
    words = {"TSH": {"quantiles": "q", "text": "TSH {}"}}
    quantiles = {"q": [0.25, 0.5, 0.75]}
    before = list(script.binned_texts(patients, words, quantiles))
    disturbed = [
        patient if patient.split == "train" else patient._replace(fields={**patient.fields, "TSH": "1e6"})
        for patient in patients
    ]
    after = list(script.binned_texts(disturbed, words, quantiles))
    train = [number for number, patient in enumerate(patients) if patient.split == "train"]
    assert [after[number] for number in train] == [before[number] for number in train]
    moved = [number for number, patient in enumerate(patients) if patient.split == "test"]
    assert {after[number] for number in moved} == {"TSH 4"}


def test_training_rows_fill_the_bins_evenly(script):
    patients = list(script.thyroid(SOURCES))
    train = [p.fields["TT4"] for p in patients if p.split == "train"]
    edges = script.bin_edges(train, [0.2, 0.4, 0.6, 0.8], [])
    values = [float(value) for value in train if value]
    at_most = [sum(value <= edge for value in values) / len(values) for edge in edges]
    assert at_most == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.02)  # the table rounds TT4, so there are ties


def test_missing_and_absent_values_have_their_own_words(script):
    say = script.binned(
        {"text": "fat {}", "missing": ["0"], "missing_text": "fat zero", "absent": "fat no"},
        script.bin_edges(["1", "2", "3", "0", ""], [0.5], ["0"]),
    )
    assert [say(value) for value in ("2", "2.5", "0", "")] == ["fat 1", "fat 2", "fat zero", "fat no"]


def test_target_texts_name_every_label_once():
    records = load_suite(NAME)
    options = suite_tasks(NAME)
    assert tuple(sorted(options)) == records.tasks
    for task, option in options.items():
        labels = set(records.where(task=task).column("target").to_pylist())
        assert set(option.verbalisers) == labels
        assert len(set(option.verbalisers.values())) == len(labels)
        assert "{input}" in option.prompt
    assert len({option.prompt for option in options.values()}) == len(options)


@pytest.mark.parametrize("text", TEXTS)
def test_the_note_of_the_suite_says_what_its_rows_are(text):
    records = load_suite(NAME, text=text)
    train, test = records.where(split="train"), records.where(split="test")
    known = set(zip(train.column("task").to_pylist(), train.column("input").to_pylist(), strict=True))
    of_test = zip(*(test.column(name).to_pylist() for name in ("task", "input", "group")), strict=True)
    twins = {group for task, words, group in of_test if (task, words) in known}
    (note,) = explain_problems(NAME, text, check_records(records, infer_tasks(train)))
    patients = len(set(test.column("group").to_pylist()))
    assert note.message.startswith(f"{NAME}: {len(twins)} of the {patients:,} test patients have the same text")
    assert records.where(task="thyroid_hypo").column("target").to_pylist().count("hypothyroid") == 1
    assert "hypothyroid" in train.where(task="thyroid_hypo").column("target").to_pylist()


def test_a_suite_explains_its_own_rows_alone():
    problems = [Problem("warning", code, "found") for code in ("one-class", "conflicting-targets")]
    assert [each.code for each in explain_problems(NAME, "binned", problems)] == ["one-class", "known-in-suite"]
    of_files = explained(DataConfig(source="rows.csv"), problems)
    assert of_files == problems
    found = explained(DataConfig(source=f"suite:{NAME}", text="numbers"), problems)
    assert found == explain_problems(NAME, "numbers", problems)


def test_the_two_texts_are_small():
    folder = ROOT / "src" / "equipoise" / "data" / "_bundled" / "multi_diagnosis"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000


def test_attribution_goes_with_the_data():
    folder = ROOT / "src" / "equipoise" / "data" / "_bundled"
    text = (folder / "multi_diagnosis" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for named in ("10.24432/C5D010", "10.24432/C52P4X", "10.24432/C5FK5P", "CC BY 4.0"):
        assert named in text
    assert "Apache" in (folder / "t5_tokenizer" / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_unknown_names_are_refused_with_the_known_ones():
    with raises(DataError, "unknown-suite", "'glue'", 'Known: "multi-diagnosis"'):
        load_suite("glue")
    with raises(DataError, "unknown-suite", "'glue'"):
        suite_tasks("glue")
    with raises(DataError, "unknown-text", '`text` must be "binned" or "numbers"', "found 'raw'"):
        load_suite(NAME, text="raw")
    assert suites() == (NAME,)


@pytest.mark.slow
def test_binned_prompts_and_targets_are_short_for_the_tokenizer():
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_path())
    assert len(tokenizer) == 32_100
    records = load_suite(NAME)
    for task, option in suite_tasks(NAME).items():
        inputs = sorted(set(records.where(task=task).column("input").to_pylist()))[:500]
        encoded = tokenizer([option.prompt.format(task=task, input=text) for text in inputs])["input_ids"]
        assert max(map(len, encoded)) <= 64
        assert all(tokenizer.unk_token_id not in ids for ids in encoded)
        targets = [tokenizer(text)["input_ids"] for text in option.verbalisers.values()]
        assert all(len(ids) == 2 for ids in targets)  # one piece and the end of the sequence
        assert len({ids[0] for ids in targets}) == len(targets)

"""Inputs that once came out as another error, hung, or were read where they should not have been."""

import gzip
import hashlib
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.errors import raises

from equipoise import Census, Plan, PlanSampler, Quota, StratumIndex
from equipoise.base.plain_json import parse_json
from equipoise.calibration import Calibration
from equipoise.config import load_config, make_config
from equipoise.config._yaml import parse_yaml
from equipoise.data import Limits, Task, read_records
from equipoise.data.readers.limits import FREE_BYTES
from equipoise.data.readers.sources import find_sources
from equipoise.errors import ConfigError, DataError, EquipoiseWarning, PlanError, RunError, StateError
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.trainer.checkpoints.position import FILE_NAME, StreamPosition

PLACE = {
    "format": 1,
    "equipoise": "0",
    "step": 1,
    "global_batch": 1,
    "draws_per_epoch": 1,
    "examples": 1,
    "sampler": None,
}
ROW = b'{"task": "t", "input": "x", "target": "y"}\n'


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("a: !!python/object/apply:os.system [id]", "not-yaml", "tags such as"),
        ("a: !!timestamp x", "not-yaml", "tags"),
        ("a: !!bool maybe", "not-yaml", "tags"),
        ("a: &a [*a]", "too-deep", "an alias contains itself"),
        ("a: &a {b: *a}", "too-deep", "an alias contains itself"),
        ("a: " + "[" * 5000, "too-deep", "nests deeper than 32"),
        ("a: " + "[" * 40 + "]" * 40, "too-deep", "nests deeper than 32"),
        ("a: " + "9" * 5000, "not-yaml", "more than 300 digits"),
        ("a: \x00", "not-yaml", "special characters are not allowed"),
        ('a: "\\ud800"', "not-unicode", "half of a surrogate pair"),
        ('a: "\\UFFFFFFFF"', "not-yaml", "plain YAML"),
        ("? [a]\n: 1", "not-a-string", "a key must be a string, found a sequence"),
    ],
)
def test_yaml_that_is_not_plain(text, code, message):
    with raises(ConfigError, code, message):
        parse_yaml(text)


def test_a_billion_laughs_are_counted():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with raises(ConfigError, "too-many-values", "more than 1,000,000 values"):
        parse_yaml("\n".join(lines))


def test_aliases_that_stay_small_are_read():
    assert parse_yaml("a: &x {b: 1}\nc: *x").data == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    "plan",
    [{"rates": {"scheme": []}}, {"weights": {"scheme": {}}}, {"draws": 10**30}, {"max_passes": 10**299}],
)
def test_values_of_odd_types_in_a_configuration(plan):
    config = {"data": {"source": "x"}, "plan": plan}
    try:
        made = make_config(config)
    except (ConfigError, PlanError):
        return
    with raises(PlanError, "too-many-draws", "at most 2"):
        Plan.build(
            Census.from_counts({"a": 3}), rates="proportional", weights="natural", draws=made.plan.draws or 2**60
        )


def test_a_loss_of_an_odd_type():
    with raises(ConfigError, "missing-name", "a loss must be a name"):
        make_config({"data": {"source": "x"}, "training": {"loss": {"name": []}}})


def test_a_configuration_of_many_bytes(tmp_path):
    (tmp_path / "run.yaml").write_bytes(b"#" * ((1 << 24) + 1))
    with raises(ConfigError, "cannot-read", "16,777,216"):
        load_config(tmp_path / "run.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "deeper than 64"),
        ("[" * 66 + "]" * 66, "deeper than 64"),
        ("NaN", "NaN"),
        ("[1e999]", "too large"),
        ("9" * 301, "301 digits"),
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ('{"\\udc00": 1}', "half of a surrogate pair"),
        ("[1", "Expecting"),
    ],
)
def test_json_that_is_not_plain(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text, ValueError)


def test_json_that_looks_like_half_a_pair_is_read():
    assert parse_json('["\\ud83d\\ude00", "\\\\ud800"]', ValueError) == ["\U0001f600", "\\ud800"]


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b'{\x00"\x00a', "broken-json", "rows.jsonl:1:"),  # taken for UTF-16 once
        (b"\xff\xfe" + ROW.decode().encode("utf-16-le"), "not-utf8", "rows.jsonl:1:"),
        (ROW + b'{"task": ' + b"[" * 100_000 + b"\n", "nested-too-deep", "rows.jsonl:2:"),
        (ROW + b"[" * 100_000, "nested-too-deep", "rows.jsonl:2:"),
        (
            ROW + b'{"input": "' + b"x" * 2000 + b'"}\n',
            "row-too-long",
            "rows.jsonl:2: the line is longer than 1,000 bytes",
        ),
        (b"x" * 2000, "row-too-long", "rows.jsonl:1:"),
    ],
)
def test_broken_lines(tmp_path, data, code, place):
    (tmp_path / "rows.jsonl").write_bytes(data)
    limits = Limits(row_bytes=1000) if b"xxx" in data else Limits()
    with raises(DataError, code, place):
        read_records(tmp_path / "rows.jsonl", limits=limits)


def test_bytes_that_are_not_utf8_behind_a_row_of_the_wrong_width(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b'task,input,target\nt,"a\nc"\xe7')
    with raises(DataError, "wrong-field-count", "rows.csv:2", "expected 3 fields"):
        read_records(tmp_path / "rows.csv")


def test_lines_up_to_the_limit_are_read(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(ROW * 1000)
    assert len(read_records(tmp_path / "rows.jsonl", limits=Limits(row_bytes=len(ROW)))) == 1000


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.csv.gz", "bomb.parquet.gz"])
def test_a_gzip_bomb(tmp_path, name, monkeypatch):
    monkeypatch.setattr("equipoise.data.readers.limits.FREE_BYTES", 1 << 20)
    header = b"task,input,target\n" if "csv" in name else b""
    row = b"t,x,y\n" if "csv" in name else ROW
    (tmp_path / name).write_bytes(gzip.compress(header + row * 2_000_000))
    with raises(DataError, "expands-too-much"):
        read_records(tmp_path / name, limits=Limits(expansion=50))


def test_a_parquet_file_of_many_times_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr("equipoise.data.readers.limits.FREE_BYTES", 1 << 20)
    names = {"task": "t", "input": "x" * 500, "target": "y"}
    pq.write_table(pa.table({name: [text] * 100_000 for name, text in names.items()}), tmp_path / "rows.parquet")
    with raises(DataError, "expands-too-much", "rows.parquet"):
        read_records(tmp_path / "rows.parquet")


def test_a_parquet_file_with_a_column_twice(tmp_path):
    column = pa.array(["a", "b"])
    table = pa.Table.from_arrays([column] * 4, names=["task", "input", "target", "target"])
    pq.write_table(table, tmp_path / "rows.parquet")
    with raises(DataError, "duplicate-column", "`target`"):
        read_records(tmp_path / "rows.parquet")


def test_links_stay_inside_what_was_named(tmp_path):
    inside, outside = tmp_path / "data", tmp_path / "secret.jsonl"
    (inside / "sub").mkdir(parents=True)
    outside.write_bytes(ROW)
    (inside / "sub" / "a.jsonl").write_bytes(ROW)
    (inside / "b.jsonl").symlink_to(inside / "sub" / "a.jsonl")
    assert len(find_sources(str(inside / "b*"))) == 1
    (inside / "link.jsonl").symlink_to(outside)
    for named in (inside, str(inside / "*.jsonl"), str(inside / "**" / "l*.jsonl")):
        with raises(DataError, "outside-folder", "link.jsonl", "secret.jsonl"):
            find_sources(named)
    assert len(find_sources(inside / "link.jsonl")) == 1
    with raises(DataError, "outside-folder"):
        find_sources(str(inside / "*" / ".." / ".." / "secret.jsonl"))


@pytest.mark.parametrize("name", ["~no-such-user-here/x.jsonl", "a" * 5000, "a\0b", "a\0*", "\ud800"])
def test_paths_that_cannot_be(name):
    with pytest.raises(DataError):
        find_sources(name)


@pytest.mark.parametrize(
    ("where", "code"), [("../secret.arrow", "outside-folder"), ("/etc/passwd", "outside-folder"), (3, "damaged-file")]
)
def test_a_saved_dataset_that_names_other_files(tmp_path, where, code):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": where}]}))
    with raises(DataError, code):
        read_records(folder)


def test_a_saved_dataset_dict_that_names_other_folders(tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "dataset_dict.json").write_text('{"splits": ["../other"]}')
    with raises(DataError, "outside-folder"):
        read_records(folder)


def test_errors_and_warnings_cannot_drive_a_terminal():
    for kind in (DataError, EquipoiseWarning):
        assert str(kind("bad-value", "label '\x1b[31m\x9b2J\u202e'\nnext")) == "label '\\x1b[31m\\x9b2J\\u202e'\nnext"
    for long in ("x", "\x1b", "\u202e"):
        for times in (10**6, 20_000):
            assert 10_000 < len(str(DataError("bad-value", long * times))) <= 20_000


def test_a_file_name_is_escaped(tmp_path):
    path = tmp_path / "a\x1b[2J.jsonl"
    path.write_bytes(b"{")
    with raises(DataError, "broken-json") as caught:
        read_records(path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [[], {}, {"name": 3}, {"name": "a", "kind": "open_ended", "labels": [1], "prompt": "{input}", "verbalisers": {}}],
)
def test_tasks_of_odd_types(values):
    with raises(ConfigError, "not-a-task", "A task cannot be read"):
        Task.from_dict(values)


@pytest.mark.parametrize("prompt", ["{input.__class__}", "{input[0]}", "{input!r}", "{input:>999999999}", "{0}{input}"])
def test_prompts_are_filled_in_and_nothing_more(prompt):
    with raises(ConfigError, "bad-prompt"):
        Task("a", "open_ended", prompt=prompt)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xff", "cannot-read"),
        (b"[" * 9999, "damaged-file"),
        (b'{"step": 1}', "other-format"),
        *((json.dumps({**PLACE, **odd}).encode(), "damaged-file") for odd in ({"draws_per_epoch": 0}, {"step": -1})),
    ],
)
def test_broken_positions(tmp_path, text, code):
    (tmp_path / FILE_NAME).write_bytes(text)
    with raises(StateError, code, FILE_NAME):
        StreamPosition.read(tmp_path)


@pytest.mark.parametrize(
    "odd",
    [
        {"costs": [[0], [1, 2]]},
        {"prior": ["a", "b"]},
        {"prior": {}},
        {"labels": [1, 2]},
        {"labels": ["a", "a"]},
        {"tau": "1"},
        {"thresholds": [1, 0]},
        {"extra": 1},
    ],
)
def test_a_calibration_of_odd_values_whose_fingerprint_fits(odd):
    good = {
        "labels": ["a", "b"],
        "trained_prior": [0.5, 0.5],
        "prior": [0.5, 0.5],
        "temperature": 1,
        "tau": 0,
        "costs": None,
        "thresholds": None,
    }
    content = {
        "format": "equipoise-calibration",
        "version": 2,
        "belongs": {"plan": "p", "model": "m"},
        "prior": "natural",
    }

    def signed(task):
        values = {**content, "rows": 1, "tasks": {"t": task}}
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return json.dumps({**values, "fingerprint": hashlib.sha256(canonical.encode()).hexdigest()})

    assert Calibration.from_json(signed(good)).rows == 1
    with raises(RunError, "damaged-calibration"):
        Calibration.from_json(signed({**good, **odd}))


def test_a_state_with_a_huge_batch():
    plan = Plan.build(Census.from_counts({"a": 3}), rates="proportional", weights="natural")
    sampler = PlanSampler(plan, StratumIndex.from_sizes(np.array([3])))
    for odd in ({"batches": {"name": "quota", "global_batch": 2**40}}, {"used": [10**30]}, {"position": 10**30}):
        with pytest.raises(StateError):
            sampler.load_state_dict({**sampler.state_dict(), **odd}, accept_changes=True)


def test_limits_are_those_of_the_page(tmp_path):
    """The table of docs/security.md; the limits of a configuration and of nesting are above."""
    assert (Limits().row_bytes, Limits().expansion, FREE_BYTES) == (16 << 20, 200, 1 << 30)
    with (tmp_path / "plan.json").open("wb") as file:
        file.truncate((256 << 20) + 1)
    with raises(RunError, "cannot-read", "larger than the limit of 268,435,456 bytes"):
        RunDirectory(tmp_path).read_plan()
    Quota(2**24)
    with raises(ConfigError, "bad-global-batch"):
        Quota(2**24 + 1)
    census = Census.from_counts({"a": 2**53})
    assert Plan.build(census, draws=2**59).draws == 2**59
    with raises(PlanError, "too-many-draws", "2**59"):
        Plan.build(census, draws=2**59 + 1)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "rows.jsonl")
    with raises(DataError, "no-such-file"):
        read_records(tmp_path / "rows.jsonl")


def test_json_of_a_run_that_is_broken(tmp_path):
    (tmp_path / "data.json").write_text('{"rows": NaN}')
    with raises(RunError, "damaged-file", "Cannot read `", "data.json`: NaN"):
        read_json(tmp_path / "data.json")

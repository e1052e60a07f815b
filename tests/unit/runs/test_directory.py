"""The parts of an experiment that need no training."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.support.errors import raises
from tests.unit.cli.rows import write_rows

from equipoise import Census, Plan
from equipoise.base.plain_json import write_json
from equipoise.compare.demo import demo_config
from equipoise.compare.demo_size import DRAWS
from equipoise.config import make_config
from equipoise.data import Records
from equipoise.drawing import Mixed, OneTask, Quota
from equipoise.errors import ConfigError, PlanError, RunError
from equipoise.models import load_tokenizer
from equipoise.rates import Equal
from equipoise.runs.arguments import trainer_arguments
from equipoise.runs.directory import RunDirectory, read_json
from equipoise.runs.prepare import encode, prepare, refuse_bad_forecast
from equipoise.runs.rows import fingerprint
from equipoise.runs.samples import validation_rows
from equipoise.runs.sampling import count_draws, index_of, sampler_of
from equipoise.trainer.checkpoints.lock import locked
from equipoise.trainer.checkpoints.seal import seal
from equipoise.weights import Power


def test_validation_rows_are_few_of_each_label_and_the_same_again() -> None:
    strata = np.repeat([2, 0, 1], [95, 5, 10])
    rows = validation_rows(strata, seed=1, most=7)
    assert np.bincount(strata[rows]).tolist() == [5, 7, 7]
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() == validation_rows(strata, seed=1, most=7).tolist()
    assert rows.tolist() != validation_rows(strata, seed=2, most=7).tolist()


def test_validation_rows_are_the_first_of_each_stratum_in_shuffled_order() -> None:
    strata = np.random.default_rng(5).integers(0, 9, 500)
    wanted, taken = [], Counter[int]()
    for row in np.random.default_rng(3).permutation(500).tolist():
        taken[strata[row]] += 1
        wanted += [row] * (taken[strata[row]] <= 4)
    assert validation_rows(strata, seed=3, most=4).tolist() == sorted(wanted)


COLUMNS = {
    "task": ["a", "b", "a", "a"],
    "input": ["ab", "c", "", "ab"],
    "target": ["x", None, "y", "x"],
    "group": ["1", "2", None, "1"],
    "split": ["train", "test", "train", "train"],
    "id": ["p", None, "q", "r"],
}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("task", ["a", "b", "a", "b"]),
        ("task", ["b", "a", "b", "b"]),
        ("input", ["a", "bc", "", "ab"]),
        ("input", ["ab", "c", "", "c"]),
        ("input", ["c", "ab", "", "c"]),
        ("target", ["x", "", "y", "x"]),
        ("target", ["y", None, "x", "y"]),
        ("group", ["1", "2", None, None]),
        ("split", ["train", "test", "validation", "train"]),
        ("id", ["p", None, "r", "q"]),
    ],
)
def test_fingerprints_change_with_any_string(column: str, values: list[str | None]) -> None:
    records = Records.from_dict(COLUMNS)
    assert fingerprint(records) != fingerprint(records.with_column(column, values))


def test_fingerprints_change_with_the_rows_their_order_and_the_columns() -> None:
    records = Records.from_dict(COLUMNS)
    others = [records.take(rows) for rows in ([1, 0, 2, 3], [0, 1, 3, 2], [0, 1, 2], [0, 1, 2, 3, 3])]
    others += [Records(records.table.drop_columns([name])) for name in ("group", "split", "id")]
    assert len({fingerprint(each) for each in (records, *others)}) == 8


def test_fingerprints_do_not_depend_on_chunks_nor_on_what_records_were_taken_from() -> None:
    records = Records.from_dict(COLUMNS)
    parts = Records(pa.concat_tables([records.take([row]).table for row in range(4)]))
    assert fingerprint(parts) == fingerprint(records) == fingerprint(records.take([3, 2, 1, 0]).take([3, 2, 1, 0]))
    train = records.where(split="train")
    assert fingerprint(train) == fingerprint(Records(train.table))
    assert fingerprint(train) == fingerprint(
        records.with_column("input", ["ab", "other", "", "ab"]).where(split="train")
    )


def test_long_fingerprints_are_those_of_all_strings() -> None:
    inputs = [f"input {row}" for row in range(70_000)]  # more than are hashed at once
    records = Records.from_dict({"task": ["t"] * 70_000, "input": inputs, "target": ["x"] * 70_000})
    assert fingerprint(records) != fingerprint(records.with_column("input", [*inputs[:-1], "input 70000"]))


def test_preparing_fits_on_training_rows_alone(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    base = {"data": {"source": str(rows)}}
    first = prepare(make_config(base))
    assert first.config.plan.draws == 72
    assert first.plan.counts.sum() == 72
    lines = [line for line in rows.read_text().splitlines() if '"split": "test"' not in line]
    rows.write_text("\n".join(lines) + "\n")
    assert prepare(make_config(base)).plan == first.plan


def test_a_bad_forecast_is_refused_unless_accepted(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    config = {"data": {"source": str(rows)}, "plan": {"weights": "inverse", "draws": 100_000}}
    with raises(PlanError, "bad-forecast", "--allow-repeats"):
        refuse_bad_forecast(prepare(make_config(config)))
    refuse_bad_forecast(prepare(make_config(config, overrides=["plan.allow_repeats=true"])))


def test_counted_draws_follow_the_plan(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    prepared = prepare(make_config({"data": {"source": str(rows)}}))
    drawn = count_draws(prepared.config, prepared.plan, prepared.plan.block)
    assert drawn.sum() == prepared.plan.block
    assert np.abs(drawn - prepared.plan.block * prepared.plan.probabilities).max() < 1


@pytest.mark.parametrize(
    ("word", "batches"),
    [("mixed", Mixed()), ("quota", Quota(8)), ("one_task", OneTask(8))],
    ids=str,
)
def test_the_configuration_says_what_batches_are_made_of(tmp_path: Path, word: str, batches: object) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    training = {"batches": word, "batch_size": 8}
    prepared = prepare(make_config({"data": {"source": str(rows)}, "training": training}))
    assert sampler_of(prepared.config, prepared.plan, index_of(prepared), 80).batches == batches
    with raises(ConfigError, "unknown-choice", "training.batches"):
        make_config({"data": {"source": str(rows)}, "training": {"batches": "pairs"}})


@pytest.mark.parametrize("unit", ["tokens", "input_tokens", "target_tokens"])
def test_rates_in_tokens_share_the_tokens_that_training_sees(tmp_path: Path, unit: str) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    config = {"data": {"source": str(rows)}, "plan": {"rates": "equal", "rates_in": unit}}
    prepared = prepare(make_config(config))
    encoded = encode(prepared.config, prepared.train, prepared.tasks, load_tokenizer("tiny"))
    lengths = {"input_tokens": encoded.input_lengths, "target_tokens": encoded.target_lengths}
    of_row = lengths.get(unit, encoded.input_lengths + encoded.target_lengths)
    plan = prepared.plan
    tokens = plan.probabilities * index_of(prepared).means(of_row)
    shares = np.bincount(plan.task_numbers, tokens) / tokens.sum()
    assert shares == pytest.approx([1 / len(plan.tasks)] * len(plan.tasks))
    assert len(plan.tasks) > 1
    if unit != "target_tokens":  # the targets of these tasks are equally long
        assert np.bincount(plan.task_numbers, plan.probabilities) != pytest.approx(shares, abs=1e-3)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("file", "not-a-directory", "`out` must be a new directory, found something else at"),
        ("folder", "not-empty", "is not empty, and runs are never overwritten. Choose another --out."),
        ("run", "not-empty", "Choose another --out, or resume that run with --resume."),
        ("link", "not-a-directory", "`out` must be a new directory, found something else at"),
    ],
)
def test_only_new_or_empty_directories_become_runs(tmp_path: Path, content: str, code: str, said: str) -> None:
    out = tmp_path / "out"
    if content == "file":
        out.write_text("mine")
    elif content != "link":
        out.mkdir()
        (out / ("config.yaml" if content == "run" else "notes.txt")).write_text("mine")
    else:
        out.symlink_to(tmp_path / "elsewhere")
    with raises(RunError, code) as refused:
        RunDirectory.create(out)
    assert said in str(refused.value)
    assert f"`{out}`" in str(refused.value)
    RunDirectory.create(tmp_path / "new" / "run")
    assert (tmp_path / "new" / "run").is_dir()


def test_entries_are_paths_of_a_directory_and_names_without_one(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path).plan == tmp_path / "plan.json"
    assert RunDirectory.plan.name == "plan.json"


def test_json_of_a_run_is_strict(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())
    (tmp_path / "x.json").write_text("{")
    with raises(RunError, "damaged-file") as refused:
        read_json(tmp_path / "x.json")
    assert f"Cannot read `{tmp_path / 'x.json'}`: " in str(refused.value)


def test_what_is_not_a_run_is_refused_by_the_file_that_is_missing(tmp_path: Path) -> None:
    with raises(RunError, "not-a-run") as refused:
        RunDirectory.open(tmp_path)
    assert f"`{tmp_path}` is not a run directory: `config.yaml` is missing." == str(refused.value)


def test_a_model_that_has_changed_is_refused_and_says_how_to_get_it_again(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.model.mkdir()
    (run.model / "model.safetensors").write_bytes(b"weights")
    with raises(RunError, "damaged-model", "it has no `SHA256SUMS`", f"--out {tmp_path} --resume`", "sha256sum *"):
        run.trained_model()
    seal(run.model)
    assert run.trained_model() == run.published_model() == run.model
    (run.model / "model.safetensors").write_bytes(b"weighty")
    with raises(RunError, "damaged-model", "`model.safetensors` has changed since it was written"):
        run.trained_model()


def test_opening_a_run_removes_what_killed_processes_left_in_it(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for path in (run.config, run.plan, run.tasks):
        path.touch()
    left = [".evaluation.json.0a1b2c3d.json", ".predictions.parquet.0a1b2c3d.parquet", ".mine"]
    left += [".calibration.json.0a1b2c3d.json", "calibration/.report.json.0a1b2c3d.json", "calibration/report.json"]
    for name in left:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    RunDirectory.open(tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"config.yaml", "plan.json", "tasks.json", ".mine", "calibration/report.json"}


def test_the_lock_of_a_start_that_was_killed_does_not_fill_a_directory(tmp_path: Path) -> None:
    with locked(RunDirectory(tmp_path).checkpoints):
        RunDirectory.create(tmp_path)
    (tmp_path / "plan.json").touch()
    RunDirectory.create(tmp_path, again=True)
    (tmp_path / "checkpoints" / "checkpoint-1").mkdir()
    with raises(RunError, "not-empty"):
        RunDirectory.create(tmp_path, again=True)


def test_tokens_that_another_rank_has_made_already_do_not_fill_a_directory(tmp_path: Path) -> None:
    (RunDirectory(tmp_path).tokens / "tokens-0").mkdir(parents=True)
    RunDirectory.create(tmp_path)
    (tmp_path / ".other").mkdir()
    with raises(RunError, "not-empty"):
        RunDirectory.create(tmp_path)


def test_a_run_without_a_model_says_how_to_finish_it(tmp_path: Path) -> None:
    with raises(RunError, "no-model") as refused:
        RunDirectory(tmp_path).trained_model()
    assert f"`equipoise train {tmp_path / 'config.yaml'} --out {tmp_path} --resume`" in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", "NaN", '{"a": 1}', '{"a": {"kind": "x"}}', "[" * 9999])
@pytest.mark.parametrize("name", ["plan.json", "tasks.json", "calibration.json"])
def test_a_damaged_file_of_a_run_is_named(tmp_path: Path, name: str, text: str) -> None:
    run = RunDirectory(tmp_path)
    (tmp_path / name).write_text(text)
    if (name, text) == ("tasks.json", "{}"):
        assert run.read_tasks() == {}
        return
    read = {
        "plan.json": run.read_plan,
        "tasks.json": run.read_tasks,
        "calibration.json": lambda: run.read_calibration(Plan.build(Census.from_counts({"a": 3}))),
    }
    with raises(RunError, "damaged-file") as refused:
        read[name]()
    assert f"`{tmp_path / name}`" in str(refused.value)


def test_trainer_arguments_follow_the_configuration(tmp_path: Path) -> None:
    overrides = ["training.batch_size=32", "training.warmup=0.1", "training.schedule=cosine", "plan.draws=1000"]
    overrides += ["trainer.use_cpu=true", "trainer.gradient_accumulation_steps=4"]
    config = make_config({"data": {"source": "x"}}, overrides=overrides)
    args = trainer_arguments(config, tmp_path, "t5")
    assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (8, 4)
    assert (args.max_steps, args.warmup_steps) == (32, 3)  # 1,000 draws are 31.25 steps, rounded up
    assert args.lr_scheduler_type == "cosine"
    with raises(ConfigError, "batch-size") as refused:
        trainer_arguments(replace(config, training=replace(config.training, batch_size=6)), tmp_path, "t5")
    assert "must be a multiple of 4 here, found 6" in str(refused.value)


def test_the_demonstration_draws_whole_blocks_and_its_arms_differ_in_the_plan_alone() -> None:
    assert DRAWS % 2048 == 0
    config = demo_config(DRAWS, seed=5)
    assert (config.seed, config.plan.draws, config.compare.stages, config.compare.seeds) == (5, DRAWS, 2, 2)
    natural, planned = config.trials.values()
    assert planned == replace(natural, rates=Equal(), weights=Power(gamma=0.5))

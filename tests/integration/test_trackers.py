"""Runs and comparisons in TensorBoard, Weights & Biases (offline) and MLflow (SQLite), read back from their files."""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hf_jobs
import pytest
from tests.support.errors import raises
from transformers import ByT5Tokenizer

from equipoise.compare.engine import compare
from equipoise.config import make_comparison, make_config
from equipoise.errors import ConfigError
from equipoise.runs import trackers
from equipoise.runs.evaluate import evaluate
from equipoise.runs.trackers import ids_of, trackers_in
from equipoise.runs.tracking import report_scores
from equipoise.runs.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning"),
    # Of the packages themselves.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ALL = ("tensorboard", "wandb", "mlflow")
HALF = 0.5  # of the draws are of each task, as its rates are equal


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty working directory, and nothing of a tracker in the environment."""
    for name in ALL:
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("trackers")
    lines = [
        {
            "task": task,
            "input": f"{label} {number}",
            "target": label,
            "split": ("train", "validation", "test")[number % 3],
        }
        for number in range(60)
        for task, label in (("tone", ("good", "bad")[number % 4 == 0]), ("topic", ("art", "law")[number % 2]))
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    hf_jobs.tiny_t5().save_pretrained(folder / "model")
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder / "model")
    (folder / "cwd").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        for name in ("TENSORBOARD_LOGGING_DIR", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_DIR"):
            patched.delenv(name, raising=False)
        patched.setenv("WANDB_MODE", "offline")
        patched.setenv("WANDB_SILENT", "true")
        patched.setenv("WANDB_CACHE_DIR", str(folder / "cache"))
        patched.chdir(folder / "cwd")
        yield folder
    assert not list((folder / "cwd").iterdir()), "nothing comes into the working directory"
    assert "MLFLOW_TRACKING_URI" not in os.environ, "what is set for a run is not left behind"


def settings(place: Path, **more: Any) -> dict[str, Any]:
    training = {"batch_size": 8, "best": "macro_f1", "validate_every": 2, "log_every": 2, "save_every": 4}
    return {
        "data": {"source": str(place / "rows.jsonl")},
        "model": {"name": str(place / "model")},
        "plan": {"draws": 80, "allow_repeats": True},
        "training": training,
        "trainer": {"use_cpu": True, "report_to": list(ALL)},
        **more,
    }


@pytest.fixture(scope="module")
def resumed(place: Path) -> tuple[Path, dict[str, str]]:
    """A run that was killed in step 7 and resumed, and what the trackers called it before."""
    out, step = place / "run", hf_jobs.EquipoiseTrainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == 7:
            raise OSError("killed")
        return step(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("equipoise.trainer.EquipoiseTrainer.training_step", training_step)
        with pytest.raises(OSError, match="killed"):
            train(make_config(settings(place)), out)
    before = ids_of(out)
    run = train(make_config(settings(place)), out, resume=True)
    report_scores(out, evaluate(out).scores, run.steps)
    return out, before


def test_the_run_is_the_same_one_when_it_is_resumed(resumed: tuple[Path, dict[str, str]]) -> None:
    out, before = resumed
    assert ids_of(out) == before
    assert set(before) == set(ALL)
    assert sorted(path.name for path in (out / "trackers").iterdir()) == [
        "ids.json", "mlflow-artifacts", "mlflow.db", "tensorboard", "wandb",
    ]  # fmt: skip


def test_tensorboard(resumed: tuple[Path, dict[str, str]]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out, _ = resumed
    events = EventAccumulator(str(out / "trackers" / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    for name in ("train/loss", "eval/macro_f1", "eval/tone_macro_f1", "drawn/tone", "drawn_by_label/tone/bad"):
        assert [each.step for each in events.Scalars(name)] == [2, 4, 6, 8, 10], name
    for task in ("tone", "topic"):
        assert events.Scalars(f"drawn/{task}")[-1].value == pytest.approx(HALF)
    assert events.Scalars("test/macro_f1")
    for name in ("plan", "forecast", "scores"):
        text = events.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0].decode()
        assert text.startswith("| task |")
        assert "| tone |" in text


def test_wandb(resumed: tuple[Path, dict[str, str]]) -> None:
    out, before = resumed
    files = sorted((out / "trackers" / "wandb").glob("offline-run-*/*.wandb"))
    assert files
    assert {path.stem for path in files} == {f"run-{before['wandb']}"}
    logged: dict[str, list[Any]] = {}
    for path in files:
        for record in records_of(path):
            for item in record.history.item:
                logged.setdefault("/".join(item.nested_key) or item.key, []).append(json.loads(item.value_json))
    assert len(logged["train/loss"]) == 6, "steps 2, 4, 6, and after the checkpoint of step 4 from 6 on again"
    assert logged["drawn/tone"][-1] == pytest.approx(HALF)
    assert {"eval/macro_f1", "test/macro_f1"} <= logged.keys()
    assert {"plan", "forecast", "scores"} <= {name.partition("/")[0] for name in logged}


def test_mlflow(resumed: tuple[Path, dict[str, str]]) -> None:
    import mlflow

    out, before = resumed
    assert not mlflow.is_tracking_uri_set()
    client = mlflow.MlflowClient(f"sqlite:///{out / 'trackers' / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("equipoise").experiment_id])
    assert run.info.run_id == before["mlflow"]
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    steps = {each.step for each in client.get_metric_history(run.info.run_id, "eval_macro_f1")}
    assert steps == {2, 4, 6, 8, 10}
    assert run.data.metrics["drawn/tone"] == pytest.approx(HALF)
    assert "test/macro_f1" in run.data.metrics
    kept = {path.name for path in (out / "trackers" / "mlflow-artifacts").rglob("*.md")}
    assert kept == {"plan.md", "forecast.md", "scores.md"}


def test_the_runs_of_a_comparison_are_below_its_own(place: Path) -> None:
    import mlflow

    more = {
        "candidates": ["balanced"],
        "seeds": 1,
        "first_seeds": 1,
        "stages": 2,
        "finalists": 1,
        "corrections": ["none"],
    }
    out = place / "comparison"
    chosen = settings(place, compare=more, evaluation={"bootstrap": 20})
    chosen["trainer"]["report_to"] = ["mlflow", "wandb"]
    chosen["plan"]["draws"] = 160
    result = compare(make_comparison(chosen), out, command="", log=lambda _: None)
    client = mlflow.MlflowClient(f"sqlite:///{out / 'trackers' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("equipoise").experiment_id])
    own = ids_of(out)["mlflow"]
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == own]
    folders = sorted(path.name for path in (out / "runs").iterdir())
    assert sorted(run.info.run_name for run in below) == folders
    assert len(folders) == len(result.runs) == 4, "two trainings, twice"
    assert len(runs) == len(below) + 1
    (table,) = (out / "trackers" / "mlflow-artifacts").rglob("finalists.md")
    assert "| natural |" in table.read_text()
    for folder in folders:
        published = json.loads((out / "runs" / folder / "published.json").read_text())
        assert published["best"] == "macro_f1"
        lines = (out / "runs" / folder / "metrics.jsonl").read_text()
        assert "eval_macro_f1" in lines
    files = list((out / "runs").glob("*/trackers/wandb/offline-run-*/*.wandb"))
    groups = [record.run.run_group for path in files for record in records_of(path) if record.HasField("run")]
    assert len(files) == 4
    assert set(groups) == {"comparison"}


def records_of(path: Path) -> Iterator[Any]:
    """Read a file of Weights & Biases: a LevelDB log, of blocks of 32 KiB, behind a head of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {1, 4}:  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def test_a_tracker_that_is_not_installed_names_its_package(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda package: None if package == "wandb" else package)
    with raises(ConfigError, "missing-package", "trainer option `report_to` wandb", "`pip install wandb`"):
        train(make_config(settings(place)), place / "none")
    assert not (place / "none").exists()
    assert trackers_in("all") == ["tensorboard", "mlflow"]

"""Two ranks measure validations together, and publish the checkpoint that one process does; also with shared shards."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.support.faults import hf_jobs
from tests.support.processes import Started, places
from torch.testing import assert_close

from equipoise.config import make_config
from equipoise.runs.train import train

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::equipoise.errors.EquipoiseWarning"),
]


def rank(jobs: dict[Path, dict[str, Any]]) -> None:
    for name, job in jobs.items():
        run = train(make_config(job), name)
        Path(f"{name}.{os.environ['RANK']}").write_text(str(run.published))


def settings(folder: Path, **trainer: Any) -> dict[str, Any]:
    return {
        "data": {"source": str(folder / "rows.jsonl")},
        "model": {"name": str(folder / "model")},
        "plan": {"draws": 96, "allow_repeats": True},
        "training": {"batch_size": 8, "learning_rate": 0.01, "best": "log_loss", "patience": 3, "validate_every": 1},
        "trainer": {"use_cpu": True, "optim": "adamw_torch", **trainer},
    }


def test_two_ranks_measure_and_publish_what_one_process_does(tmp_path: Path) -> None:
    words = (("tone", ("good", "bad")), ("topic", ("art", "law")))
    lines = [
        {"task": task, "input": f"{number}", "target": of[number % 2], "split": ("train", "validation")[number % 5 > 2]}
        for number in range(55)
        for task, of in words
    ]
    # The one validation row of a task is scored by one rank, and the other has none.
    lines += [
        {
            "task": "rare",
            "input": f"{number}",
            "target": "ab"[number % 2],
            "split": "validation" if number == 8 else "train",
        }
        for number in range(9)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    hf_jobs.write_tiny_t5(tmp_path / "model")
    one = train(make_config(settings(tmp_path)), tmp_path / "one")
    jobs = {tmp_path / "ddp": settings(tmp_path), tmp_path / "sharded": settings(tmp_path, fsdp=True)}
    ranks = [Started(rank, jobs, environment=place) for place in places(2)]
    for each in ranks:
        each.wait()
    expected = one.published
    assert expected is not None
    for name in ("ddp", "sharded"):
        told = [Path(f"{tmp_path / name}.{number}") for number in (0, 1)]
        assert all(path.exists() for path in told), [each.stderr for each in ranks]
        assert told[0].read_text() == told[1].read_text() == str(expected), name
        logs = [read(run) for run in (tmp_path / "one", tmp_path / name)]
        assert logs[1] == [pytest.approx(line, rel=1e-3, abs=1e-4) for line in logs[0]]
        weights = [load_file(run / "model" / "model.safetensors") for run in (tmp_path / "one", tmp_path / name)]
        assert_close(weights[1], weights[0], rtol=1e-3, atol=1e-4)


def read(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {k: v for k, v in line.items() if "per_second" not in k and "runtime" not in k}
        for line in lines
        if "eval_loss" in line
    ]

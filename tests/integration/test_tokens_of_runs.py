"""Runs whose rows are tokenised when they are drawn reach, bit for bit, the weights of those tokenised before."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.support.errors import warns
from tests.support.processes import Started, places
from tests.unit.cli.rows import write_rows

from equipoise.collate.store import TokenStore
from equipoise.config import make_config
from equipoise.data import Task
from equipoise.errors import DataWarning, RunWarning
from equipoise.models import load_tokenizer
from equipoise.runs import tokens
from equipoise.runs.prepare import Prepared, encode, prepare
from equipoise.runs.tokens import fingerprint_of_tokens
from equipoise.runs.train import train_prepared
from equipoise.trainer import EquipoiseTrainer
from equipoise.trainer.launch import join

pytestmark = pytest.mark.slow
STEPS = 8


def prepared_of(rows: Path, **training: Any) -> Prepared:
    options = {"batch_size": 16, "window": 2, "learning_rate": 3e-3, "log_every": 1, "save_every": 3, **training}
    workers = options.pop("workers", 0)
    return prepare(
        make_config(
            {
                "data": {"source": str(rows)},
                "training": options,
                "plan": {"draws": 16 * STEPS, "weights": "sqrt", "allow_repeats": True},
                "trainer": {"use_cpu": True, "dataloader_num_workers": workers},
            }
        )
    )


def weights(out: Path) -> dict[str, Any]:
    return load_file(out / "model" / "model.safetensors")


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl", patients=100)


@pytest.fixture(scope="module")
def expected(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The weights after a training on rows that were all tokenised before."""
    prepared, out = prepared_of(rows), tmp_path_factory.mktemp("runs") / "before"
    train_prepared(prepared, out, encoded=encode(prepared.config, prepared.train, prepared.tasks))
    return weights(out)


@pytest.fixture(params=[2.0, 0.0], ids=["by window", "filled"])
def share(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOSTLY", request.param)


@pytest.mark.usefixtures("share")
@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")  # of torch, where CPUs are few
def test_with_workers_or_without(rows: Path, expected: dict[str, Any], tmp_path: Path, workers: int) -> None:
    train_prepared(prepared_of(rows, workers=workers), tmp_path / "run")
    assert same(weights(tmp_path / "run"), expected)
    assert not (tmp_path / "run" / ".tokens").exists()


def killed_in_training(rows: Path, out: Path) -> None:
    step = EquipoiseTrainer.training_step

    def training_step(self: EquipoiseTrainer, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *args, **kwargs)

    tokens.MOSTLY = 2.0
    EquipoiseTrainer.training_step = training_step
    train_prepared(prepared_of(rows), out)


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
def test_killed_and_resumed(
    rows: Path, expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    out = tmp_path / "run"
    killed = Started(killed_in_training, rows, out)
    assert killed.wait() == -signal.SIGKILL, killed.stderr
    (file,) = out.glob(".tokens/*/tokens-1")
    if damaged:  # as after a loss of power
        os.truncate(file, file.stat().st_size // 2 + 1)
    monkeypatch.setattr(tokens, "MOSTLY", 2.0)
    train_prepared(prepared_of(rows), out, resume=True)
    assert same(weights(out), expected)


def on_a_rank(rows: Path, out: Path, mostly: float) -> None:
    prepared = prepared_of(rows)
    ranks = join(prepared.config.trainer, os.environ)
    tokens.MOSTLY = mostly
    all_rows = encode(prepared.config, prepared.train, prepared.tasks) if mostly == 9 else None
    with ranks.ending_together():
        train_prepared(prepared, out, encoded=all_rows, ranks=ranks)


@pytest.mark.distributed
def test_on_two_ranks(rows: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    for mostly in (9, 2, 0):  # all before, by window, filled
        out = tmp_path / str(mostly)
        started = [Started(on_a_rank, rows, out, mostly, environment=place) for place in places(2)]
        for each in started:
            each.wait()
        assert (out / "model").is_dir(), [each.stderr for each in started]  # gloo may abort a process as it exits
        found.append(weights(out))
    assert same(found[1], found[0])
    assert same(found[2], found[0])
    assert all(np.allclose(found[0][name], expected[name], atol=2e-4) for name in expected)


def test_a_later_run_of_the_same_rows_takes_its_tokens_from_the_cache(
    rows: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    train_prepared(prepared_of(rows), tmp_path / "first", cache=cache)
    (folder,) = cache.iterdir()
    files = sorted(each.name for each in folder.iterdir())
    assert files == ["places", "tokens-1"]
    train_prepared(prepared_of(rows, workers=1), tmp_path / "second", cache=cache)
    assert sorted(each.name for each in folder.iterdir()) == files, "nothing is tokenised again"
    train_prepared(prepared_of(rows, max_input=100), tmp_path / "third", cache=cache)
    assert len(list(cache.iterdir())) == 2
    for out in ("first", "second", "third"):
        assert same(weights(tmp_path / out), expected)
        assert not (tmp_path / out / ".tokens").exists()


def test_a_cache_that_cannot_be_written_fails_no_run(rows: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with warns(RunWarning, "tokens-not-kept"):
        train_prepared(prepared_of(rows, workers=1), tmp_path / "run", cache=tmp_path / "file" / "cache")
    assert same(weights(tmp_path / "run"), expected)


def test_what_is_cut_is_told_in_draws(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOSTLY", 2.0)
    with pytest.warns(DataWarning) as caught:
        train_prepared(prepared_of(rows, max_input=9), tmp_path / "run")
    first, total = (str(each.message) for each in caught if "max_input" in str(each.message))
    assert "of 32 inputs drawn so far have more than `max_input`=9 tokens" in first
    assert f"of {16 * STEPS} inputs have more than `max_input`=9 tokens" in total


def test_a_start_that_fails_leaves_no_tokens(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        assert list((tmp_path / "run" / ".tokens").iterdir())
        raise ValueError("a start that fails")

    monkeypatch.setattr(tokens, "MOSTLY", 0.0)
    monkeypatch.setattr("equipoise.trainer.EquipoiseTrainer.train", fail)
    with pytest.raises(ValueError, match="a start that fails"):
        train_prepared(prepared_of(rows), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_name_of_tokens_is_that_of_all_they_depend_on() -> None:
    words, more_words = load_tokenizer("tiny"), load_tokenizer("tiny")
    more_words.add_tokens(["crushing"])
    tasks, limits = {"t": Task("t", "open_ended")}, {"max_input": 512, "max_target": 64}
    names = [
        fingerprint_of_tokens("a", tasks, words, limits),
        fingerprint_of_tokens("b", tasks, words, limits),
        fingerprint_of_tokens("a", {"t": Task("t", "open_ended", prompt="{input}")}, words, limits),
        fingerprint_of_tokens("a", tasks, more_words, limits),
        fingerprint_of_tokens("a", tasks, words, {**limits, "max_input": 100}),
        fingerprint_of_tokens("a", tasks, words, {**limits, "max_target": 100}),
    ]
    assert len(set(names)) == len(names)
    assert fingerprint_of_tokens("a", tasks, load_tokenizer("tiny"), limits) == names[0]


def test_rates_in_tokens_fill_the_cache_that_training_reads(rows: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    config = prepared_of(rows).config
    config = replace(config, plan=replace(config.plan, rates_in="tokens"))
    prepared = prepare(config, cache=cache)
    assert prepared.plan.fingerprint == prepare(config).plan.fingerprint
    (folder,) = cache.glob("tokens-*")
    there = TokenStore(folder, len(prepared.train)).heads(np.arange(len(prepared.train)))
    assert (there[:, 0] > 0).all()
    train_prepared(prepared, tmp_path / "run", cache=cache)
    assert sorted(each.name for each in folder.iterdir()) == ["places", "tokens-1"], "nothing is tokenised again"

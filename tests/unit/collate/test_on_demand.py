"""Rows that are tokenised when they are drawn: the same tokens as all at once, and no more than is drawn."""

import errno
import multiprocessing as mp
import pickle
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.errors import raises, warns
from tests.unit.collate.test_collate import RECORDS, TASKS, TONE, word_tokenizer
from torch.utils.data import DataLoader

from equipoise.collate import EncodedExamples
from equipoise.collate.store import TokenStore
from equipoise.data import Records, Task
from equipoise.drawing import Shard
from equipoise.errors import ConfigError, DataError, DataWarning, RunWarning
from equipoise.models import load_tokenizer

MANY = 300


def many() -> tuple[Records, dict[str, Task]]:
    """Texts of many lengths under several prompts, some of them cut, unknown to the vocabulary or lossy."""
    random = np.random.default_rng(0)
    words = np.array(["fever", "pain", "cut", "≥", "hand", "left", "right"])
    rows: dict[str, list[str | None]] = {"task": [], "input": [], "target": []}
    for row in range(MANY):
        task = ("triage", "say", "alike")[row % 3]
        rows["task"].append(task)
        rows["input"].append(" ".join(random.choice(words, random.integers(1, 40))))
        open_ended = " ".join(random.choice(words, random.integers(1, 12))) + ("  two" if row % 4 else "")
        rows["target"].append(
            None if row % 50 == 0 else ("urgent" if row % 5 else "routine") if row % 3 != 1 else open_ended
        )
    return Records.from_dict(rows), {
        "triage": Task("triage", "classification", ("routine", "urgent"), prompt="{input} Is it urgent?"),
        "say": Task("say", "open_ended", prompt="{task}: {input}"),
        "alike": Task("alike", "classification", ("routine", "urgent"), prompt="say: {input}"),
    }


LIMITS = {"max_input": 24, "max_target": 8}


def quietly(make: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return make()


@pytest.fixture(scope="module")
def pieces() -> Any:
    return load_tokenizer("tiny")


@pytest.fixture(scope="module")
def expected(pieces: Any) -> EncodedExamples:
    return quietly(lambda: EncodedExamples.encode(*many(), pieces, **LIMITS))


def lazily(tokenizer: Any, folder: Path, shard: Shard = Shard()) -> EncodedExamples:  # noqa: B008
    return EncodedExamples.on_demand(*many(), tokenizer, folder, **LIMITS, shard=shard)


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    for left, right in zip(one, other, strict=True):
        assert {name: np.asarray(value).tolist() for name, value in left.items()} == {
            name: np.asarray(value).tolist() for name, value in right.items()
        }


@pytest.mark.parametrize("window", [1, 7, MANY])
def test_every_row_is_what_it_is_if_all_are_tokenised_at_once(
    pieces: Any, expected: EncodedExamples, tmp_path: Path, window: int
) -> None:
    found = lazily(pieces, tmp_path)
    drawn = np.random.default_rng(1).permutation(MANY)
    for first in range(0, MANY, window):
        rows = drawn[first : first + window]
        assert quietly(lambda rows=rows: found.lengths[rows]).tolist() == expected.input_lengths[rows].tolist()
    same(found.__getitems__(range(MANY)), expected.__getitems__(range(MANY)))
    same([found[3]], [expected[3]])
    assert found.target_lengths.tolist() == expected.target_lengths.tolist()
    assert (found.truncated_inputs, found.truncated_targets) == (expected.truncated_inputs, expected.truncated_targets)
    assert 0 < expected.truncated_inputs < MANY
    assert 0 < expected.truncated_targets < MANY


def test_a_row_that_is_cut_keeps_its_own_prompt_whatever_else_is_in_the_window(pieces: Any, tmp_path: Path) -> None:
    text = "pain " * 30
    records = Records.from_dict({"task": ["a", "b"], "input": [text, f"{text}urgent?"], "target": ["x", "x"]})
    tasks = {
        "a": Task("a", "classification", ("x", "y"), prompt="{input}urgent?"),
        "b": Task("b", "classification", ("x", "y"), prompt="{input}"),
    }
    whole = quietly(lambda: EncodedExamples.encode(records, tasks, pieces, max_input=16))
    alone = EncodedExamples.on_demand(records, tasks, pieces, tmp_path, max_input=16)
    for rows in ([1], [0]):
        quietly(lambda rows=rows: alone.lengths[np.array(rows)])
    same(alone.__getitems__([0, 1]), whole.__getitems__([0, 1]))
    assert "urgent" in pieces.decode(whole[0]["input_ids"])
    assert "urgent" not in pieces.decode(whole[1]["input_ids"])


def test_only_what_is_drawn_is_tokenised_and_only_once(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    examples = EncodedExamples.on_demand(RECORDS, TASKS, tokenizer, tmp_path)
    asked = tokenizer.__dict__["asked"]
    assert "tone: fine" not in asked
    asked.clear()
    assert examples.lengths[np.array([1, 5, 1])].tolist() == [4, 4, 4]
    assert asked == ["tone: fine"]
    asked.clear()
    assert examples.lengths[np.array([1])].tolist() == [4]
    assert (
        examples[1]["labels"].tolist() == EncodedExamples.encode(RECORDS, TASKS, word_tokenizer())[1]["labels"].tolist()
    )
    assert asked == []


def test_another_process_or_a_later_run_takes_what_is_there(tmp_path: Path) -> None:
    quietly(lambda: EncodedExamples.on_demand(RECORDS, TASKS, word_tokenizer(), tmp_path).lengths[np.arange(6)])
    tokenizer = word_tokenizer()
    later = EncodedExamples.on_demand(RECORDS, TASKS, tokenizer, tmp_path)
    tokenizer.__dict__["asked"].clear()
    assert later.lengths[np.arange(6)].tolist() == [4, 4, 4, 3, 4, 4]
    later.__getitems__(range(6))
    assert tokenizer.__dict__["asked"] == []


def test_the_next_window_is_tokenised_in_another_thread(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    examples = EncodedExamples.on_demand(RECORDS, TASKS, tokenizer, tmp_path)
    threads: list[str] = []
    encode = tokenizer._encode_plus

    def noted(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread().name)
        time.sleep(0.2)  # who does not wait would tokenise as well
        return encode(*args, **kwargs)

    tokenizer._encode_plus = noted
    examples.lengths.ahead(np.array([2, 3]))
    examples.lengths[np.array([2, 3])]
    assert threads
    assert all(name.startswith("tokenising") for name in threads)


def test_what_fails_in_the_thread_is_raised_where_it_is_needed(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    examples = EncodedExamples.on_demand(RECORDS, TASKS, tokenizer, tmp_path)
    tokenizer._encode_plus = None
    examples.lengths.ahead(np.array([2, 3]))
    with pytest.raises(TypeError):
        examples.lengths[np.array([2, 3])]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "never drawn"])
def test_workers_read_what_is_tokenised_after_they_began_and_make_the_rest(
    pieces: Any, expected: EncodedExamples, tmp_path: Path, method: str, drawn: bool
) -> None:
    found = lazily(pieces, tmp_path)

    def draw() -> Any:
        for first in range(0, MANY, 50):
            rows = np.arange(first, first + 50)
            if drawn:  # after the workers have begun, before its rows are sent
                quietly(lambda rows=rows: found.lengths[rows])
            yield from rows.tolist()

    loader = DataLoader(
        found,
        batch_size=10,
        sampler=draw(),
        num_workers=1,
        collate_fn=list,
        multiprocessing_context=mp.get_context(method),
    )
    same([item for batch in loader for item in batch], expected.__getitems__(range(MANY)))


def test_pickles_keep_the_path_and_what_they_need_to_tokenise(pieces: Any, expected: EncodedExamples, tmp_path: Path):
    found = lazily(pieces, tmp_path)
    quietly(lambda: found.lengths[np.arange(10)])
    found.lengths.ahead(np.arange(20))
    copy = pickle.loads(pickle.dumps(found))
    same(copy.__getitems__(range(30)), expected.__getitems__(range(30)))
    assert quietly(lambda: copy.lengths[np.arange(30)]).tolist() == expected.input_lengths[:30].tolist()


def test_ranks_share_the_work_of_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.collate.on_demand.PART", 2)
    tokenizers = [word_tokenizer(), word_tokenizer()]
    ranks = [
        EncodedExamples.on_demand(RECORDS, TASKS, each, tmp_path, shard=Shard(rank, 2))
        for rank, each in enumerate(tokenizers)
    ]
    order: list[list[int]] = []
    for examples in ranks:
        made = examples.tokens._made  # type: ignore[attr-defined]
        seen: list[int] = []
        order.append(seen)
        examples.tokens._made = lambda rows, made=made, seen=seen: (seen.extend(rows.tolist()), made(rows))[1]  # type: ignore[attr-defined]
        store = TokenStore(tmp_path / f"own{len(order)}", 6)
        examples.tokens._store = store  # type: ignore[attr-defined]
        examples.lengths[np.arange(6)]
    assert order == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 0, 1]]


def test_filling_makes_the_share_of_each_rank_and_tells_how_far_it_is(tmp_path: Path) -> None:
    ranks = [EncodedExamples.on_demand(RECORDS, TASKS, word_tokenizer(), tmp_path, shard=Shard(r, 2)) for r in (0, 1)]
    done: list[int] = []
    ranks[1].tokens.fill(done.append)
    there = TokenStore(tmp_path, 6).heads(np.arange(6))[:, 0] >= 0
    assert (done, there.tolist()) == ([3], [False, True] * 3)
    ranks[0].tokens.fill(done.append)
    assert (TokenStore(tmp_path, 6).heads(np.arange(6))[:, 0] >= 0).all()


def test_a_disk_that_is_full_is_told_once_and_no_row_is_lost(
    pieces: Any, expected: EncodedExamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = lazily(pieces, tmp_path)
    quietly(lambda: found.lengths[np.arange(20)])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TokenStore, "write", full)
    found.lengths.ahead(np.arange(10, 30))
    with pytest.warns(RunWarning) as caught:
        lengths = quietly(lambda: found.lengths[np.arange(10, 40)])
    assert [each.message.code for each in caught] == ["tokens-not-kept"]
    assert "No space left on device" in str(caught[0].message)
    assert "bytes are free" in str(caught[0].message)
    assert lengths.tolist() == expected.input_lengths[10:40].tolist()
    found.lengths.ahead(np.arange(40, 60))
    assert quietly(lambda: found.lengths[np.arange(40, 60)]).tolist() == expected.input_lengths[40:60].tolist()
    loader = DataLoader(
        found, batch_size=10, num_workers=1, collate_fn=list, multiprocessing_context=mp.get_context("fork")
    )
    same([item for batch in loader for item in batch], expected.__getitems__(range(MANY)))


def test_a_folder_that_cannot_be_made_is_told_and_no_row_is_lost(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    examples = EncodedExamples.on_demand(RECORDS, TASKS, word_tokenizer(), tmp_path / "file" / "tokens")
    with warns(RunWarning, "tokens-not-kept"):
        assert examples.lengths[np.arange(6)].tolist() == [4, 4, 4, 3, 4, 4]
    assert len(examples[3]["labels"]) == 3


def test_findings_are_told_when_they_are_drawn_first_and_in_the_end(pieces: Any, tmp_path: Path) -> None:
    found = lazily(pieces, tmp_path)
    with pytest.warns(DataWarning) as caught:
        found.lengths[np.arange(30)]
    found.lengths[np.arange(30)]  # tells nothing again
    told = {each.message.code: str(each.message) for each in caught}
    assert len(caught) == len(told) == 5
    heads = found.tokens.heads(np.arange(60))
    cut, unknown = (int((heads[:30, 2] & bit > 0).sum()) for bit in (1, 2))
    assert told["cut-inputs"].startswith(f"{cut} of 30 inputs drawn so far have more than `max_input`=24 tokens")
    expected = f"{unknown} of 30 inputs drawn so far have characters that the vocabulary"
    assert told["inputs-not-in-vocabulary"].startswith(expected)
    assert "such as '≥' in " in told["inputs-not-in-vocabulary"]
    assert "of 10 targets of open-ended tasks drawn so far do not survive" in told["lossy-targets"]
    with pytest.warns(DataWarning) as caught:
        found.lengths.warn_of_totals()
    assert [each.message.code for each in caught] == ["found-in-draws"]
    assert f"{2 * cut} of 60 inputs have more than `max_input`=24 tokens and were cut" in str(caught[0].message)


def test_findings_of_one_window_are_not_told_twice(pieces: Any, tmp_path: Path) -> None:
    found = lazily(pieces, tmp_path)
    quietly(lambda: found.lengths[np.arange(30)])
    found.lengths.warn_of_totals()


def test_other_ranks_than_the_first_tell_nothing(pieces: Any, tmp_path: Path) -> None:
    found = lazily(pieces, tmp_path, Shard(1, 2))
    found.lengths[np.arange(30)]
    found.lengths[np.arange(30)]
    found.lengths.warn_of_totals()


def test_labels_and_prompts_are_refused_before_anything_is_tokenised(tmp_path: Path) -> None:
    long = Task("tone", "classification", ("bad", "good"), verbalisers={"good": "good a b"})
    with raises(DataError, "label-too-long", "'good'", "'tone'", "`max_target`=3"):
        EncodedExamples.on_demand(RECORDS, TASKS | {"tone": long}, word_tokenizer(), tmp_path, max_target=3)
    alike = Task("tone", "classification", ("bad", "x", "y"))
    with raises(DataError, "same-tokens"):
        EncodedExamples.on_demand(RECORDS, TASKS | {"tone": alike}, word_tokenizer(), tmp_path)
    prompt = Task("tone", "classification", TONE.labels, prompt="a b a b {input}")
    with raises(ConfigError, "prompt-too-long", "`tone`"):
        EncodedExamples.on_demand(RECORDS, TASKS | {"tone": prompt}, word_tokenizer(), tmp_path, max_input=4)
    with raises(ConfigError, "too-short", "`max_target`"):
        EncodedExamples.on_demand(RECORDS, TASKS, word_tokenizer(), tmp_path, max_target=1)
    with raises(DataError, "unknown-task", "say, topic"):
        EncodedExamples.on_demand(RECORDS, {"tone": TONE}, word_tokenizer(), tmp_path)

"""What several ranks say to each other."""

import os
import threading
import time

import pytest
import torch.distributed as dist

from equipoise.errors import RunError
from equipoise.trainer import ranks
from equipoise.trainer.ranks import Ranks


def together(size, work, limit=5.0):
    """Call `work` with the ranks of one store, each in a thread; return what each returned or raised."""
    store, found = dist.HashStore(), [None] * size

    def of(rank):
        try:
            found[rank] = work(Ranks(rank, size, limit, store))
        except Exception as error:  # noqa: BLE001 - what it is the test says
            found[rank] = error

    threads = [threading.Thread(target=of, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_ranks_that_are_alike_agree_as_often_as_they_want():
    def work(of_rank):
        for step in range(3):
            of_rank.agree({"seed": 1, "step": step})
        return "agreed"

    assert together(3, work) == ["agreed"] * 3
    Ranks().agree({"seed": 1})


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        ([{"seed": 1}, {"seed": 2}], ["`seed` is 1 on rank 0, 2 on rank 1"]),
        ([{"seed": 1, "--out": "/a"}, {"--out": "/a"}], ["`seed` is 1 on rank 0, missing on rank 1"]),
        (
            [{"batch": 8, "data": "a" * 64}, {"batch": 8, "data": "a" * 64}, {"batch": 4, "data": "b" * 64}],
            ["`batch` is 8 on rank 0, 8 on rank 1, 4 on rank 2", f"'{'b' * 29}... on rank 2"],
        ),
    ],
)
def test_a_difference_is_named_on_every_rank(facts, sentences):
    for error in together(len(facts), lambda of_rank: of_rank.agree(facts[of_rank.rank])):
        assert (type(error), error.code) == (RunError, "ranks-differ")
        assert all(sentence in str(error) for sentence in sentences)


def test_a_rank_that_is_not_there_within_the_limit_is_named():
    began = time.monotonic()
    found = together(3, lambda of_rank: of_rank.rank != 1 and of_rank.agree({}), limit=0.3)
    assert time.monotonic() - began < 5
    for rank in (0, 2):
        assert (found[rank].code, "nothing of rank 1." in str(found[rank])) == ("ranks-missing", True)


@pytest.mark.parametrize("waiting", [True, False], ids=["the others wait", "the others come later"])
@pytest.mark.parametrize("error", [RunError("full", "The disk is full."), ValueError("no such row")])
def test_a_rank_that_fails_ends_the_others_and_says_why(monkeypatch, waiting, error):
    monkeypatch.setattr(ranks, "TOLD", 0.5)

    def work(of_rank):
        with of_rank.ending_together():
            if of_rank.rank == 1:
                time.sleep(0.2 if waiting else 0)
                raise error
            time.sleep(0 if waiting else 0.2)
            of_rank.agree({})

    first, second = together(2, work, limit=60.0)
    assert second is error
    assert (type(first), first.code) == (RunError, "other-rank")
    code = getattr(error, "code", "ValueError")
    assert f"Rank 1 failed ({code}): {error}" in str(first)


def closed():
    return RuntimeError("[pair.cc:553] Connection closed by peer [127.0.0.1]:29500")


def not_saved():
    error = RunError("cannot-save", "Cannot save `checkpoint-4`.")
    error.__cause__ = closed()
    return error


@pytest.mark.parametrize("lost", [closed(), dist.DistNetworkError("timed out"), not_saved()])
def test_a_broken_collective_is_the_fault_of_another_rank(monkeypatch, lost):
    monkeypatch.setattr(ranks, "TOLD", 0.1)

    def work(of_rank):
        with of_rank.ending_together():
            if of_rank.rank == 1:
                return
            raise lost

    error, _ = together(2, work)
    assert (error.code, error.__cause__) == ("other-rank", lost)
    assert "Another rank ended without a word" in str(error)


class Ending:
    """A store as another rank sees it that ends, as the process of the first rank does."""

    def __init__(self, store):
        self._store, self.ended = store, False

    def __getattr__(self, name):
        if self.ended:
            raise RuntimeError("Connection reset by peer")
        return getattr(self._store, name)


def test_the_cause_that_was_heard_is_told_though_the_first_rank_has_ended_since():
    def work(of_rank):
        mine = Ranks(of_rank.rank, of_rank.size, of_rank.limit, Ending(of_rank.store))
        with mine.ending_together():
            if of_rank.rank == 0:
                raise ValueError("no such row")
            while (
                not of_rank.store.check(["equipoise/block 1/heard"])
                or of_rank.store.add("equipoise/block 1/heard", 0) < 2
            ):
                time.sleep(0.05)
            mine.store.ended = True
            raise closed()

    first, second = together(2, work)
    assert str(first) == "no such row"
    assert "Rank 0 failed (ValueError): no such row" in str(second)


def test_a_rank_that_fails_stays_until_the_others_have_heard_it_and_no_longer():
    leaves = {}

    def work(of_rank):
        began = time.monotonic()
        try:
            with of_rank.ending_together():
                if of_rank.rank == 2:
                    raise ValueError("no such row")
                if of_rank.rank == 1:
                    time.sleep(1.5)
                of_rank.agree({"step": 1})
        finally:
            leaves[of_rank.rank] = time.monotonic() - began

    assert all(isinstance(error, Exception) for error in together(3, work))
    assert max(leaves.values()) < ranks.TOLD / 2


def test_a_rank_that_no_exception_reaches_is_ended_as_a_process(monkeypatch, capfd):
    ended = threading.Event()
    monkeypatch.setattr(ranks, "PATIENCE", 0.2)
    monkeypatch.setattr(ranks, "TOLD", 0.2)
    monkeypatch.setattr(os, "_exit", lambda code: ended.set())

    def work(of_rank):
        with of_rank.ending_together():
            if of_rank.rank == 1:
                raise ValueError("no such row")
            return ended.wait(10)  # as a collective that nobody else takes part in

    assert together(2, work)[0] is True
    assert "Error (other-rank): Rank 1 failed (ValueError): no such row" in capfd.readouterr().err


def test_a_block_inside_another_does_nothing_and_the_next_one_begins_anew(monkeypatch):
    monkeypatch.setattr(ranks, "TOLD", 0.5)
    error = ValueError("no such row")

    def work(of_rank):
        for attempt in range(2):
            try:
                with of_rank.ending_together(), of_rank.ending_together():
                    if of_rank.rank == 1 and attempt == 0:
                        raise error
                    of_rank.agree({"attempt": attempt})
            except (ValueError, RunError) as caught:
                first = caught
        return first

    first, second = together(2, work, limit=60.0)
    assert second is error
    assert str(first) == "Rank 1 failed (ValueError): no such row\nRank 0 stops, as it cannot train alone."

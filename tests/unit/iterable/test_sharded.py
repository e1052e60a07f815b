"""Streams dealt out: ranks and workers together are the one stream, and none takes what another takes."""

import json
from collections import Counter
from itertools import islice
from types import SimpleNamespace

import pytest
from tests.support.errors import raises
from tests.support.streams import (
    STRATUM_OF,
    all_examples,
    flat,
    goes_on_everywhere,
    ids,
    parts,
    pipeline,
    plan,
    repeated,
)

from equipoise import Shard
from equipoise.errors import ConfigError, StateError
from equipoise.iterable import RepeatFactors, RepeatStream, ShardedStream, ShuffleBuffer, sharded

N = 101


@pytest.fixture
def inside(monkeypatch):
    """Be a worker of a DataLoader; (0, 0) is none."""

    def enter(worker, workers):
        info = SimpleNamespace(id=worker, num_workers=workers) if workers else None
        monkeypatch.setattr(sharded, "get_worker_info", lambda: info)

    return enter


def loaded(inside, make, rank, world_size, workers, batch_size):
    """Batches of a rank as a DataLoader gives them: workers in turn, until all are at their end."""
    batches = []
    for worker in range(max(workers, 1)):
        inside(worker, workers)
        examples = list(make(Shard(rank, world_size)))
        batches.append([examples[i : i + batch_size] for i in range(0, len(examples), batch_size)])
    turns = max(map(len, batches))
    return [of_worker[turn] for turn in range(turns) for of_worker in batches if turn < len(of_worker)]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_all_together_are_the_one_stream_batch_by_batch(inside, world_size, workers, batch_size):
    def make(shard):
        return ShardedStream(range(N), shard, batch_size=batch_size)

    for rank in range(world_size):
        mine = list(range(rank, N, world_size))
        batches = loaded(inside, make, rank, world_size, workers, batch_size)
        assert batches == [mine[i : i + batch_size] for i in range(0, len(mine), batch_size)]


@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_of_a_whole_pipeline(inside, world_size, workers):
    whole = ids(islice(pipeline(exhaustion="drop"), 1000))

    def make(shard):
        return ShardedStream(pipeline(exhaustion="drop"), shard, batch_size=2)

    found = [ids(flat(loaded(inside, make, rank, world_size, workers, 2))) for rank in range(world_size)]
    assert found == [whole[rank::world_size] for rank in range(world_size)]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_parts_together_hold_the_same_examples_equally_often(inside, world_size, workers):
    def stream(passes):
        return ShuffleBuffer(repeated(parts(all_examples(), 9, seed=1), passes=passes), 8)

    def make(shard):
        return ShardedStream(stream(2), shard, by="parts")

    whole = Counter(ids(stream(2)))
    found, readers = Counter(), []
    for rank in range(world_size):
        of_rank = ids(flat(loaded(inside, make, rank, world_size, workers, 1)))
        readers.append(set(of_rank))
        found.update(of_rank)
    assert found == whole
    assert sum(map(len, readers)) == len(set().union(*readers)), "no example has two ranks"


def test_drop_last_gives_all_ranks_equally_many(inside):
    for world_size in (2, 3, 5):
        found = [list(ShardedStream(range(N), Shard(rank, world_size), drop_last=True)) for rank in range(world_size)]
        assert {len(of_rank) for of_rank in found} == {N // world_size}
        assert sorted(flat(found)) == list(range(N - N % world_size))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("rank", "world_size"), [(0, 1), (0, 3), (2, 3)])
def test_goes_on_everywhere(inside, rank, world_size, drop_last):
    goes_on_everywhere(lambda: ShardedStream(ShuffleBuffer(range(40), 6), Shard(rank, world_size), drop_last=drop_last))


@pytest.mark.parametrize("by", ["examples", "parts"])
def test_a_worker_at_its_end_stays_there_when_it_is_resumed(inside, by):
    inside(1, 2)
    stream = ShardedStream(repeated(parts(all_examples(), 4)), by=by)
    list(stream)
    state = json.loads(json.dumps(stream.state_dict()))
    second = ids(stream)
    resumed = ShardedStream(repeated(parts(all_examples(), 4)), by=by)
    resumed.load_state_dict(state)
    assert [ids(resumed), ids(resumed)] == [[], second]
    inside(0, 0)
    alone = ShardedStream(repeated(parts(all_examples(), 4)), by=by)
    list(alone)
    resumed.load_state_dict(alone.state_dict())
    assert ids(resumed) == ids(alone), "in one process the next epoch is next"


@pytest.mark.parametrize("worker", [0, 1, 2])
def test_workers_go_on_everywhere(inside, worker):
    inside(worker, 3)
    goes_on_everywhere(lambda: ShardedStream(ShuffleBuffer(range(60), 6), Shard(1, 2), batch_size=4))
    goes_on_everywhere(lambda: ShardedStream(repeated(parts(all_examples(), 7)), Shard(1, 2), by="parts"), epochs=2)


def state_after(stream, done):
    for _ in islice(stream, done):
        pass
    return json.loads(json.dumps(stream.state_dict()))


def test_the_state_is_the_same_on_all_ranks(inside):
    states = [state_after(ShardedStream(pipeline(), Shard(rank, 3)), 30) for rank in range(3)]
    for state in states:
        del state["place"]["lane"]["rank"]
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("workers", [0, 2])
def test_goes_on_with_another_number_of_ranks_and_workers(inside, world_size, workers):
    inside(0, 0)
    whole = ids(islice(pipeline(exhaustion="drop"), 1000))
    state = state_after(ShardedStream(pipeline(exhaustion="drop"), Shard(1, 2), batch_size=3), 12)

    def make(shard):
        stream = ShardedStream(pipeline(exhaustion="drop"), shard, batch_size=3)
        stream.load_state_dict(state)
        return stream

    for rank in range(world_size):
        mine = whole[24:][rank::world_size]
        batches = loaded(inside, make, rank, world_size, workers, 3)
        assert list(map(ids, batches)) == [mine[i : i + 3] for i in range(0, len(mine), 3)]


def test_a_number_of_ranks_that_does_not_divide_the_position_is_refused(inside):
    state = state_after(ShardedStream(range(N), Shard(0, 2)), 5)
    with raises(StateError, "not-a-multiple", "Position 10 of the state is not a multiple of the 3 ranks"):
        ShardedStream(range(N), Shard(0, 3)).load_state_dict(state)


@pytest.mark.parametrize(
    ("shard", "worker", "workers", "batch_size", "fits"),
    [
        (Shard(0, 2), 1, 2, 4, True),
        (Shard(1, 2), 1, 2, 4, True),
        (Shard(0, 2), 0, 2, 4, False),
        (Shard(0, 2), 1, 3, 4, False),
        (Shard(0, 2), 0, 0, 4, False),
        (Shard(0, 1), 1, 2, 4, False),
        (Shard(0, 2), 1, 2, 2, False),
    ],
)
def test_a_workers_state_is_that_of_the_worker(inside, shard, worker, workers, batch_size, fits):
    inside(1, 2)
    state = state_after(ShardedStream(range(N), Shard(0, 2), batch_size=4), 5)
    inside(worker, workers)
    stream = ShardedStream(range(N), shard, batch_size=batch_size)
    if fits:
        stream.load_state_dict(state)
        return
    with raises(StateError, "other-reader", "Resume as it was"):
        stream.load_state_dict(state)


def test_a_state_of_parts_is_that_of_the_reader(inside):
    def make(rank, world_size):
        return ShardedStream(repeated(parts(all_examples(), 6)), Shard(rank, world_size), by="parts")

    state = state_after(make(0, 2), 5)
    for rank, world_size in ((1, 2), (0, 3)):
        with raises(StateError, "other-reader", "other parts of the source"):
            make(rank, world_size).load_state_dict(state)
    with raises(StateError, "other-stream", "by was 'parts' and is 'examples'"):
        ShardedStream(repeated(parts(all_examples(), 6))).load_state_dict(state)


def test_a_state_loaded_before_the_workers_are_there_is_checked_in_them(inside):
    inside(1, 2)
    state = state_after(ShardedStream(range(N)), 5)
    inside(1, 2)
    stream = ShardedStream(range(N))
    stream.load_state_dict(state)
    inside(0, 2)
    with raises(StateError, "other-reader", "Resume as it was"):
        next(iter(stream))


def test_epochs(inside):
    stream = ShardedStream(repeated(), Shard(1, 2))
    epochs = [ids(stream) for _ in range(3)]
    alone = repeated()
    assert epochs == [ids(alone)[1::2] for _ in range(3)]
    named = ShardedStream(repeated(), Shard(1, 2))
    named.set_epoch(2)
    assert ids(named) == epochs[2]


def test_too_few_parts_for_the_readers(inside):
    inside(0, 3)
    with raises(ConfigError, "too-few-parts", "has 5 parts and 6 readers"):
        next(iter(ShardedStream(parts(all_examples(), 5), Shard(0, 2), by="parts")))


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        ({"by": "files"}, "unknown-option", "`by`"),
        ({"batch_size": 0}, "no-size", "`batch_size`"),
        ({"by": "parts", "batch_size": 2}, "unused-option", "`batch_size`"),
        ({"by": "parts", "drop_last": True}, "unused-option", "`drop_last`"),
    ],
)
def test_options_are_checked(options, code, named):
    with raises(ConfigError, code, named):
        ShardedStream([1], **options)


@pytest.mark.parametrize("change", [{"lane": None}, {"lane": {"rank": 0}}, {"taken": -1}, {"stream": 1}, {"since": ""}])
def test_a_broken_place_is_refused(inside, change):
    state = state_after(ShardedStream(range(N)), 5)
    with raises(StateError, "damaged-state"):
        ShardedStream(range(N)).load_state_dict(state | {"place": state["place"] | change})


def test_another_plan_is_refused_through_all_stages(inside):
    state = state_after(ShardedStream(pipeline()), 40)
    with raises(StateError, "other-stream", "Mixture belongs to another stream: seed was 0 and is 9"):
        ShardedStream(pipeline(seed=9)).load_state_dict(state)
    by_parts = state_after(ShardedStream(repeated(parts(all_examples(), 3)), by="parts"), 40)
    other = RepeatStream(parts(all_examples(), 3), RepeatFactors.from_plan(plan(), per_pass=50), STRATUM_OF)
    with raises(StateError, "other-stream", "RepeatStream belongs to another stream: factors was"):
        ShardedStream(other, by="parts").load_state_dict(by_parts)

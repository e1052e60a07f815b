"""Streams of any shape: every example has one reader, and a state at any place gives the rest."""

import json
from collections import Counter
from itertools import islice
from types import SimpleNamespace
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from equipoise import Census, Plan, Shard, rates
from equipoise.iterable import Mixture, Parts, RepeatFactors, RepeatStream, ShardedStream, ShuffleBuffer, sharded

FACTORS = st.floats(0, 5, allow_nan=False).map(lambda factor: round(factor, 3))


@st.composite
def pipelines(draw):
    """A function that makes one and the same stream each time."""
    tasks = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    lengths = {task: draw(st.integers(1, 25)) for task in tasks}
    factors = {task: (draw(FACTORS), 1 + draw(FACTORS)) for task in tasks}
    parts = {task: draw(st.integers(1, 4)) for task in tasks}
    policies = {task: draw(st.sampled_from(["repeat", "drop", "stop"])) for task in tasks}
    if "repeat" in policies.values():
        policies[tasks[0]] = "stop"  # or it would have no end
    size, seed, plain = draw(st.integers(1, 12)), draw(st.integers(-5, 5)), draw(st.booleans())
    plan = Plan.build(Census.from_counts(lengths), weights="natural", rates=rates.Equal())

    def make():
        streams = {}
        for task in tasks:
            examples = [(task, "xy"[i % 3 == 0], i) for i in range(lengths[task])]
            of = Parts({str(n): examples[n :: parts[task]] for n in range(min(parts[task], lengths[task]))}, seed)
            rare, usual = factors[task]
            repeat = RepeatFactors.of({(task, "x"): rare, (task, "y"): usual})
            streams[task] = of if plain else RepeatStream(of, repeat, lambda example: example[:2], seed=seed)
        return ShuffleBuffer(Mixture(streams, plan, exhaustion=policies, seed=seed), size, seed=seed)

    return make


@given(pipelines(), st.integers(0, 400), st.integers(0, 3))
@settings(max_examples=30)
def test_a_state_at_any_place_gives_the_rest(make, done, more):
    stream = make()
    first, second = list(stream), list(stream)
    done = min(done, len(first))
    stream.begin(0)
    assert list(islice(stream, done)) == first[:done]
    resumed = make()
    resumed.load_state_dict(json.loads(json.dumps(stream.state_dict())))
    for _ in range(more):  # a state that was loaded, and taken again on the way
        given = list(islice(resumed, 2))
        assert given == first[done : done + 2]
        if len(given) < 2:
            return
        done += 2
        again = make()
        again.load_state_dict(resumed.state_dict())
        resumed = again
    assert list(resumed) == first[done:]
    assert list(resumed) == second


@given(pipelines(), st.integers(1, 4), st.integers(0, 4), st.integers(1, 5))
@settings(max_examples=20)
def test_ranks_and_workers_together_are_the_one_stream(make, world_size, workers, batch_size):
    whole = list(make())
    for rank in range(world_size):
        mine = whole[rank::world_size]
        for worker in range(max(workers, 1)):
            info = SimpleNamespace(id=worker, num_workers=workers) if workers else None
            with mock.patch.object(sharded, "get_worker_info", return_value=info):
                found = list(ShardedStream(make(), Shard(rank, world_size), batch_size=batch_size))
            assert found == [e for i, e in enumerate(mine) if i // batch_size % max(workers, 1) == worker]


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 6), st.lists(FACTORS, min_size=2, max_size=2), st.integers(1, 7))
@example(1, 1, [0, 0.5], 2)
def test_copies_are_within_one_of_the_factor_whoever_reads(length, lanes, values, passes):
    if not any(values[:length]):  # a single row has the first factor alone
        values = [0.5, 0]
    factors = RepeatFactors.of({("a", "x"): values[0], ("a", "y"): values[1]})
    source = Parts({str(n): [(n, i) for i in range(length)] for n in range(lanes)})
    stream = RepeatStream(source, factors, lambda example: ("a", "xy"[example[1] % 2]), passes=passes)
    counted = Counter(stream)
    for n in range(lanes):
        for i in range(length):
            assert abs(counted[n, i] - passes * values[i % 2]) < 1
    split = Counter()
    for lane in range(lanes):
        split.update(stream.split(lane, lanes))
    assert split == Counter(stream.split(0, 1))

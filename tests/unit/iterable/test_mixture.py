"""Mixtures: exact rates, what happens at a source's end, going on from everywhere."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.streams import COUNTS, STRATUM_OF, examples_of, goes_on_everywhere, mixed, plan, reader

from equipoise import Census, Plan, Schedule, rates, weights
from equipoise.errors import ConfigError, DataError, PlanError, StateError
from equipoise.iterable import Mixture, RepeatFactors, RepeatStream, SourceStream

LENGTHS = {"a": 30, "b": 7, "c": 12}
PLAN = Plan.build(Census.from_counts(LENGTHS), weights="natural", rates=rates.Fixed({"a": 0.2, "b": 0.5, "c": 0.3}))


def sources():
    return {task: [f"{task}{i}" for i in range(length)] for task, length in LENGTHS.items()}


def tasks_of(examples):
    return Counter(example[0] for example in examples)


def test_rates_are_exact_at_every_blocks_end():
    given = list(islice(Mixture(sources(), PLAN), 3 * PLAN.block))
    for blocks in (1, 2, 3):
        n = blocks * PLAN.block
        found = tasks_of(given[:n])
        for task, share in {"a": 0.2, "b": 0.5, "c": 0.3}.items():
            assert abs(found[task] - n * share) < 1.5


def test_each_source_is_read_in_its_order_again_and_again():
    mixture = Mixture(sources(), PLAN)
    given = list(islice(mixture, 2000))
    for task, length in LENGTHS.items():
        of_task = [example for example in given if example[0] == task]
        assert of_task == [f"{task}{i % length}" for i in range(len(of_task))]
        assert mixture.passes[task] == (len(of_task) - 1) // length


def test_the_next_pass_of_a_repeated_stream_is_another():
    of = Plan.build(Census.from_counts({"mood": COUNTS["mood"]}), rates="proportional", weights=weights.Balanced())
    stream = RepeatStream(reader(examples_of("mood")), of, STRATUM_OF)
    passes = list(stream) + list(stream)
    stream.begin(0)
    assert list(islice(Mixture({"mood": stream}, of), len(passes))) == passes


def test_stop_ends_before_the_source_would_repeat():
    whole = list(islice(Mixture(sources(), PLAN), 200))
    mixture = Mixture(sources(), PLAN, exhaustion={"a": "repeat", "b": "repeat", "c": "stop"})
    given = list(mixture)
    assert given == whole[: len(given)]
    assert tasks_of(given)["c"] == 12
    assert whole[len(given)] == "c0"
    assert mixture.passes["c"] == 1


def test_drop_leaves_out_and_keeps_the_other_rates():
    longer = {"a": ["a"] * 5000, "b": ["b"] * 50, "c": ["c"] * 7500}
    given = list(Mixture(longer, PLAN, exhaustion="drop"))
    assert tasks_of(given) == {"a": 5000, "b": 50, "c": 7500}
    last = max(i for i, task in enumerate(given) if task == "b")
    assert last < 200
    between = given[last + 1 : last + 1 + 2 * PLAN.block]
    assert abs(tasks_of(between)["a"] - 0.4 * len(between)) < 60, "the rest keep 2 : 3"
    exact = given[-(len(given) - last) :]
    assert abs(tasks_of(exact[: 5 * PLAN.block])["a"] - 0.4 * 5 * PLAN.block) < 60


def test_drop_and_repeat_together():
    mixture = Mixture(sources(), PLAN, exhaustion={"a": "drop", "b": "repeat", "c": "stop"})
    given = list(mixture)
    assert tasks_of(given)["c"] == 12
    assert tasks_of(given)["a"] <= 30


@pytest.mark.parametrize(
    "exhaustion", ["drop", "stop", {"a": "stop", "b": "repeat", "c": "drop"}, {"a": "drop", "b": "stop", "c": "repeat"}]
)
def test_goes_on_everywhere(exhaustion):
    goes_on_everywhere(lambda: Mixture(sources(), PLAN, exhaustion=exhaustion), epochs=2)


def test_goes_on_everywhere_without_an_end():
    goes_on_everywhere(lambda: Mixture(sources(), PLAN), epochs=1, stop=150)
    goes_on_everywhere(mixed, epochs=1, stop=250, at=range(0, 250, 7))


def test_goes_on_far_inside():
    at = {1023, 1024, 1025, 2048, 5000}
    goes_on_everywhere(lambda: Mixture(sources(), PLAN, seed=3), epochs=1, stop=5001, at=at)


def test_passes_are_part_of_the_state():
    mixture = Mixture(sources(), PLAN)
    reading = iter(mixture)
    for _ in range(3):  # b was read to its end three times, and this is known twice
        while next(reading) != "b6":
            pass
    assert mixture.passes["b"] == 2
    resumed = Mixture(sources(), PLAN)
    resumed.load_state_dict(mixture.state_dict())
    rest = iter(resumed)
    while next(rest) != "b0":
        pass
    assert resumed.passes["b"] == 3


def test_epochs_differ():
    mixture = Mixture(sources(), PLAN, exhaustion="stop")
    first, second = list(mixture), list(mixture)
    assert first != second
    jumped = Mixture(sources(), PLAN, exhaustion="stop")
    jumped.set_epoch(1)
    assert list(jumped) == second


def test_readers_share_the_choices_of_one():
    """Not each its own: the choices of all together are those of a single reader."""
    whole = [example["task"] for example in islice(mixed(number=6), 600)]
    for lanes in (2, 3):
        readers = [islice(mixed(number=6).split(lane, lanes), 600 // lanes) for lane in range(lanes)]
        assert [example["task"] for together in zip(*readers, strict=True) for example in together] == whole


def test_readers_that_drop_go_on_everywhere():
    def make():
        return mixed(number=6, exhaustion="drop").split(1, 3)

    assert len(goes_on_everywhere(make, epochs=2)) > 50


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"sources": {"a": [1], "b": [2]}}, "other-tasks", "`sources` must be those of the tasks"),
        ({"sources": {**sources(), "d": [1]}}, "other-tasks", "`sources` must be those of the tasks"),
        ({"exhaustion": "cycle"}, "unknown-option", "`exhaustion` must be"),
        ({"exhaustion": {"a": "stop"}}, "unknown-option", "`exhaustion` must be"),
    ],
)
def test_arguments_are_checked(options, code, message):
    with raises(ConfigError, code, message):
        Mixture(**({"sources": sources(), "plan": PLAN} | options))


def test_class_weights_are_not_ignored_silently():
    source = {task: reader(examples_of(task)) for task in COUNTS}
    with raises(ConfigError, "weights-ignored", "weights the labels of task 'mood'"):
        Mixture(source, plan())
    Mixture(source, Plan.build(Census.from_counts(COUNTS), weights="natural", rates=rates.Equal()))
    factors = RepeatFactors.from_plan(plan())
    Mixture({task: RepeatStream(examples, factors, STRATUM_OF) for task, examples in source.items()}, plan())


def test_tasks_that_are_not_drawn_have_no_source():
    of = Plan.build(Census.from_counts(LENGTHS), weights="natural", rates=rates.Fixed({"a": 0.5, "b": 0.0, "c": 0.5}))
    del (two := sources())["b"]
    assert set(tasks_of(islice(Mixture(two, of), 100))) == {"a", "c"}


@pytest.mark.parametrize("exhaustion", ["repeat", "stop", "drop"])
def test_an_empty_source(exhaustion):
    mixture = Mixture({**sources(), "b": []}, PLAN, exhaustion=exhaustion)
    with raises(DataError, "no-examples"):
        list(mixture)


def state_of(mixture):
    for _ in islice(mixture, 50):
        pass
    return mixture.state_dict()


def test_the_state_of_another_mixture_is_refused():
    state = state_of(Mixture(sources(), PLAN))
    other = Plan.build(Census.from_counts(LENGTHS), weights="natural", rates=rates.Equal())
    for mixture, message in (
        (Mixture(sources(), other), "masses was"),
        (Mixture(sources(), PLAN, seed=1), "seed was 0 and is 1"),
        (Mixture(sources(), PLAN, exhaustion="stop"), "exhaustion was"),
        (Mixture({task: SourceStream([1]) for task in LENGTHS}, PLAN).split(0, 1), None),
    ):
        if message is None:
            mixture.load_state_dict(state)
            continue
        with raises(StateError, "other-stream", message):
            mixture.load_state_dict(state)


@pytest.mark.parametrize(
    "change", [{"given": None}, {"streams": {}}, {"passes": {"a": 1}}, {"dropped": None}, {"dropped": "z"}]
)
def test_a_broken_place_is_refused(change):
    state = state_of(Mixture(sources(), PLAN))
    mixture = Mixture(sources(), PLAN)
    with raises(StateError, "damaged-state"):
        mixture.load_state_dict(state | {"place": state["place"] | change})


def test_a_stream_is_split_by_its_parts():
    with raises(ConfigError, "too-few-parts", "has 1 parts and 2 readers"):
        SourceStream([1, 2]).split(0, 2)
    assert np.all([list(SourceStream([1, 2]).split(0, 1)) == [1, 2]])


def test_a_schedule_is_refused():
    schedule = Schedule([(0, plan()), (500, Plan.build(Census.from_counts(COUNTS), "proportional"))])
    sources = {task: reader(examples_of(task)) for task in COUNTS}
    for make in (lambda: Mixture(sources, schedule), lambda: RepeatStream(reader([]), schedule, STRATUM_OF)):
        with raises(PlanError, "not-a-plan", "found Schedule(2 stages", "Use the plan of one stage"):
            make()

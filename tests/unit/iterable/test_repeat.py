"""Repeated streams: who comes how often, and going on from everywhere."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.streams import STRATUM_OF, all_examples, flat, goes_on_everywhere, ids, parts, plan, reader, repeated

from equipoise import Census, Plan, weights
from equipoise.errors import ConfigError, DataError, RunWarning, StateError
from equipoise.iterable import Parts, RepeatFactors, RepeatStream, SourceStream, StratumColumns, count_strata

HALF = RepeatFactors.of({("a", "x"): 0.5, ("a", "y"): 3.25})
SOURCE = [{"id": i, "task": "a", "label": "y" if i % 4 == 1 else "x"} for i in range(12)]


def test_order_is_kept_and_copies_follow_each_other():
    found = ids(repeated())
    order = {example["id"]: i for i, example in enumerate(all_examples())}
    assert [order[i] for i in found] == sorted(order[i] for i in found)


def test_golden_passes():
    """Streams of a version stay what they are."""
    stream = RepeatStream(SOURCE, HALF, STRATUM_OF, seed=1)
    assert [ids(stream), ids(stream)] == GOLDEN


GOLDEN = [
    [1, 1, 1, 2, 4, 5, 5, 5, 6, 9, 9, 9, 10],
    [0, 1, 1, 1, 3, 5, 5, 5, 7, 8, 9, 9, 9, 9, 11],
]


def test_totals_over_passes_are_within_one_of_the_factor():
    of = plan()
    factors = RepeatFactors.from_plan(of)
    counted = Counter()
    stream = repeated()
    for number in range(1, 21):
        counted.update(ids(stream))
        for example in all_examples():
            position = of.position_of(*(stratum_of_plan(of, example)))
            assert abs(counted[example["id"]] - number * factors.values[position]) < 1


def stratum_of_plan(of, example):
    task, label = STRATUM_OF(example)
    return (task, None) if task == "open" else (task, label)


def test_passes_differ_and_seeds_differ():
    stream = repeated()
    first, second = ids(stream), ids(stream)
    assert first != second
    assert ids(repeated(seed=1)) != first
    assert ids(repeated()) == first


def test_a_pass_is_the_same_however_it_is_reached():
    stream = repeated()
    epochs = [ids(stream) for _ in range(4)]
    jumped = repeated()
    jumped.set_epoch(2)
    assert [ids(jumped), ids(jumped)] == epochs[2:]
    assert ids(repeated(passes=3)) == flat(epochs[:3])
    assert ids(islice(repeated(passes=None), 200)) == flat(epochs)[:200]
    twos = repeated(passes=2)
    twos.set_epoch(1)
    assert ids(twos) == flat(epochs[2:])


def test_an_iteration_that_was_broken_off_starts_again():
    stream = repeated()
    assert ids(islice(stream, 10)) == ids(stream)[:10]
    assert stream.epoch == 1


def test_copies_belong_to_the_part_and_not_to_the_order_of_parts():
    examples = all_examples()
    whole = Counter(ids(repeated(parts(examples, 5))))
    shuffled = repeated(parts(examples, 5, seed=4))
    assert ids(shuffled) != ids(repeated(parts(examples, 5)))
    shuffled.begin(0)
    assert Counter(ids(shuffled)) == whole
    split = Counter()
    for lane in range(3):
        split.update(ids(repeated(parts(examples, 5)).split(lane, 3)))
    assert split == whole


def test_order_of_parts_is_new_in_each_pass_and_holds_them_all():
    of = Parts({str(i): [i] for i in range(6)}, seed=0)
    orders = [of.order(number) for number in range(5)]
    assert all(sorted(order) == sorted(of.names) for order in orders)
    assert len({tuple(order) for order in orders}) > 3
    assert list(SourceStream(of)) == [int(name) for name in orders[0]]


def test_copies_can_belong_to_a_key():
    examples = all_examples()
    keyed = Counter(ids(repeated(reader(examples), key_of=lambda example: example["id"])))
    assert keyed == Counter(ids(repeated(reader(examples[::-1]), key_of=lambda example: example["id"])))
    assert keyed != Counter(ids(repeated(reader(examples))))


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("number", [1, 4])
def test_goes_on_everywhere(passes, number):
    source = parts(all_examples(), number, seed=2 if number > 1 else None)
    whole = goes_on_everywhere(
        lambda: repeated(source, passes=passes), epochs=2, at=range(0, 300, 1 if passes == 1 else 5)
    )
    assert len(whole) > 2 * passes * 80


def test_goes_on_far_inside_a_stretch_of_words():
    source = [{"id": i, "task": "a", "label": "xy"[i % 50 == 0]} for i in range(9000)]
    make = lambda: RepeatStream(source, HALF, STRATUM_OF)  # noqa: E731
    n = len(list(make()))
    goes_on_everywhere(make, epochs=1, at={n // 2 - 1, n // 2, n - 1, n})


def test_rounding_in_one_stretch_of_words_says_nothing_of_the_next():
    source = [{"id": i, "task": "a", "label": "x"} for i in range(3 * 4096)]
    given = set(ids(RepeatStream(source, HALF, STRATUM_OF)))
    for stretch in (1, 2):
        alike = sum((i in given) == (i + stretch * 4096 in given) for i in range(4096))
        assert abs(alike - 2048) < 4.5 * 32


def test_a_source_alone_goes_on_everywhere():
    assert goes_on_everywhere(lambda: SourceStream(lambda: iter(range(7))), epochs=2) == [*range(7), *range(7)]


def test_unknown_strata():
    source = [*SOURCE, {"id": 99, "task": "a", "label": "z"}]
    with raises(DataError, "unknown-stratum", "Example 12 is of task 'a' and label 'z'"):
        list(RepeatStream(source, HALF, STRATUM_OF))
    known = ids(RepeatStream(SOURCE, HALF, STRATUM_OF))
    assert ids(RepeatStream(source, HALF, STRATUM_OF, unknown="skip")) == known
    assert ids(RepeatStream(source, HALF, STRATUM_OF, unknown="keep")) == [*known, 99]


def test_a_plan_serves_as_factors():
    examples = all_examples()
    assert (
        count_strata(reader(examples), STRATUM_OF, open_ended_tasks=["open"]).counts.tolist() == plan().counts.tolist()
    )
    assert RepeatStream(examples, plan(), STRATUM_OF).factors == RepeatFactors.from_plan(plan())


def test_columns():
    assert StratumColumns("y", task="a")({"y": 3}) == ("a", "3")
    assert StratumColumns(None)({"task": "b"}) == ("b", None)
    for example in ({"target": "x"}, "text", {"task": "a"}):
        with raises(DataError, "missing-column", "lacks the column"):
            StratumColumns()(example)
    assert StratumColumns()({"task": "a", "target": True}) == ("a", "true")
    assert StratumColumns()({"task": "a", "target": np.float32(1.5)}) == ("a", "1.5")
    assert StratumColumns()({"task": "a", "target": float("nan")}) == ("a", None)
    for label in (b"x", ["x"]):
        with raises(DataError, "not-a-string", "must be strings"):
            StratumColumns()({"task": "a", "target": label})


def test_names_of_labels():
    named = StratumColumns("y", task="a", names=["p", "q"])
    assert [named({"y": label}) for label in (0, 1, "other")] == [("a", "p"), ("a", "q"), ("a", "other")]
    for label in (-1, 2):
        with raises(DataError, "unknown-label", f"found {label} "):
            named({"y": label})


def test_count_strata_wants_labels_of_all_or_none():
    with raises(DataError, "labels-and-none", "Name it in `open_ended_tasks`"):
        count_strata([("a", "x"), ("a", None)], lambda example: example)
    with raises(DataError, "labels-and-none", "Name it in `open_ended_tasks`"):
        count_strata([("a", None), ("a", "x")], lambda example: example)


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        (iter([1]), "read-only-once", "read again, found the list_iterator"),
        ((x for x in "ab"), "read-only-once", "found the generator"),
        (5, "not-a-source", "must be an iterable or a function"),
    ],
)
def test_sources_can_be_read_again(source, code, message):
    with raises(ConfigError, code, message):
        SourceStream(source)


def test_a_source_that_is_used_up_is_an_error():
    used = iter(SOURCE)
    stream = RepeatStream(lambda: used, HALF, STRATUM_OF, passes=2)
    with raises(DataError, "no-examples", "no examples"):
        list(stream)


def test_a_stream_of_nothing_but_factor_0_does_not_run_for_ever():
    factors = RepeatFactors.of({("a", "x"): 0.0, ("a", "y"): 1.0})
    source = [example for example in SOURCE if example["label"] == "x"]
    with raises(DataError, "nothing-to-draw", "only strata with the factor 0"):
        next(iter(RepeatStream(source, factors, STRATUM_OF, passes=None)))


def test_a_small_factor_skips_passes():
    factors = RepeatFactors.of({("a", "x"): 0.01})
    source = [{"id": 0, "task": "a", "label": "x"}]
    assert len(list(RepeatStream(source, factors, STRATUM_OF, passes=1000))) in {9, 10, 11}


@pytest.mark.parametrize(("options", "code"), [({"passes": 0}, "no-passes"), ({"unknown": "drop"}, "unknown-option")])
def test_options_are_checked(options, code):
    with raises(ConfigError, code, *options):
        RepeatStream(SOURCE, HALF, STRATUM_OF, **options)


def state_of(stream, done=5):
    for _ in islice(stream, done):
        pass
    return stream.state_dict()


OTHER = Plan.build(Census.from_counts({"a": {"x": 9, "y": 3}}), rates="proportional", weights=weights.Balanced())


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (RepeatStream(SOURCE, HALF, STRATUM_OF, seed=1), "seed was 0 and is 1"),
        (RepeatStream(SOURCE, OTHER, STRATUM_OF), "factors was"),
        (RepeatStream(SOURCE, HALF, STRATUM_OF, passes=None), "passes was 1 and is None"),
        (RepeatStream(SOURCE, HALF, STRATUM_OF, unknown="skip"), "unknown was 'error' and is 'skip'"),
        (RepeatStream(SOURCE, HALF, STRATUM_OF, key_of=lambda e: e["id"]), "keyed was False"),
        (RepeatStream(Parts({"a": SOURCE, "b": SOURCE}), HALF, STRATUM_OF), "parts was 1 and is 2"),
        (SourceStream(SOURCE), "not one of SourceStream"),
    ],
)
def test_the_state_of_another_stream_is_refused(stream, message):
    code = "not-a-state" if isinstance(stream, SourceStream) else "other-stream"
    state = state_of(RepeatStream(SOURCE, HALF, STRATUM_OF))
    before = stream.state_dict()
    with raises(StateError, code, message):
        stream.load_state_dict(state)
    assert stream.state_dict() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 0}, "other-version"),
        ({"epoch": -1}, "damaged-state"),
        ({"epoch": True}, "damaged-state"),
        ({"place": 3}, "damaged-state"),
        ({"more": 1}, "not-a-state"),
    ],
)
def test_a_broken_state_is_refused(change, code):
    stream = RepeatStream(SOURCE, HALF, STRATUM_OF)
    with raises(StateError, code):
        stream.load_state_dict(state_of(RepeatStream(SOURCE, HALF, STRATUM_OF)) | change)


@pytest.mark.parametrize(
    "change", [{"at": -1}, {"pass": "0"}, {"part": 1}, {"seek": None}, {"seek": {"at": 11}}, {"given": None}]
)
def test_a_broken_place_is_refused(change):
    state = state_of(RepeatStream(SOURCE, HALF, STRATUM_OF))
    stream = RepeatStream(SOURCE, HALF, STRATUM_OF)
    with raises(StateError, "damaged-state"):
        stream.load_state_dict(state | {"place": state["place"] | change})


def test_a_source_that_became_shorter_is_noticed():
    state = state_of(RepeatStream(SOURCE, HALF, STRATUM_OF), 12)
    stream = RepeatStream(SOURCE[:3], HALF, STRATUM_OF)
    stream.load_state_dict(state)
    with raises(StateError, "source-ended", "ended before example"):
        list(stream)


def test_set_epoch():
    stream = repeated()
    state = state_of(stream, 20)
    whole = ids(repeated())
    stream = repeated()
    stream.load_state_dict(state)
    stream.set_epoch(0)  # as frameworks do on resuming
    assert ids(stream) == whole[20:]
    stream.load_state_dict(state)
    stream.set_epoch(1)
    later = repeated()
    later.set_epoch(1)
    assert ids(stream) == ids(later)
    with raises(ConfigError, "epoch-out-of-range", "`epoch` must be"):
        stream.set_epoch(-1)


def test_a_loop_that_goes_back_before_the_loaded_state_warns_once():
    read = repeated()
    first = list(read)
    next(iter(read))
    resumed = repeated()
    resumed.load_state_dict(read.state_dict())
    with pytest.warns(RunWarning, match=r"`set_epoch\(0\)` goes back .* in epoch 1") as caught:
        resumed.set_epoch(0)
    assert [warning.message.code for warning in caught] == ["epoch-before-state"]
    assert list(resumed) == first
    resumed.set_epoch(0)
    assert list(resumed) == first

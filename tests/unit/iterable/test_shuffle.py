"""The shuffle buffer: that of a list, gone on with from everywhere."""

from itertools import count, islice

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.streams import goes_on_everywhere, ids, pipeline, repeated

from equipoise.base.keys import key
from equipoise.base.words import words
from equipoise.errors import ConfigError, DataError, StateError
from equipoise.iterable import ShuffleBuffer, SourceStream


def by_hand(examples, size, seed, epoch=0):
    """The buffer as it is defined, with nothing but a list."""
    draw = words(int(key("shuffle buffer", seed, epoch, 0, 1)), np.arange(4096), 1).ravel().tolist()
    buffer, given = [], []
    for example in examples:
        if len(buffer) < size:
            buffer.append(example)
            continue
        place = (draw[len(given)] >> 32) * size >> 32
        given.append(buffer[place])
        buffer[place] = example
    while buffer:
        place = (draw[len(given)] >> 32) * len(buffer) >> 32
        buffer[place], buffer[-1] = buffer[-1], buffer[place]
        given.append(buffer.pop())
    return given


@pytest.mark.parametrize(("n", "size"), [(1, 3), (3, 3), (4, 3), (100, 1), (100, 7), (100, 99), (50, 200)])
def test_it_is_a_buffer(n, size):
    stream = ShuffleBuffer(range(n), size, seed=5)
    for epoch in range(3):
        given = list(stream)
        assert given == by_hand(range(n), size, 5, epoch)
        assert sorted(given) == list(range(n))


def test_size_1_keeps_the_order_and_others_do_not():
    assert list(ShuffleBuffer(range(50), 1)) == list(range(50))
    given = list(ShuffleBuffer(range(1000), 100))
    assert all(example <= step + 100 for step, example in enumerate(given)), "nothing comes before it was read"
    assert sum(abs(example - step) for step, example in enumerate(given)) / 1000 > 50
    assert given != list(ShuffleBuffer(range(1000), 100, seed=1))


@pytest.mark.parametrize(("n", "size"), [(2, 3), (3, 3), (30, 1), (60, 4), (40, 32), (20, 50)])
def test_goes_on_everywhere(n, size):
    goes_on_everywhere(lambda: ShuffleBuffer(range(n), size, seed=2), epochs=2)


def test_goes_on_everywhere_inside_copies():
    goes_on_everywhere(lambda: ShuffleBuffer(repeated(passes=2), 9), epochs=2)


def test_goes_on_far_inside():
    n = 20_000
    goes_on_everywhere(
        lambda: ShuffleBuffer(range(n), 700), epochs=1, at={1, 4096, 4097, 9999, n - 700, n - 699, n - 1}
    )


def test_two_buffers_in_a_row_go_on():
    goes_on_everywhere(lambda: ShuffleBuffer(ShuffleBuffer(range(40), 5), 6, seed=1), epochs=2)


def test_the_whole_pipeline_goes_on_everywhere():
    goes_on_everywhere(pipeline, epochs=1, stop=300, at=range(0, 300, 11))


def test_the_state_is_small_and_little_is_read_again():
    read = []

    def source():
        for number in count():
            read.append(number)
            yield number

    size, steps = 256, 20_000
    stream = ShuffleBuffer(source, size)
    for _ in islice(stream, steps):
        pass
    state = stream.state_dict()
    assert len(str(state)) < 1000
    # The oldest of n is n ln n or so behind; the source's states are 1024 apart, and the stream's n.
    assert steps - state["place"]["read"] < size * 12
    resumed = ShuffleBuffer(source, size)
    resumed.load_state_dict(state)
    assert next(iter(resumed)) == next(iter_from(stream, steps))


def iter_from(stream, done):
    again = iter(stream)
    for _ in range(done):
        next(again)
    return again


def test_a_buffer_broken_off_while_it_empties_starts_again():
    stream = ShuffleBuffer(range(20), 8)
    whole = list(stream)
    stream.begin(0)
    assert list(islice(stream, 18)) == whole[:18]
    assert list(stream) == whole


def test_size_is_checked():
    with raises(ConfigError, "no-size", "`size` must be at least 1"):
        ShuffleBuffer([1], 0)


def state_of(stream, done=12):
    for _ in islice(stream, done):
        pass
    return stream.state_dict()


@pytest.mark.parametrize(
    ("other", "code", "message"),
    [
        (ShuffleBuffer(range(40), 5), "other-stream", "size was 4 and is 5"),
        (ShuffleBuffer(range(40), 4, seed=1), "other-stream", "seed was 0 and is 1"),
        (SourceStream(range(40)), "not-a-state", "not one of SourceStream"),
    ],
)
def test_the_state_of_another_is_refused(other, code, message):
    with raises(StateError, code, message):
        other.load_state_dict(state_of(ShuffleBuffer(range(40), 4)))


@pytest.mark.parametrize("change", [{"step": -1}, {"read": 39}, {"stream": None}, {"total": 3}])
def test_a_broken_place_is_refused(change):
    state = state_of(ShuffleBuffer(range(40), 4))
    stream = ShuffleBuffer(range(40), 4)
    with raises(StateError, "damaged-state"):
        stream.load_state_dict(state | {"place": state["place"] | change})
        list(stream)


def test_a_source_that_became_shorter_is_noticed():
    stream = ShuffleBuffer(range(12), 4)
    stream.load_state_dict(state_of(ShuffleBuffer(range(40), 4), 30))
    with raises(StateError, "source-ended", "The source ended before example"):
        list(stream)


def test_errors_of_the_source_come_through():
    with raises(DataError, "unknown-stratum"):
        ids(ShuffleBuffer(repeated([{"id": 0, "task": "mood", "label": "new"}]), 4))

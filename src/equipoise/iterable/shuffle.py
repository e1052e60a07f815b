"""A shuffle buffer whose order is a function of the seed, so that its state is a number and not its content."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from equipoise.base.keys import key
from equipoise.base.values import integer
from equipoise.base.words import words
from equipoise.errors import ConfigError, StateError
from equipoise.iterable.ordered import NUMBER, OrderedStream, Place
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.source import as_stream

_TOGETHER = 4096  # random words computed at once
_HALF = np.uint64(32)


class ShuffleBuffer(OrderedStream):
    """Examples of a stream, shuffled through a buffer: each step yields one of the held examples and replaces it.

    Step p yields from the place that a hash of the seed and p names, so which examples the buffer holds at any step
    follows from the seed. The state is the step, and a state of the stream before the oldest example that is still
    held. To resume, the stream is read from there on and the buffer is filled as it was: with n places about n ln n
    examples are read again. No example is lost or repeated.

    Parameters
    ----------
    stream : OrderedStream, Source or Parts
        What is shuffled.
    size : int
        Examples in the buffer; an example moves back by about as many, or by a few times that. 1 keeps the order.
    seed : int
        Any integer; it may be that of other streams.

    Raises
    ------
    ConfigError
        If the size is below 1.

    Examples
    --------
    >>> stream = ShuffleBuffer(range(8), size=4, seed=1)
    >>> list(stream)
    [0, 4, 5, 1, 6, 7, 3, 2]
    >>> list(stream)  # the next epoch
    [2, 4, 0, 3, 5, 6, 1, 7]
    """

    _PLACE: ClassVar = {"step": NUMBER, "total": int | None, "read": NUMBER, "stream": dict[str, Any]}

    def __init__(self, stream: OrderedStream | Source | Parts, size: int, *, seed: int = 0) -> None:
        super().__init__()
        size = integer("size", size)
        if size < 1:
            message = f"`size` must be at least 1, found {size!r}. Pass the number of examples that fit in memory."
            raise ConfigError("no-size", message)
        self._stream = as_stream(stream)
        self._size = size
        self._seed = integer("seed", seed)
        self._step = 0  # examples yielded
        self._total: int | None = None  # examples of the epoch, once that is known
        self._marks: list[tuple[int, Any]] = []  # examples read, and the stream's state then; the oldest first
        self._words: tuple[int, list[int]] = (-1, [])  # of the stretch of steps that this one is in

    def _settings(self) -> dict[str, Any]:
        return {"size": self._size, "seed": self._seed, "lane": list(self._lane)}

    def _here(self) -> Place:
        read, state = self._marks[0]
        return {"step": self._step, "total": self._total, "read": read, "stream": state}

    def _check_place(self, place: Place) -> None:
        if place["total"] is not None and place["step"] > place["total"]:
            raise StateError("damaged-state", f"The state's place in the buffer is damaged: {place!r:.120}.")
        self._stream.check_state(place["stream"])

    def _split(self, lane: int, lanes: int) -> None:
        self._stream = self._stream.split(lane, lanes)

    def _read(self, start: Place | None) -> Iterator[Any]:
        self._words = (-1, [])
        if start is None:
            self._step, self._total = 0, None
            self._stream.begin(self._epoch)
            self._marks = [(0, self._stream.state_dict())]
            buffer, incoming, read = [], iter(self._stream), 0
        else:
            buffer, incoming, read = self._resume(start)
        if self._total is None:
            for example in incoming:
                read += 1
                if len(buffer) < self._size:
                    buffer.append(example)
                    continue
                place = self._place(self._step, self._size)
                given, buffer[place] = buffer[place], example
                self._step += 1
                if read % self._size == 0:  # keep a state of the stream, and drop those that are older than needed
                    oldest = int(self._full_at(self._step).min())
                    self._marks.append((read, self._stream.state_dict()))
                    while len(self._marks) > 1 and self._marks[1][0] <= oldest:
                        del self._marks[0]
                yield given
            self._total = read
        while buffer:
            place = self._place(self._step, len(buffer))
            buffer[place], buffer[-1] = buffer[-1], buffer[place]
            self._step += 1
            yield buffer.pop()

    def _resume(self, start: Place) -> tuple[list[Any], Iterator[Any], int]:
        """Read again what the buffer held: return it, the examples that follow, and how many were read."""
        step, read, total = start["step"], start["read"], start["total"]
        self._step, self._total, self._marks = step, total, [(read, start["stream"])]
        held = self._held(step, total)
        if held and read > min(held):
            message = f"The state's place in the buffer is damaged: it was read to {read}, and {min(held)} is held."
            raise StateError("damaged-state", message)
        self._stream.load_state_dict(start["stream"])
        incoming = iter(self._stream)
        last = self._size + step if total is None else total
        places = {number: place for place, number in enumerate(held)}
        buffer: list[Any] = [None] * len(held)
        for number, example in zip(range(read, last), incoming, strict=False):
            read = number + 1
            if number in places:
                buffer[places[number]] = example
        if read < last:
            message = f"The stream ended after {read} examples, {last} were read. Resume with the source as it was."
            raise StateError("source-ended", message)
        return buffer, incoming, read

    def _held(self, step: int, total: int | None) -> list[int]:
        """Return the number in the stream of the example at each place of the buffer, before a step."""
        full = step if total is None else max(total - self._size, 0)  # from this step on nothing is read
        held = self._full_at(full)[:total].tolist()
        for number in range(full, step):
            place = self._place(number, len(held))
            held[place] = held[-1]
            held.pop()
        return held

    def _full_at(self, step: int) -> NDArray[np.int64]:
        """Return `_held` while the buffer is full: it follows from the last step at which each place was filled."""
        held = np.full(self._size, -1)
        last = step
        while last > 0 and (held < 0).any():
            first = max(0, last - max(4 * self._size, _TOGETHER))
            filled = np.full(self._size, -1)
            places = ((self._words_of(first, last) >> _HALF) * np.uint64(self._size)) >> _HALF  # as `_place`
            filled[places.astype(np.int64)] = np.arange(first, last) + self._size  # the last one stays
            held = np.where(held < 0, filled, held)
            last = first
        return np.where(held < 0, np.arange(self._size), held)

    def _place(self, step: int, size: int) -> int:
        stretch, values = self._words
        if step // _TOGETHER != stretch:
            stretch = step // _TOGETHER
            values = self._words_of(stretch * _TOGETHER, (stretch + 1) * _TOGETHER).tolist()
            self._words = (stretch, values)
        return (values[step % _TOGETHER] >> 32) * size >> 32

    def _words_of(self, first: int, last: int) -> NDArray[np.uint64]:
        of_epoch = int(key("shuffle buffer", self._seed, self._epoch, *self._lane))
        return words(of_epoch, np.arange(first, last), 1).ravel()

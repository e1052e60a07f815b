"""A source as it is, read part by part and pass by pass, from any place: each example once in a pass."""

from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar, NamedTuple

from equipoise.base.keys import key
from equipoise.errors import DataError, StateError
from equipoise.iterable.ordered import NUMBER, OrderedStream, Place
from equipoise.iterable.parts import Parts, Source

_SEEK_EVERY = 1024  # examples between two places that a source is asked for
_END = object()


class _Seek(NamedTuple):
    """Place that the source told, and the example there."""

    at: int = 0
    place: Any = None


class Read(NamedTuple):
    """One example, and where it was read."""

    number: int  # of the pass
    part: str
    at: int  # in the part
    example: Any


class PartsStream(OrderedStream):
    """A stream that reads the parts of a source, pass after pass."""

    _PLACE: ClassVar = {"pass": NUMBER, "part": NUMBER, "at": NUMBER, "seek": _Seek}

    def __init__(self, source: Source | Parts) -> None:
        super().__init__()
        self._parts = Parts.of(source)
        self._pass = self._part = self._at = 0  # of the example that was read last
        self._seek = _Seek()

    def _settings(self) -> dict[str, Any]:
        names = f"{int(key(*self._parts.names)):016x}"
        return {"parts": len(self._parts), "names": names, "parts_seed": self._parts.seed}

    def _here(self) -> Place:
        return {"pass": self._pass, "part": self._part, "at": self._at, "seek": self._seek._asdict()}

    def _check_place(self, place: Place) -> None:
        if place["part"] >= len(self._parts) or not 0 <= place["seek"]["at"] <= place["at"]:
            message = f"The state's place {place!r:.120} is not one of this source, which has {len(self._parts)} parts."
            raise StateError("damaged-state", message)

    def _split(self, lane: int, lanes: int) -> None:
        self._parts = self._parts.split(lane, lanes)

    def _reads(self, first: int, last: int | None, start: Place | None) -> Iterator[Read]:
        """Yield the examples of the passes from `first` to before `last` (None: without an end), or from a place on.

        The example of that place is read again: how many copies were already made of it is not kept in the place.
        """
        part, at, seek = 0, 0, _Seek()
        if start is not None:
            first, part, at, seek = start["pass"], start["part"], start["at"], _Seek(**start["seek"])
        for self._pass in count(first) if last is None else range(first, last):
            names = self._parts.order(self._pass)
            anything = (part, at) != (0, 0)
            for self._part in range(part, len(names)):
                for read in self._read_part(names[self._part], at, seek):
                    anything = True
                    yield read
                at, seek = 0, _Seek()
            if not anything:
                message = "The source has no examples. Pass a function that opens it again each time."
                raise DataError("no-examples", message)
            part = 0

    def _read_part(self, name: str, at: int, seek: _Seek) -> Iterator[Read]:
        examples, tell = self._parts.open(name, seek.place)
        for _ in range(seek.at, at):
            if next(examples, _END) is _END:
                raise StateError(
                    "source-ended",
                    f"The source ended before example {at}, where the state was taken, in part {name!r}. "
                    "Resume with the source as it was.",
                )
        self._seek = seek
        for self._at in count(at):
            if self._at % _SEEK_EVERY == 0 and self._at != seek.at and (place := tell()) is not None:
                self._seek = _Seek(self._at, place)
            example = next(examples, _END)
            if example is _END:
                return
            yield Read(self._pass, name, self._at, example)


class SourceStream(PartsStream):
    """Examples of a source in their order, an epoch being one pass; other streams wrap their sources in one.

    Parameters
    ----------
    source : Source or Parts
        Yields the same examples in the same order each time.

    Examples
    --------
    >>> stream = SourceStream(lambda: iter("abc"))
    >>> reading = iter(stream)
    >>> next(reading), next(reading)
    ('a', 'b')
    >>> resumed = SourceStream(lambda: iter("abc"))
    >>> resumed.load_state_dict(stream.state_dict())
    >>> list(resumed), list(resumed)  # the rest, and the next epoch
    (['c'], ['a', 'b', 'c'])
    """

    def _read(self, start: Place | None) -> Iterator[Any]:
        reads = self._reads(self._epoch, self._epoch + 1, start)
        if start is not None:
            next(reads)  # that example was yielded
        for read in reads:
            yield read.example


def as_stream(source: OrderedStream | Source | Parts) -> OrderedStream:
    """Return the stream itself, or a source as a stream."""
    return source if isinstance(source, OrderedStream) else SourceStream(source)

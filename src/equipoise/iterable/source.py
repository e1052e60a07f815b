"""A source as it is: each example once in a pass."""

from collections.abc import Iterator
from typing import Any

from equipoise.base.keys import key
from equipoise.iterable.ordered import OrderedStream, Place
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.reader import PLACE, PassReader


class SourceStream(OrderedStream):
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

    _PLACE = PLACE

    def __init__(self, source: Source | Parts) -> None:
        super().__init__()
        self._reader = PassReader(Parts.of(source))

    def _settings(self) -> dict[str, Any]:
        return settings_of(self._reader.parts)

    def _read(self, start: Place | None) -> Iterator[Any]:
        reads = self._reader.read(self._epoch, self._epoch + 1, start)
        if start is not None:
            next(reads)  # that example was yielded
        for read in reads:
            yield read.example

    def _here(self) -> Place:
        return self._reader.here()

    def _check_place(self, place: Place) -> None:
        self._reader.check_place(place)

    def _split(self, lane: int, lanes: int) -> None:
        self._reader = PassReader(self._reader.parts.split(lane, lanes))


def settings_of(parts: Parts) -> dict[str, Any]:
    """Return what decides the order of the parts: which they are, and how it is chosen."""
    return {"parts": len(parts), "names": f"{int(key(*parts.names)):016x}", "parts_seed": parts.seed}


def as_stream(source: OrderedStream | Source | Parts) -> OrderedStream:
    """Return the stream itself, or a source as a stream."""
    return source if isinstance(source, OrderedStream) else SourceStream(source)

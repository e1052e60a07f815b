"""Reading the parts of a source, pass after pass, from any place."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Final, NamedTuple

from equipoise.errors import DataError, StateError
from equipoise.iterable.ordered import NUMBER, Place
from equipoise.iterable.parts import Parts

_SEEK_EVERY = 1024  # examples between two places that a source is asked for
_END = object()


class _Seek(NamedTuple):
    """Place that the source told, and the example there."""

    at: int
    place: Any


PLACE: Final = {"pass": NUMBER, "part": NUMBER, "at": NUMBER, "seek": _Seek}


class Read(NamedTuple):
    """One example, and where it was read."""

    number: int  # of the pass
    part: str
    at: int  # in the part
    example: Any


class PassReader:
    """Examples of the parts, pass by pass.

    A place is that of the example that was read last. Reading from there yields it again: the number of copies that
    were already made of it is not kept here.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._number = self._part = self._at = 0
        self._seek_at = 0
        self._seek: Any = None

    def here(self) -> Place:
        """Return the place of the example that was read last."""
        return {
            "pass": self._number,
            "part": self._part,
            "at": self._at,
            "seek": {"at": self._seek_at, "place": self._seek},
        }

    def read(self, first: int, last: int | None, start: Mapping[str, Any] | None = None) -> Iterator[Read]:
        """Yield the examples of the passes from `first` to before `last` (None: without an end), or from a place on."""
        number, part, at, seek_at, seek = first, 0, 0, 0, None
        if start is not None:
            number, part, at = start["pass"], start["part"], start["at"]
            seek_at, seek = start["seek"]["at"], start["seek"]["place"]
        for self._number in count(number):
            if last is not None and self._number >= last:
                return
            names = self.parts.order(self._number)
            anything = (part, at) != (0, 0)
            for self._part in range(part, len(names)):
                for read in self._read_part(names[self._part], at, seek_at, seek):
                    anything = True
                    yield read
                at, seek_at, seek = 0, 0, None
            if not anything:
                raise DataError(
                    "no-examples", "The source has no examples. Pass a function that opens it again each time."
                )
            part = 0

    def _read_part(self, name: str, at: int, seek_at: int, seek: Any) -> Iterator[Read]:
        examples, tell = self.parts.open(name, seek)
        for _ in range(seek_at, at):
            if next(examples, _END) is _END:
                raise StateError(
                    "source-ended",
                    f"The source ended before example {at}, where the state was taken, in part {name!r}. "
                    "Resume with the source as it was.",
                )
        self._seek_at, self._seek = seek_at, seek
        for self._at in count(at):
            if self._at % _SEEK_EVERY == 0 and self._at != seek_at:
                self._remember(tell)
            example = next(examples, _END)
            if example is _END:
                return
            yield Read(self._number, name, self._at, example)

    def _remember(self, tell: Callable[[], Any]) -> None:
        place = tell()
        if place is not None:
            self._seek_at, self._seek = self._at, place

    def check_place(self, place: Mapping[str, Any]) -> None:
        """Raise StateError unless a place, whose types are right, can be one of this source."""
        if place["part"] >= len(self.parts) or not 0 <= place["seek"]["at"] <= place["at"]:
            raise StateError(
                "damaged-state",
                f"The state's place {dict(place)!r:.120} is not one of this source, which has {len(self.parts)} parts.",
            )

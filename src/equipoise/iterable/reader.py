"""Reading the parts of a source pass after pass, from any place."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from equipoise.errors import DataError, StateError
from equipoise.iterable.ordered import Place, number_in
from equipoise.iterable.parts import Parts

_SEEK_EVERY = 1024  # examples between two places that a source is asked for
_END = object()


class Read(NamedTuple):
    """One example, and where it stands."""

    number: int  # of the pass
    part: str
    at: int  # in the part
    example: Any


class PassReader:
    """Examples of the parts, pass by pass.

    A place is where the example stands that was read last. Going on there gives it again: how many copies of it had
    been made is for others to know.

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
        """Place of the example that was read last."""
        return {
            "pass": self._number,
            "part": self._part,
            "at": self._at,
            "seek": {"at": self._seek_at, "place": self._seek},
        }

    def read(self, first: int, last: int | None, start: Mapping[str, Any] | None = None) -> Iterator[Read]:
        """Examples of the passes from `first` to before `last` (None: without an end), or from a place on."""
        number, part, at, seek_at, seek = (first, 0, 0, 0, None) if start is None else self._place(start)
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
                raise DataError("The source gave no examples. Give a function that opens it anew each time.")
            part = 0

    def _read_part(self, name: str, at: int, seek_at: int, seek: Any) -> Iterator[Read]:
        examples, tell = self.parts.open(name, seek)
        for _ in range(seek_at, at):
            if next(examples, _END) is _END:
                raise StateError(
                    f"The source ended before example {at}, where the state was taken, in part {name!r}. "
                    "Resume with the source as it was."
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

    def _place(self, start: Mapping[str, Any]) -> tuple[int, int, int, int, Any]:
        number, part, at = (number_in(start, name) for name in ("pass", "part", "at"))
        seek = start.get("seek")
        if not isinstance(seek, dict) or part >= len(self.parts) or number_in(seek, "at") > at:
            raise StateError(
                f"The state's place {dict(start)!r:.120} is none of this source, of {len(self.parts)} parts."
            )
        return number, part, at, seek["at"], seek.get("place")

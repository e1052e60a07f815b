"""The stream of several plans one after another: shares are exact over all of them, and passes run on."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from equipoise.drawing.drawn import StrataStream
from equipoise.drawing.inner import Inner
from equipoise.drawing.placing import Ints
from equipoise.drawing.rounding import errors_after
from equipoise.drawing.stream import Stream
from equipoise.plan import Plan, Stage

_HELD = 4  # streams of stages: that which is read, those that are begun ahead of it, and one before

Part = tuple[int, Callable[[], Stream], Stream | None]
"""Where a stream begins, what makes it, and the stream itself if it was made to learn what comes after."""


def stages_from(stages: Sequence[Stage], origin: int) -> list[Stage]:
    """Return the stages from the one that holds a position on, which begins there.

    Examples
    --------
    >>> from equipoise import Census
    >>> a, b = (Plan.build(Census.from_counts({"x": 5, "y": 1}), rates=rates) for rates in ("equal", "proportional"))
    >>> [stage.at for stage in stages_from([Stage(0, a), Stage(40, b), Stage(90, a)], origin=60)]
    [60, 90]
    """
    first = bisect_right([stage.at for stage in stages], origin) - 1
    return [Stage(max(stage.at, origin), stage.plan) for stage in stages[first:]]


def staged(
    stages: Sequence[Stage],
    seed: int,
    *,
    block: Callable[[Plan], int],
    used: Ints | None = None,
    salt: tuple[str | int, ...] = (),
) -> StrataStream:
    """Return the stream of stages, each in whole blocks of its own from where it begins.

    Where the next stage begins inside a block, the last block is as short as it must be, and holds its exact share too.
    A stage begins with the errors that the stages before it left, so that at the end of every block no stratum is more
    than about one draw from the sum of its shares since the first stage: 1.1 in random searches, with strata of any
    share that come and go. What is drawn before a block in which a stage ends does not depend on where it ends, nor on
    what comes after. For that reason no bound holds for every sequence of plans: one that always draws the two of 64
    strata that are furthest ahead, in 219 stages of one draw, takes a stratum 5 draws from its share.

    Parameters
    ----------
    stages : sequence of Stage
        Of the same strata; the first begins where the stream does.
    seed : int
        Any integer. Streams of different seeds are unrelated.
    block : callable
        Returns the draws in a block of a plan.
    used : ndarray of int64, shape (S,), optional
        Draws of each stratum before the stream.
    salt : tuple of str and int
        Further parts of the key of the order inside blocks.

    Examples
    --------
    >>> from equipoise import Census
    >>> census = Census.from_counts({"large": 900, "small": 100})
    >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
    >>> stream = staged([Stage(0, equal), Stage(3000, natural)], seed=0, block=lambda plan: plan.block)
    >>> stream.used(3000).tolist(), stream.used(4000).tolist()[0] > 2300
    ([1500, 1500], True)
    """
    inner = Inner()
    first, plan = stages[0]
    stream = Stream(plan, seed, block=block(plan), origin=first, used=used, salt=salt, inner=inner)
    return stream if len(stages) == 1 else StagedStream(_parts(stages, seed, stream, block, salt, inner))


def _parts(
    stages: Sequence[Stage],
    seed: int,
    stream: Stream,
    block: Callable[[Plan], int],
    salt: tuple[str | int, ...],
    inner: Inner,
) -> Iterator[Part]:
    """Yield the streams: of the whole blocks of a stage, and of the block that it is cut in."""
    used = stream.used(stages[0].at)
    errors = np.zeros_like(used)
    make = partial(Stream, seed=seed, salt=salt, inner=inner)
    made: Callable[[], Stream] = partial(_same, stream)
    for (begin, plan), (end, following) in pairwise(stages):
        cut = end - (end - begin) % block(plan)
        before, until = stream.used(cut), stream.due(end)
        if cut > begin:
            yield begin, made, stream
        if cut < end:
            counts = used + until - before
            yield cut, partial(make, plan, block=end - cut, origin=cut, used=before, counts=counts), None
        used, errors = used + until, errors_after(until, end - begin, plan.masses, errors)
        made = partial(make, following, block=block(following), origin=end, used=used, errors=errors)
        stream = made()
    yield stages[-1].at, made, stream


def _same(stream: Stream) -> Stream:
    return stream


class StagedStream(StrataStream):
    """Streams one after another.

    They are made when they are reached: any position costs what it costs in one stream, and what is due at the start of
    each stage before it, which is kept.

    Parameters
    ----------
    parts : iterator of Part
        Rising.
    """

    def __init__(self, parts: Iterator[Part]) -> None:
        self._coming: Iterator[Part] | None = parts
        self._begins: list[int] = []
        self._makers: list[Callable[[], Stream]] = []
        self._held: dict[int, Stream] = {}  # the last streams that were made, by their numbers

    def at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return stratum and place in the stratum of the draws at rising positions; see `DrawnStream.at`."""
        strata, places = np.empty_like(positions), np.empty_like(positions)
        for part, stream in self._split(positions):
            strata[part], places[part] = stream.at(positions[part])
        return strata, places

    def entries_at(self, positions: Ints, starts: Ints) -> Ints:
        """Return only the places, counted from `starts`; see `DrawnStream.entries_at`."""
        entries = np.empty_like(positions)
        for part, stream in self._split(positions):
            entries[part] = stream.entries_at(positions[part], starts)
        return entries

    def strata_at(self, positions: Ints) -> Ints:
        """Return only the strata that `at` returns, at a lower cost."""
        strata = np.empty_like(positions)
        for part, stream in self._split(positions):
            strata[part] = stream.strata_at(positions[part])
        return strata

    def numbered_at(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the strata as `at` does, and for each draw the number of draws of its stratum before it."""
        strata, numbers = np.empty_like(positions), np.empty_like(positions)
        for part, stream in self._split(positions):
            strata[part], numbers[part] = stream.numbered_at(positions[part])
        return strata, numbers

    def used(self, position: int) -> Ints:
        """Return the draws of each stratum before `position`; see `DrawnStream.used`."""
        return self._stream(self._number(position)).used(position)

    def _number(self, position: int) -> int:
        """Return the number of the stream that holds a position."""
        while self._coming is not None and (not self._begins or self._begins[-1] <= position):
            part = next(self._coming, None)
            if part is None:
                self._coming = None
                continue
            begin, make, stream = part
            if stream is not None:
                self._hold(len(self._begins), stream)
            self._begins.append(begin)
            self._makers.append(make)
        return bisect_right(self._begins, position) - 1

    def _stream(self, number: int) -> Stream:
        if number not in self._held:
            self._hold(number, self._makers[number]())
        return self._held[number]

    def _hold(self, number: int, stream: Stream) -> None:
        self._held[number] = stream
        if len(self._held) > _HELD:
            del self._held[next(iter(self._held))]

    def _split(self, positions: Ints) -> Iterator[tuple[slice, Stream]]:
        at = 0
        while at < len(positions):
            number = self._number(int(positions[at]))
            self._number(int(positions[-1]))
            over = self._begins[number + 1 :][:1]
            end = int(np.searchsorted(positions, over[0])) if over else len(positions)
            yield slice(at, end), self._stream(number)
            at = end

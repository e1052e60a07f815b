"""Repeat-factor sampling: each example of a stream several times, once or not at all, by its stratum."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import numpy as np

from equipoise.base.keys import key
from equipoise.base.values import integer
from equipoise.base.words import words
from equipoise.errors import ConfigError, DataError
from equipoise.iterable.factors import RepeatFactors
from equipoise.iterable.ordered import NUMBER, Place
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.source import PartsStream, Read
from equipoise.iterable.strata import StratumColumns, StratumOf
from equipoise.plan import Plan

_TOGETHER = 4096  # words computed at once

KeyOf = Callable[[Any], str | int]


class RepeatStream(PartsStream):
    """A source in its order, each example as often as the factor of its stratum says.

    Whether a fraction is rounded up is a hash of the seed and the example (its place in its part of the source, or its
    key), so nothing is stored, and it does not depend on which reader reads the example. See `RepeatFactors`.

    Copies of an example follow each other: wrap the stream in a `ShuffleBuffer` much larger than the largest factor.

    Parameters
    ----------
    source : Source or Parts
        Yields the same examples in the same order each time.
    factors : RepeatFactors or Plan
        For a plan: ``RepeatFactors.from_plan(plan)``, as many examples as are read.
    stratum_of : callable
        Returns the task and the label of an example; by default the columns `task` and `target`.
    seed : int
        Any integer; streams of different seeds are unrelated.
    passes : int, optional
        Passes in an epoch; None: the stream has no end.
    key_of : callable, optional
        Returns a name or number that an example keeps when the source's order changes, unique to it.
    unknown : "error", "skip" or "keep"
        For examples whose stratum has no factor: raise an error, leave them out, or yield them once.

    Raises
    ------
    ConfigError
        If an argument is not one of these.

    Examples
    --------
    >>> factors = RepeatFactors.of({("triage", "no"): 0.5, ("triage", "yes"): 2})
    >>> source = [{"id": i, "label": "yes" if i == 2 else "no"} for i in range(6)]
    >>> stream = RepeatStream(source, factors, StratumColumns("label", task="triage"))
    >>> [example["id"] for example in stream]
    [2, 2, 3, 4]
    >>> [example["id"] for example in stream]  # the next pass: what was left out before
    [0, 1, 2, 2, 5]
    """

    _PLACE: ClassVar = {**PartsStream._PLACE, "given": NUMBER}

    def __init__(
        self,
        source: Source | Parts,
        factors: RepeatFactors | Plan,
        stratum_of: StratumOf = StratumColumns(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        passes: int | None = 1,
        key_of: KeyOf | None = None,
        unknown: Literal["error", "skip", "keep"] = "error",
    ) -> None:
        super().__init__(source)
        passes = None if passes is None else integer("passes", passes)
        if passes is not None and passes < 1:
            raise ConfigError("no-passes", f"`passes` must be at least 1, found {passes!r}. None: without an end.")
        if unknown not in {"error", "skip", "keep"}:
            raise ConfigError("unknown-option", f'`unknown` must be "error", "skip" or "keep", found {unknown!r}.')
        self.factors = factors if isinstance(factors, RepeatFactors) else RepeatFactors.from_plan(factors)
        self._stratum_of = stratum_of
        self._seed = integer("seed", seed)
        self._passes = passes
        self._key_of = key_of
        self._unknown = unknown
        self._given = 0  # copies of the example that was read last

    def _settings(self) -> dict[str, Any]:
        return {
            **super()._settings(),
            "seed": self._seed,
            "factors": self.factors.fingerprint,
            "passes": self._passes,
            "keyed": self._key_of is not None,
            "unknown": self._unknown,
        }

    def _read(self, start: Place | None) -> Iterator[Any]:
        first = self._epoch * (self._passes or 1)
        last = None if self._passes is None else first + self._passes
        self._given = 0 if start is None else start["given"]
        for copies, example in self._copies(self._reads(first, last, start), resumed=start is not None):
            for number in range(self._given, copies):
                self._given = number + 1
                yield example
            self._given = 0

    def _copies(self, reads: Iterator[Read], *, resumed: bool) -> Iterator[tuple[int, Any]]:
        """Yield each example with the number of its copies."""
        copies, factors = self.factors.copies, self.factors.factors
        number, useful = None, resumed
        for read, word in self._worded(reads):
            if number not in {None, read.number}:
                if not useful:
                    message = "A whole pass held only strata with the factor 0. Count the source again."
                    raise DataError("nothing-to-draw", message)
                useful = False
            number = read.number
            position = self._position(read)
            times = int(self._unknown == "keep") if position is None else copies(position, number, word)
            useful = useful or bool(times if position is None else factors[position])
            if times:
                yield times, read.example

    def _position(self, read: Read) -> int | None:
        """Return the position of the stratum among the factors; None where it has none and need not."""
        task, label = self._stratum_of(read.example)
        known = self.factors.positions
        # An open-ended task is one stratum, whatever it says as its label.
        position = known.get((task, None), known.get((task, label)))
        if position is None and self._unknown == "error":
            raise DataError(
                "unknown-stratum",
                f"Example {read.at}{f' of part {read.part!r}' if read.part else ''} is of task {task!r} and label "
                f"{label!r}, for which there is no factor. Count the source again and rebuild the plan, or pass "
                '`unknown="skip"` or "keep".',
            )
        return position

    def _worded(self, reads: Iterator[Read]) -> Iterator[tuple[Read, int]]:
        """Yield each example with the random word that belongs to it."""
        if self._key_of is not None:
            for read in reads:
                yield read, int(key("copies of a key", self._seed, self._key_of(read.example)))
            return
        part, stretch, first = None, [0], -1
        for read in reads:
            begin = read.at - read.at % _TOGETHER
            if (read.part, begin) != (part, first):
                part, first = read.part, begin
                of_part = int(key("copies", self._seed, part))
                stretch = words(of_part, np.arange(first, first + _TOGETHER), 1).ravel().tolist()
            yield read, stretch[read.at - first]

    def _here(self) -> Place:
        return {**super()._here(), "given": self._given}

"""What all streams have in common: epochs, a place to resume from, and a state that says whose place it is."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Self

from equipoise.base.states import check_state, differences, warn_of_repeating
from equipoise.base.values import integer
from equipoise.errors import ConfigError, StateError

VERSION: Final = 1
"""Of the states, and of the streams that they are places in."""
NUMBER: Final = range(1 << 63)
"""What counts in a place are integers from 0."""

Place = dict[str, Any]


class OrderedStream(ABC):
    """Examples in an order that can be read again, and resumed from a state.

    An iteration is one epoch. It starts at the loaded state, or where the epoch begins. After its end the next
    iteration is the next epoch; one that was broken off is started again where it started.

    Subclasses define `_PLACE`, `_settings`, `_read` and `_here`, and `_split` where they can.
    """

    _PLACE: ClassVar[Mapping[str, Any]]
    """Types of what `_here` returns, as `equipoise.base.states.check_state` reads them."""

    def __init__(self) -> None:
        self._epoch = 0
        self._start: Place | None = None  # where the next iteration starts; None: where the epoch begins
        self._reading = False
        self._loaded = False  # whether the next iteration is the first after a state was loaded
        self._lane = (0, 1)  # number of this reader, and of all that divide the parts of the sources

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what decides the order, as plain values: a state is refused where they differ."""

    @abstractmethod
    def _read(self, start: Place | None) -> Iterator[Any]:
        """Yield the examples from a place to the end of the epoch."""

    @abstractmethod
    def _here(self) -> Place:
        """Return the place after the example that was yielded last."""

    def _finish(self) -> None:
        """Let the next iteration be the next epoch, after the end of this one."""
        self.begin(self._epoch + 1)

    def _split(self, lane: int, lanes: int) -> None:
        """Turn this copy into the part of one reader among several."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        """Yield the examples from the loaded state, or the beginning of the epoch, to the epoch's end."""
        self._reading = self._loaded = False
        for example in self._read(self._start):
            self._reading = True
            yield example
        self._finish()

    @property
    def epoch(self) -> int:
        """Epoch that is being read, or that the next iteration reads."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be of an epoch; a state that was loaded inside this epoch keeps its place.

        Parameters
        ----------
        epoch : int
            From 0.

        Warns
        -----
        RunWarning
            If it is before the epoch of a state that was loaded and not read from: its place is lost.
        """
        epoch = integer("epoch", epoch)
        if epoch < 0:
            raise ConfigError("epoch-out-of-range", f"`epoch` must be at least 0, found {epoch}.")
        if epoch == self._epoch:
            return
        loaded = self._epoch if self._loaded else 0
        self.begin(epoch)
        if epoch < loaded:
            warn_of_repeating(epoch, loaded)

    def begin(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch, whatever was loaded."""
        self._epoch, self._start, self._reading, self._loaded = epoch, None, False, False

    def split(self, lane: int, lanes: int) -> Self:
        """Return the stream of one among several readers that divide the `Parts` of its sources.

        Parameters
        ----------
        lane, lanes : int
            Number of this reader, from 0, and how many there are.

        Returns
        -------
        OrderedStream
            Of the same class; this one stays as it is.
        """
        one = copy.copy(self)
        OrderedStream.begin(one, self._epoch)
        one._lane = (lane, lanes)
        one._split(lane, lanes)
        return one

    def state_dict(self) -> dict[str, Any]:
        """Return the state to resume from, behind the example that was yielded last: plain values, fit for JSON."""
        return {
            "version": VERSION,
            "kind": type(self).__name__,
            "settings": self._settings(),
            "epoch": self._epoch,
            "place": self._here() if self._reading else self._start,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration resume where the state was taken.

        Parameters
        ----------
        state : mapping
            What `state_dict` returned.

        Raises
        ------
        StateError
            If the state is damaged, or was taken from a stream with other settings. The stream stays as it was.
        """
        self.check_state(state)
        self.begin(state["epoch"])
        self._start, self._loaded = state["place"], True

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError unless the state is one of a stream like this, as are those of the streams inside it."""
        name = type(self).__name__
        fields = {"kind": str, "settings": dict[str, Any], "epoch": NUMBER, "place": dict[str, Any] | None}
        check_state(state, name, fields, VERSION)
        if state["kind"] != name:
            raise StateError("not-a-state", f"The state is not one of {name}, found one of {state['kind']!r:.40}.")
        changes = differences(state["settings"], self._settings())
        if changes:
            message = f"The state of {name} belongs to another stream: {'; '.join(changes)}. Build it as it was."
            raise StateError("other-stream", message)
        if state["place"] is not None:
            check_state(state["place"], f"{name} (its place)", self._PLACE)
            self._check_place(state["place"])

    @abstractmethod
    def _check_place(self, place: Place) -> None:
        """Raise StateError unless a place, whose types are right, is one of this stream."""

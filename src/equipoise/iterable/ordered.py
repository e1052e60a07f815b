"""What all streams have in common: epochs, a place to resume from, and a state that says whose place it is."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

from equipoise.errors import ConfigError, StateError

VERSION = 1  # of the states and of the streams that they are places in
_KEYS = {"version", "kind", "settings", "epoch", "place"}

Place = dict[str, Any]


class OrderedStream(ABC):
    """Examples in an order that can be read again, and gone on with from a state.

    An iteration is one epoch. It starts at the loaded state, or where the epoch begins. Once it has come to its end,
    the next iteration is the next epoch; one that was broken off is started again where it started.

    Subclasses give `_settings`, `_read` and `_here`, and `_split` where they can.
    """

    def __init__(self) -> None:
        self._epoch = 0
        self._start: Place | None = None  # where the next iteration starts; None: where the epoch begins
        self._reading = False

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """What decides the order, as plain values: a state is refused where they differ."""

    @abstractmethod
    def _read(self, start: Place | None) -> Iterator[Any]:
        """Examples from a place to the end of the epoch."""

    @abstractmethod
    def _here(self) -> Place:
        """Place after the example that was yielded last."""

    def _finish(self) -> None:
        """Let the next iteration be the next epoch, after this one has come to its end."""
        self.begin(self._epoch + 1)

    def _split(self, lane: int, lanes: int) -> None:
        """Turn this copy into the part of one reader among several that share out the parts of the sources."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        """Examples from the loaded state, or the beginning of the epoch, to the epoch's end."""
        self._reading = False
        for example in self._read(self._start):
            self._reading = True
            yield example
        self._finish()

    @property
    def epoch(self) -> int:
        """Epoch that is being read, or that the next iteration reads."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be of an epoch; a loaded state that lies inside this epoch stays where it is.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        if not _is_whole(epoch):
            raise ConfigError(f"`epoch` must be a whole number from 0, found {epoch!r}.")
        if epoch != self._epoch:
            self.begin(epoch)

    def begin(self, epoch: int) -> None:
        """Let the next iteration start at the beginning of an epoch, whatever was loaded."""
        self._epoch, self._start, self._reading = epoch, None, False

    def split(self, lane: int, lanes: int) -> Self:
        """Make the stream of one among several readers that share out the `Parts` of its sources.

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
        one._split(lane, lanes)
        return one

    def state_dict(self) -> dict[str, Any]:
        """State to resume from, behind the example that was yielded last: plain values, fit for JSON."""
        return {
            "version": VERSION,
            "kind": type(self).__name__,
            "settings": self._settings(),
            "epoch": self._epoch,
            "place": self._here() if self._reading else self._start,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration go on where the state was taken.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave.

        Raises
        ------
        StateError
            If the state is broken, or was taken from a stream with other settings. The stream stays as it was.
        """
        self.check_state(state)
        self.begin(state["epoch"])
        self._start = state["place"]

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise StateError unless the state is one of a stream like this, as are those of the streams inside it."""
        name = type(self).__name__
        if set(state) != _KEYS or state["kind"] != name:
            raise StateError(
                f"The state is not one of {name}: found kind {str(state.get('kind'))!r:.40} and keys "
                f"{sorted(state)!r:.120}. Pass what `state_dict` returned."
            )
        if state["version"] != VERSION:
            raise StateError(
                f"The state has version {state['version']!r} and this Equipoise reads version {VERSION}. "
                "Resume with the Equipoise that wrote it."
            )
        place_is_one = state["place"] is None or isinstance(state["place"], dict)
        if not _is_whole(state["epoch"]) or not place_is_one or not isinstance(state["settings"], dict):
            raise StateError(f"The state of {name} is broken: its epoch, place or settings are none.")
        ours, theirs = self._settings(), state["settings"]
        differences = [
            f"{key} was {theirs.get(key)!r:.80} and is {ours.get(key)!r:.80}"
            for key in sorted(ours.keys() | theirs.keys())
            if ours.get(key) != theirs.get(key)
        ]
        if differences:
            raise StateError(
                f"The state of {name} belongs to another stream: {'; '.join(differences)}. Build it as it was."
            )


def number_in(place: Mapping[str, Any], key: str) -> int:
    """Whole number that a place must have, or raise StateError."""
    value = place.get(key)
    if isinstance(value, int) and _is_whole(value):
        return value
    raise StateError(f"`{key}` in the state's place must be a whole number from 0, found {value!r:.80}.")


def state_in(place: Mapping[str, Any], key: str) -> dict[str, Any]:
    """State of another stream that a place must have, or raise StateError."""
    value = place.get(key)
    if isinstance(value, dict):
        return value
    raise StateError(f"`{key}` in the state's place must be a state, found {value!r:.80}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

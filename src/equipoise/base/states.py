"""Saved states: what they must look like, how they differ from what is there now, and whether that is accepted."""

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from equipoise.base.codec import Builder
from equipoise.errors import RunWarning, StateError


def check_state(state: Any, name: str, fields: Mapping[str, Any], version: int | None = None) -> None:
    """Check that a state is one that `name` can have saved.

    Parameters
    ----------
    state : object
        What a user passed to `load_state_dict`.
    name : str
        The class that loads it, for messages.
    fields : mapping of str to annotation
        Type of each key, as `equipoise.base.codec.Builder` reads it; a `range` is an integer in it.
    version : int, optional
        The version that this Equipoise reads, where the state has the key `version`.

    Raises
    ------
    StateError
        If the state is not a mapping of exactly these keys and types, or has another version.

    Examples
    --------
    >>> check_state({"version": 1, "position": 32}, "PlanSampler", {"position": range(1 << 59)}, version=1)
    >>> check_state({"position": -1}, "PlanSampler", {"position": range(1 << 59)})
    Traceback (most recent call last):
        ...
    equipoise.errors.StateError: `position` in the state must be an integer from 0 to 576460752303423487, found -1.
    """
    expected = {*fields, *(["version"] if version is not None else [])}
    if not isinstance(state, Mapping) or set(state) != expected:
        found = sorted(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
        raise StateError(
            "not-a-state",
            f"The state is not one of {name}: expected the keys {sorted(expected)}, found {found!r:.300}. "
            "Pass what `state_dict` returned.",
        )
    if version is not None and (state["version"] != version or isinstance(state["version"], bool)):
        raise StateError(
            "other-version",
            f"The state of {name} has version {state['version']!r:.80} and this Equipoise reads version {version}. "
            "Resume with the Equipoise that wrote it.",
        )

    def refuse(_path: tuple[str, ...], _code: str, sentence: str) -> StateError:
        return StateError("damaged-state", sentence.replace(" must be ", " in the state must be ", 1))

    builder = Builder(refuse)
    for key, kind in fields.items():
        builder.convert(kind, state[key], (key,))


@contextmanager
def refusing_damaged(path: Path, advice: str = "Resume from another checkpoint.") -> Generator[None]:
    """Name the file, with the code "damaged-file", in the errors of a state that was read from it.

    A state that is intact but of another run, version or kind keeps its error.

    Examples
    --------
    >>> with refusing_damaged(Path("run/state.json")):
    ...     check_state({"position": -1}, "PlanSampler", {"position": range(10)})
    Traceback (most recent call last):
        ...
    equipoise.errors.StateError: `run/state.json` cannot be used: `position` in the state must be an integer from 0 to
    9, found -1. Resume from another checkpoint.
    """
    try:
        yield
    except StateError as error:
        if error.code not in {"damaged-state", "not-a-state"}:
            raise
        raise StateError("damaged-file", f"`{path}` cannot be used: {error} {advice}") from error


def differences(then: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str] | None = None) -> list[str]:
    """Return a phrase for each key whose value changed.

    Examples
    --------
    >>> differences({"seed": 1, "draws": 8}, {"seed": 2, "draws": 8})
    ['seed was 1 and is 2']
    """
    keys = sorted(then.keys() | now.keys()) if names is None else names
    return [
        f"{key} was {then.get(key)!r:.80} and is {now.get(key)!r:.80}" for key in keys if then.get(key) != now.get(key)
    ]


def check_accepted(changes: Sequence[str], accept_changes: bool = False) -> None:
    """Refuse a state that differs from what loads it, unless the change is meant.

    Raises
    ------
    StateError
        If there are changes that are not accepted; the message names them.
    """
    if changes and not accept_changes:
        raise StateError(
            "other-run",
            f"The state belongs to another run: {'; '.join(changes)}. Build the sampler as it was, "
            "or pass accept_changes=True if the change is intended.",
        )


def warn_of_repeating(epoch: int, loaded: int) -> None:
    """Warn that a loop goes back to an epoch before that of the state that was loaded, for the caller's caller."""
    warnings.warn(
        RunWarning(
            "epoch-before-state",
            f"`set_epoch({epoch})` goes back before the state that was loaded, which is in epoch {loaded}: what was "
            "trained on since is trained on again. To resume there, begin the loop with the epoch of the sampler: "
            "`for epoch in range(sampler.epoch, EPOCHS)`. Under accelerate call `set_epoch` of its loader first.",
        ),
        stacklevel=3,
    )

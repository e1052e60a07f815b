"""What a check is and what it can find."""

from collections.abc import Callable
from dataclasses import dataclass

from equipoise.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Failed:
    """The sampler breaks the promise; `found` says what it did instead."""

    found: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The check says nothing about this sampler; `reason` says why."""

    reason: str


Outcome = Failed | Skipped | None
"""None: the sampler keeps the promise."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a sampler.

    Parameters
    ----------
    name : str
    promise : str
        What is expected of the sampler, one sentence.
    harm : str
        What goes wrong in training where it does otherwise, one sentence.
    needs : tuple of str
        Checks without which this one cannot be told: it is skipped where they fail.
    methods : tuple of str
        What it calls; it is skipped for a sampler that lacks one.
    run : callable
    """

    name: str
    promise: str
    harm: str
    needs: tuple[str, ...]
    methods: tuple[str, ...]
    run: Callable[[Subject], Outcome]


def check(
    name: str, *, promise: str, harm: str, needs: tuple[str, ...] = (), methods: tuple[str, ...] = ()
) -> Callable[[Callable[[Subject], Outcome]], Check]:
    """Make a function a check."""
    return lambda run: Check(name, promise, harm, needs, methods, run)

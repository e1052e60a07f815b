"""What a check is and what it can find."""

from collections.abc import Callable
from dataclasses import dataclass

from equipoise.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Skipped:
    """The check cannot be made of this sampler; `reason` says why."""

    reason: str


Outcome = str | Skipped | None
"""A string says what the sampler does instead of what it promises; None: it keeps the promise."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a sampler.

    Parameters
    ----------
    run : callable
        Makes the check; its name is that of the check.
    promise : str
        What is expected of the sampler, one sentence.
    harm : str
        What goes wrong in training otherwise, one sentence.
    needs : tuple of str
        Checks that must not fail for this one to mean anything: it is skipped where they do.
    methods : tuple of str
        Methods of the sampler that are called; it is skipped for a sampler that lacks one.
    ranks : bool
        Whether it compares ranks; it is skipped where `world_sizes` is empty.
    """

    run: Callable[[Subject], Outcome]
    promise: str
    harm: str
    needs: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    ranks: bool = False

    @property
    def name(self) -> str:
        """Name of the check, as reports and `skip` have it."""
        return self.run.__name__.replace("_", "-")

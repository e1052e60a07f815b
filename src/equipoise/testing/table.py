"""All checks, in the order in which they run: a check comes after those that it needs."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from equipoise.testing import reading, resuming, sharding, shares
from equipoise.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a sampler.

    Parameters
    ----------
    name : str
        Name of the check, as reports and `skip` have it.
    run : callable
        Makes the check.
    promise : str
        What is expected of the sampler, one sentence.
    harm : str
        What goes wrong in training otherwise, one sentence.
    needs : sequence of str
        Checks that must not fail for this one to mean anything: it is skipped where they do.
    methods : sequence of str
        Methods of the sampler that are called; it is skipped for a sampler that lacks one.
    ranks : bool
        Whether it compares ranks; it is skipped where `world_sizes` is empty.
    """

    name: str
    run: Callable[[Subject], None]
    promise: str
    harm: str
    needs: Sequence[str] = ()
    methods: Sequence[str] = ()
    ranks: bool = False


_TABLE = tomllib.loads(files("equipoise.testing").joinpath("checks.toml").read_text(encoding="utf-8"))
CHECKS: Final = tuple(
    Check(name, getattr(module, name.replace("-", "_")), **row)
    for module in (reading, shares, sharding, resuming)
    for name, row in _TABLE[module.__name__.rpartition(".")[2]].items()
)

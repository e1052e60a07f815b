"""The differences between two plans, in sentences: for the error on resuming with another plan."""

from collections.abc import Iterable

from equipoise.census import Stratum
from equipoise.plan.plan import Plan


def difference(old: Plan, new: Plan) -> list[str]:
    """Describe the changes from `old` to `new`; an empty list if draws and target are the same."""
    sentences: list[str] = []
    before, after = set(old.strata), set(new.strata)
    for verb, strata in (("added", after - before), ("removed", before - after)):
        if strata:
            names = _some(_name(stratum) for stratum in sorted(strata, key=_name))
            sentences.append(f"{len(strata)} strata {verb}: {names}.")
    shared = [stratum for stratum in old.strata if stratum in after]
    places = [(old.position_of(*stratum), new.position_of(*stratum)) for stratum in shared]
    for name, exact, shown, digits in (
        ("counts", "counts", "counts", "d"),
        ("probabilities", "masses", "probabilities", ".4g"),
        ("target probabilities", "target_masses", "target", ".4g"),
    ):
        changes: list[tuple[float, str]] = []
        for stratum, (i, j) in zip(shared, places, strict=True):
            if getattr(old, exact)[i] != getattr(new, exact)[j]:
                was, now = getattr(old, shown)[i], getattr(new, shown)[j]
                changes.append((-abs(float(now) - float(was)), f"{_name(stratum)} {was:{digits}} -> {now:{digits}}"))
        if changes:
            sentences.append(f"{len(changes)} {name} changed: {_some(text for _, text in sorted(changes))}.")
    return sentences


def _name(stratum: Stratum) -> str:
    return stratum.task if stratum.label is None else f"{stratum.task}/{stratum.label}"


def _some(texts: Iterable[str], shown: int = 3) -> str:
    every = list(texts)
    return ", ".join(every[:shown]) + (", ..." if len(every) > shown else "")

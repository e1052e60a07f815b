"""Resuming: a fresh sampler goes on exactly where a state was taken."""

from math import lcm
from typing import Any

from equipoise.testing.outcome import Failed, Outcome, Skipped, check
from equipoise.testing.sharding import out_of_step
from equipoise.testing.subject import Item, Subject, difference, rows_of

STATE = ("state_dict", "load_state_dict")


@check(
    "resume",
    promise="a state from any place of any epoch, loaded into a fresh sampler, gives exactly the rest",
    harm="a resumed run trains on some examples again and never sees others",
    needs=("determinism",),
    methods=STATE,
)
def resume(subject: Subject) -> Outcome:
    """At the start, inside and at the end of the first epoch, and in the second."""
    whole = subject.epochs(3)
    for epoch, items in _places(len(whole[0])):
        sampler = subject.make()
        sampler.load_state_dict(subject.state_after(epoch, items))
        wrong = not_the_rest(subject, sampler, whole, epoch, items)
        if wrong:
            return Failed(f"resumed after {items} items of epoch {epoch}, {wrong}")
    return None


@check(
    "resume-set-epoch",
    promise="`set_epoch` with the epoch of a loaded state keeps the state's place in it",
    harm="training loops name the epoch again when they resume, and the epoch would start from its beginning",
    needs=("resume",),
    methods=("set_epoch", *STATE),
)
def resume_set_epoch(subject: Subject) -> Outcome:
    """In the middle of the first and of the second epoch."""
    whole = subject.epochs(2)
    for epoch, items in ((0, len(whole[0]) // 2), (1, len(whole[0]) // 3)):
        sampler = subject.make()
        sampler.load_state_dict(subject.state_after(epoch, items))
        differs = difference(whole[epoch][items:], subject.epoch(sampler, epoch))
        if differs:
            return Failed(f"resumed after {items} items of epoch {epoch}, then set_epoch({epoch}): {differs}")
    return None


@check(
    "resume-world-size",
    promise="a state taken on one number of ranks gives the rest of the same stream on another",
    harm="a run that gets fewer or more machines repeats and leaves out examples",
    needs=("resume", "sharding-order"),
    methods=STATE,
)
def resume_world_size(subject: Subject) -> Outcome:
    """From every number of ranks to every other, 1 among them."""
    if not subject.world_sizes:
        return Skipped("`world_sizes` is empty")
    sizes = sorted({1, *subject.world_sizes})
    single = subject.epochs(1)[0]
    even = lcm(*sizes)  # items of all ranks together that every number of ranks can split
    if len(single) < 2 * even:
        return Skipped(f"an epoch of {len(single)} items is too short to stop in on {sizes} ranks")
    together = len(single) // (2 * even) * even
    for before in sizes:
        items = together // before
        used = sum(len(rows_of(of[:items])) for of in subject.ranks(before))
        state = subject.state_after(0, items, rank=before - 1, world_size=before)
        for after in sizes:
            wrong = out_of_step(_resumed(subject, state, after), rows_of(single)[used:])
            if wrong:
                return Failed(f"saved on {before} ranks after {used} rows and resumed on {after}, {wrong}")
    return None


def _resumed(subject: Subject, state: Any, world_size: int) -> list[list[Item]]:
    ranks: list[list[Item]] = []
    for rank in range(world_size):
        sampler = subject.make(0, rank, world_size)
        sampler.load_state_dict(state)
        ranks.append(subject.read(sampler))
    return ranks


def _places(length: int) -> list[tuple[int, int]]:
    """Epoch and items read of it."""
    half = length // 2
    places = [(0, 0), (0, 1), (0, half), (0, length - 1), (0, length), (1, 0), (1, 1), (1, half)]
    return [place for at, place in enumerate(places) if place not in places[:at]]


def not_the_rest(subject: Subject, sampler: Any, whole: list[list[Item]], epoch: int, items: int) -> str | None:
    """Say how a resumed sampler differs from the rest of its epoch and the epoch after; None where it does not.

    Between two epochs, the first iteration may yield the nothing that is left of one, or the other.
    """
    rest, following = whole[epoch][items:], epoch + 1
    first = subject.read(sampler)
    if not rest:
        rest, items, following = whole[following], 0, following + 1
    if not items and not first:
        first = subject.epoch(sampler, following - 1)
    differs = difference(rest, first)
    if differs:
        return f"the rest is another: {differs}"
    if following < len(whole):
        differs = difference(whole[following], subject.epoch(sampler, following))
        if differs:
            return f"the epoch after it is another: {differs}"
    return None

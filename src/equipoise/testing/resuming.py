"""Resuming: a fresh sampler resumes exactly where a state was taken; states are small, plain and without effects."""

import copy
import json
import pickle
from itertools import chain
from math import lcm
from typing import Any

from equipoise.testing.outcome import Outcome, Skipped
from equipoise.testing.sharding import out_of_step
from equipoise.testing.subject import Item, Subject, difference, item_of, rows_of


def resume(subject: Subject) -> Outcome:
    """At the start, inside and at the end of the first epoch, and in the second."""
    whole = subject.epochs(3)
    for epoch, items in _places(len(whole[0])):
        sampler = subject.make()
        sampler.load_state_dict(subject.state_after(epoch, items))
        wrong = not_the_rest(subject, sampler, whole, epoch, items)
        if wrong:
            return f"resumed after {items} items of epoch {epoch}, {wrong}"
    return None


def resume_set_epoch(subject: Subject) -> Outcome:
    """In the middle of the first and of the second epoch."""
    whole = subject.epochs(2)
    for epoch, items in ((0, len(whole[0]) // 2), (1, len(whole[0]) // 3)):
        sampler = subject.make()
        sampler.load_state_dict(subject.state_after(epoch, items))
        differs = difference(whole[epoch][items:], subject.epoch(sampler, epoch))
        if differs:
            return f"resumed after {items} items of epoch {epoch}, then set_epoch({epoch}): {differs}"
    return None


def resume_world_size(subject: Subject) -> Outcome:
    """From every number of ranks to every other, 1 among them."""
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
                return f"saved on {before} ranks after {used} rows and resumed on {after}, {wrong}"
    return None


def _resumed(subject: Subject, state: Any, world_size: int) -> list[list[Item]]:
    ranks: list[list[Item]] = []
    for rank in range(world_size):
        sampler = subject.make(0, rank, world_size)
        sampler.load_state_dict(state)
        ranks.append(subject.read(sampler))
    return ranks


def _places(length: int) -> list[tuple[int, int]]:
    """Return epochs, and the items read of each."""
    half = length // 2
    places = [(0, 0), (0, 1), (0, half), (0, length - 1), (0, length), (1, 0), (1, 1), (1, half)]
    return [place for at, place in enumerate(places) if place not in places[:at]]


def not_the_rest(subject: Subject, sampler: Any, whole: list[list[Item]], epoch: int, items: int) -> str | None:
    """Return how a resumed sampler differs from the rest of its epoch and the epoch after; None where it does not.

    Between two epochs, the first iteration may yield the empty rest of one, or the whole other.
    """
    rest, following = whole[epoch][items:], epoch + 1
    first = subject.read(sampler)
    if not rest:
        rest, items, following = whole[following], 0, following + 1
    if not items and not first:
        first = subject.epoch(sampler, following - 1)
    differs = difference(rest, first)
    if differs:
        return f"the rest differs: {differs}"
    if following < len(whole):
        differs = difference(whole[following], subject.epoch(sampler, following))
        if differs:
            return f"the epoch after it differs: {differs}"
    return None


_DIGITS = 64  # bytes by which a state may grow: positions get longer


def state_json(subject: Subject) -> Outcome:
    """From the middle of the second epoch."""
    whole = subject.epochs(3)
    items = len(whole[0]) // 2
    state = subject.state_after(1, items)
    try:
        text = json.dumps(state)
    except (TypeError, ValueError) as error:
        return f"json.dumps raises: {error}"
    sampler = subject.make()
    sampler.load_state_dict(json.loads(text))
    wrong = not_the_rest(subject, sampler, whole, 1, items)
    return f"resumed from JSON, {wrong}" if wrong else None


def state_size(subject: Subject) -> Outcome:
    """After one item, at the end of the first epoch, and at the end of the third."""
    length = len(subject.epochs(1)[0])
    sizes = [
        len(pickle.dumps(subject.state_after(epoch, items))) for epoch, items in ((0, 1), (0, length), (2, length))
    ]
    if max(sizes) > sizes[0] + _DIGITS:
        return f"{sizes[0]} bytes after 1 item, {sizes[1]} after an epoch and {sizes[2]} after three, as a pickle"
    return None


def state_saving(subject: Subject) -> Outcome:
    """A state after every item of two epochs."""
    undisturbed = list(chain.from_iterable(subject.epochs(2)))
    sampler = subject.make()
    sampler.state_dict()
    seen = []
    for number in (0, 1):
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(number)
        for value in subject.raw(sampler):
            seen.append(item_of(value))
            sampler.state_dict()
    differs = difference(undisturbed, seen)
    return f"read without and with a save after each item: {differs}" if differs else None


def state_snapshot(subject: Subject) -> Outcome:
    """As when `state_dict` returns the dict that the sampler itself keeps writing to."""
    sampler = subject.make()
    _, reading = subject.begin(sampler, 0, 1)
    state = sampler.state_dict()
    # Of a copy: equal parts are then shared in the same way in both pickles.
    before = pickle.dumps(copy.deepcopy(state))
    for _ in zip(reading, range(len(subject.epochs(1)[0])), strict=False):
        pass
    if pickle.dumps(copy.deepcopy(state)) != before:
        return "a state taken after 1 item changed while the others were read"
    return None

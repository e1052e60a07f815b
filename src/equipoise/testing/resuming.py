"""States: a fresh sampler resumes exactly where one was taken, and refuses one that does not fit, unchanged.

States are small, plain and without effects.
"""

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from itertools import chain
from math import lcm
from typing import Any

from equipoise.testing.sharding import expect_in_step
from equipoise.testing.subject import BrokenPromiseError, Item, NotCheckableError, Subject, expect_equal, rows_of

_DIGITS = 64  # bytes by which a state may grow: positions get longer


def resume(subject: Subject) -> None:
    """At the start, inside and at the end of the first epoch, and in the second."""
    whole = subject.epochs(3)
    length = len(whole[0])
    half = length // 2
    places = [(0, 0), (0, 1), (0, half), (0, length - 1), (0, length), (1, 0), (1, 1), (1, half)]
    for epoch, items in dict.fromkeys(places):
        sampler = _loaded(subject, subject.state_after(epoch, items))
        _expect_rest(subject, sampler, whole, epoch, items, f"resumed after {items} items of epoch {epoch},")


def resume_set_epoch(subject: Subject) -> None:
    """In the middle of the first and of the second epoch."""
    whole = subject.epochs(2)
    for epoch, items in ((0, len(whole[0]) // 2), (1, len(whole[0]) // 3)):
        sampler = _loaded(subject, subject.state_after(epoch, items))
        where = f"resumed after {items} items of epoch {epoch}, then set_epoch({epoch})"
        expect_equal(whole[epoch][items:], subject.read(sampler, epoch), where)


def resume_world_size(subject: Subject) -> None:
    """From every number of ranks to every other, 1 among them."""
    sizes = sorted({1, *subject.world_sizes})
    single = subject.epochs(1)[0]
    even = lcm(*sizes)  # items of all ranks together that every number of ranks can split
    if len(single) < 2 * even:
        raise NotCheckableError(f"an epoch of {len(single)} items is too short to stop in on {sizes} ranks")
    together = len(single) // (2 * even) * even
    for before in sizes:
        items = together // before
        used = sum(len(rows_of(of[:items])) for (of,) in subject.ranks(before, 1))
        state = subject.state_after(0, items, rank=before - 1, world_size=before)
        for after in sizes:
            ranks = [subject.read(_loaded(subject, state, rank, after)) for rank in range(after)]
            where = f"saved on {before} ranks after {used} rows and resumed on {after}"
            expect_in_step(ranks, rows_of(single)[used:], where)


def state_json(subject: Subject) -> None:
    """From the middle of the second epoch."""
    whole = subject.epochs(3)
    items = len(whole[0]) // 2
    state = subject.state_after(1, items)
    try:
        text = json.dumps(state)
    except (TypeError, ValueError) as error:
        raise BrokenPromiseError(f"json.dumps raises: {error}") from error
    _expect_rest(subject, _loaded(subject, json.loads(text)), whole, 1, items, "resumed from JSON,")


def state_size(subject: Subject) -> None:
    """After one item, at the end of the first epoch, and at the end of the third."""
    length = len(subject.epochs(1)[0])
    places = ((0, 1), (0, length), (2, length))
    first, *later = (len(pickle.dumps(subject.state_after(epoch, items))) for epoch, items in places)
    if max(later) > first + _DIGITS:
        raise BrokenPromiseError(
            f"{first} bytes after 1 item, {later[0]} after an epoch and {later[1]} after three, as a pickle"
        )


def state_saving(subject: Subject) -> None:
    """A state after every item of two epochs."""
    undisturbed = list(chain.from_iterable(subject.epochs(2)))
    sampler = subject.make()
    sampler.state_dict()
    seen: list[Item] = []
    for number in (0, 1):
        for item in subject.items(sampler, number):
            seen.append(item)
            sampler.state_dict()
    expect_equal(undisturbed, seen, "read without and with a save after each item")


def state_snapshot(subject: Subject) -> None:
    """As when `state_dict` returns the dict that the sampler itself keeps writing to."""
    sampler = subject.make()
    reading = subject.begin(sampler, 0, 1)
    state = sampler.state_dict()
    # Of a copy: equal parts are then shared in the same way in both pickles.
    before = pickle.dumps(copy.deepcopy(state))
    for _ in zip(reading, range(len(subject.epochs(1)[0])), strict=False):
        pass
    if pickle.dumps(copy.deepcopy(state)) != before:
        raise BrokenPromiseError("a state taken after 1 item changed while the others were read")


def refuses_seed(subject: Subject) -> None:
    """A sampler whose state holds its random numbers may resume in the state's stream: nothing is lost."""
    whole = subject.epochs(2)
    items = len(whole[0]) // 2
    sampler = subject.make(seed=1)
    if not _refused(sampler, subject.state_after(0, items)):
        _expect_rest(subject, sampler, whole, 0, items, "a state of seed 0 was loaded with seed 1, and")


def refuses_keys(subject: Subject) -> None:
    """The empty state, too."""
    _expect_refused(subject, _wrong_keys)


def refuses_values(subject: Subject) -> None:
    """On loading, not on the next iteration."""
    _expect_refused(subject, _wrong_values)


def refusal_intact(subject: Subject) -> None:
    """Before the first iteration, and in the middle of one."""
    whole = subject.epochs(2)
    length = len(whole[0])
    state = subject.state_after(0, length // 2)
    for name, wrong in {**_wrong_keys(state), **_wrong_values(state)}.items():
        fresh = subject.make()
        if not _refused(fresh, wrong):
            continue
        yields = f"sampler refused a state {name}, and then yields another"
        expect_equal(whole[0], subject.read(fresh), f"a fresh {yields} epoch")
        running = subject.make()
        rest = subject.begin(running, 0, length // 4)
        _refused(running, wrong)
        expect_equal(whole[0][length // 4 :], list(rest), f"a running {yields} rest")
        expect_equal(whole[1], subject.read(running, 1), f"a running {yields} epoch")


def _loaded(subject: Subject, state: Any, rank: int = 0, world_size: int = 1) -> Any:
    sampler = subject.make(0, rank, world_size)
    sampler.load_state_dict(state)
    return sampler


def _expect_rest(subject: Subject, sampler: Any, whole: list[list[Item]], epoch: int, items: int, where: str) -> None:
    """Expect the rest of its epoch and the epoch after of a resumed sampler.

    Between two epochs, the first iteration may yield the empty rest of one, or the whole other.
    """
    rest, following = whole[epoch][items:], epoch + 1
    first = subject.read(sampler)
    if not rest:
        rest, items, following = whole[following], 0, following + 1
    if not items and not first:
        first = subject.read(sampler, following - 1)
    expect_equal(rest, first, f"{where} the rest differs")
    if following < len(whole):
        expect_equal(whole[following], subject.read(sampler, following), f"{where} the epoch after it differs")


def _expect_refused(subject: Subject, damage: Callable[[Any], dict[str, Any]]) -> None:
    state = subject.state_after(0, len(subject.epochs(1)[0]) // 2)
    if not isinstance(state, Mapping):
        raise NotCheckableError(f"its state is not a mapping but {type(state).__name__}")
    accepted = [name for name, wrong in damage(state).items() if not _refused(subject.make(), wrong)]
    if accepted:
        raise BrokenPromiseError("it loads a state " + "; ".join(accepted))


def _wrong_keys(state: Any) -> dict[str, Any]:
    if not isinstance(state, Mapping):
        return {}
    without = {f"without {key!r}": {k: v for k, v in state.items() if k != key} for key in state}
    return {"with no keys": {}, "with an unknown key": {**state, "unknown": 0}, **without}


def _wrong_values(state: Any) -> dict[str, Any]:
    return {f"with a string as {key!r}": {**state, key: "text"} for key in state} if isinstance(state, Mapping) else {}


def _refused(sampler: Any, state: Any) -> bool:
    """Whether loading raises. Which error is the sampler's own choice."""
    try:
        sampler.load_state_dict(state)
    except Exception:  # noqa: BLE001 - any error is a refusal
        return True
    return False

"""States: small, plain, and taken without a trace."""

import copy
import json
import pickle
from itertools import chain

from equipoise.testing.outcome import Failed, Outcome, check
from equipoise.testing.resuming import STATE, not_the_rest
from equipoise.testing.subject import Subject, difference, item_of

_DIGITS = 64  # bytes by which a state may grow: positions get longer


@check(
    "state-json",
    promise="a state goes through JSON and still resumes",
    harm="checkpoints that hold no pickles, as they should, cannot keep it",
    needs=("resume",),
    methods=STATE,
)
def state_json(subject: Subject) -> Outcome:
    """From the middle of the second epoch."""
    whole = subject.epochs(3)
    items = len(whole[0]) // 2
    state = subject.state_after(1, items)
    try:
        text = json.dumps(state)
    except (TypeError, ValueError) as error:
        return Failed(f"json.dumps says: {error}")
    sampler = subject.make()
    sampler.load_state_dict(json.loads(text))
    wrong = not_the_rest(subject, sampler, whole, 1, items)
    return Failed(f"resumed from JSON, {wrong}") if wrong else None


@check(
    "state-size",
    promise="a state does not grow with the draws that were made",
    harm="checkpoints grow through the run, and resuming takes longer the later it is",
    methods=("state_dict",),
)
def state_size(subject: Subject) -> Outcome:
    """After one item, at the end of the first epoch, and at the end of the third."""
    length = len(subject.epochs(1)[0])
    sizes = [
        len(pickle.dumps(subject.state_after(epoch, items))) for epoch, items in ((0, 1), (0, length), (2, length))
    ]
    if max(sizes) > sizes[0] + _DIGITS:
        return Failed(
            f"{sizes[0]} bytes after 1 item, {sizes[1]} after an epoch and {sizes[2]} after three, as a pickle"
        )
    return None


@check(
    "state-saving",
    promise="taking states while reading changes nothing that is read",
    harm="a run that saves checkpoints trains on other data than one that does not",
    needs=("determinism",),
    methods=("state_dict",),
)
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
    return Failed(f"read without and with a save after each item: {differs}") if differs else None


@check(
    "state-snapshot",
    promise="a state that was taken stays as it is while reading goes on",
    harm="checkpoints written in the background, or kept in memory, hold a later place than the model's",
    methods=("state_dict",),
)
def state_snapshot(subject: Subject) -> Outcome:
    """As when `state_dict` returns the dict that the sampler itself goes on writing to."""
    sampler = subject.make()
    _, reading = subject.begin(sampler, 0, 1)
    state = sampler.state_dict()
    # Of a copy: equal parts are then shared in the same way in both pickles.
    before = pickle.dumps(copy.deepcopy(state))
    for _ in zip(reading, range(len(subject.epochs(1)[0])), strict=False):
        pass
    if pickle.dumps(copy.deepcopy(state)) != before:
        return Failed("a state taken after 1 item changed while the others were read")
    return None

"""Refusal: a state that does not fit is refused, and refusing changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.testing.outcome import Outcome, Skipped
from equipoise.testing.resuming import not_the_rest
from equipoise.testing.subject import Subject, difference, item_of


def refuses_seed(subject: Subject) -> Outcome:
    """A sampler whose state holds its random numbers may resume in the state's stream: nothing is lost."""
    whole = subject.epochs(2)
    items = len(whole[0]) // 2
    sampler = subject.make(seed=1)
    if _refused(sampler, subject.state_after(0, items)):
        return None
    wrong = not_the_rest(subject, sampler, whole, 0, items)
    return f"a state of seed 0 was loaded with seed 1, and {wrong}" if wrong else None


def refuses_keys(subject: Subject) -> Outcome:
    """The empty state, too."""
    return _accepting(subject, _wrong_keys)


def refuses_values(subject: Subject) -> Outcome:
    """On loading, not on the next iteration."""
    return _accepting(subject, _wrong_values)


def refusal_intact(subject: Subject) -> Outcome:
    """Before the first iteration, and in the middle of one."""
    whole = subject.epochs(2)
    length = len(whole[0])
    state = subject.state_after(0, length // 2)
    for name, wrong in {**_wrong_keys(state), **_wrong_values(state)}.items():
        fresh = subject.make()
        if not _refused(fresh, wrong):
            continue
        differs = difference(whole[0], subject.read(fresh))
        if differs:
            return f"a fresh sampler refused a state {name}, and then yields another epoch: {differs}"
        running = subject.make()
        _, reading = subject.begin(running, 0, length // 4)
        _refused(running, wrong)
        differs = difference(whole[0][length // 4 :], [item_of(value) for value in reading])
        if differs:
            return f"a running sampler refused a state {name}, and then yields another rest: {differs}"
        differs = difference(whole[1], subject.epoch(running, 1))
        if differs:
            return f"a running sampler refused a state {name}, and then yields another epoch: {differs}"
    return None


def _accepting(subject: Subject, damage: Callable[[Any], dict[str, Any]]) -> Outcome:
    """Fail where a damaged state is accepted."""
    state = subject.state_after(0, len(subject.epochs(1)[0]) // 2)
    if not isinstance(state, Mapping):
        return Skipped(f"its state is not a mapping but {type(state).__name__}")
    accepted = [name for name, wrong in damage(state).items() if not _refused(subject.make(), wrong)]
    return "it loads a state " + "; ".join(accepted) if accepted else None


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

"""Determinism: the seed alone decides, and nothing else in the process is touched."""

from equipoise.testing.outcome import Failed, Outcome, check
from equipoise.testing.random_state import snapshot
from equipoise.testing.subject import Item, Subject, difference, item_of


@check(
    "determinism",
    promise="the same seed gives the same items, whatever the process-wide random numbers of random, numpy and torch",
    harm="a run cannot be repeated or resumed, and ranks whose random numbers drifted apart draw apart",
)
def determinism(subject: Subject) -> Outcome:
    """The second sampler is disturbed after it is made, and while it is read."""
    first = [item for epoch in subject.epochs(2) for item in epoch]
    sampler = subject.make()
    second: list[Item] = []
    for number in (0, 1):
        subject.disturb()
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(number)
        for place, value in enumerate(subject.raw(sampler)):
            second.append(item_of(value))
            if place % 16 == 0:
                subject.disturb()
    differs = difference(first, second)
    return Failed(f"two samplers of one seed differ: {differs}") if differs else None


@check(
    "global-state",
    promise="making and reading the sampler leaves the process-wide random numbers as they are",
    harm="dropout, augmentation and initial weights change with the sampler, so comparisons of samplers compare more",
)
def global_state(subject: Subject) -> Outcome:
    """One that seeds the process-wide numbers is deterministic, and still does harm."""
    subject.disturb()
    before = snapshot()
    subject.read(subject.factory(seed=0, rank=0, world_size=1))
    after = snapshot()
    changed = [name for name, state in before.items() if after[name] != state]
    return Failed(f"it changed the state of {' and '.join(changed)}") if changed else None

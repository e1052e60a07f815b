"""The differences between two schedules, in sentences: for the error on resuming with another one."""

from itertools import zip_longest

from equipoise.plan import Plan, difference
from equipoise.schedule.schedule import Schedule


def differences(old: Plan | Schedule, new: Plan | Schedule) -> list[str]:
    """Describe the changes from `old` to `new`; an empty list if draws and targets are the same.

    Examples
    --------
    >>> from equipoise import Census
    >>> census = Census.from_counts({"large": 900, "small": 100})
    >>> equal, natural = (Plan.build(census, rates=rates) for rates in ("equal", "proportional"))
    >>> differences(Schedule([(0, equal), (2000, natural)]), Schedule([(0, equal), (3000, natural)]))
    ['Stage 2 begins at draw 3,000, not 2,000.']
    >>> differences(Schedule([(0, equal), (2000, natural)]), equal)
    ['Stage 2, from draw 2,000, was removed.']
    """
    sentences: list[str] = []
    several = len(old.stages) > 1 or len(new.stages) > 1
    for number, (then, now) in enumerate(zip_longest(old.stages, new.stages), 1):
        if then is None or now is None:
            at = old.stages[number - 1].at if now is None else now.at
            sentences.append(f"Stage {number}, from draw {at:,}, was {'removed' if now is None else 'added'}.")
            continue
        if then.at != now.at:
            sentences.append(f"Stage {number} begins at draw {now.at:,}, not {then.at:,}.")
        prefix = f"stage {number}: " if several else ""
        sentences += [f"{prefix}{sentence}" for sentence in difference(then.plan, now.plan)]
    return sentences

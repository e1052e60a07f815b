"""Several ordered sources, one for each task, mixed at the rates of a plan."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from equipoise.base.masses import WHOLE, largest_remainder
from equipoise.base.values import integer
from equipoise.census import Stratum
from equipoise.drawing.inner import Inner
from equipoise.drawing.stream import Stream
from equipoise.errors import ConfigError, DataError, StateError
from equipoise.iterable.one_plan import checked_plan
from equipoise.iterable.ordered import NUMBER, OrderedStream, Place
from equipoise.iterable.parts import Parts, Source
from equipoise.iterable.source import SourceStream, as_stream
from equipoise.plan import Plan

Exhaustion = Literal["repeat", "stop", "drop"]
_TOGETHER = 1024  # choices computed at once, for each reader
_END = object()


class Mixture(OrderedStream):
    """The next example of the source that the plan's stream of tasks names; each source is read in its order.

    The rates are exact as long as no source was dropped: at the end of every ``plan.block`` examples no task is more
    than about one example from its share. They do not depend on the content of an example.

    Parameters
    ----------
    sources : mapping of str to OrderedStream, Source or Parts
        By task: all tasks that the plan draws and no others.
    plan : Plan
        Its mixing rates are used. Class weights are applied by the sources: wrap one in a `RepeatStream`.
    exhaustion : str, or mapping of str to str
        What happens when an example is to be read from a source at its end, for all or by task:

        - ``"repeat"``: it is read again, in its next epoch.
        - ``"stop"``: the mixture's epoch ends.
        - ``"drop"``: it is left out; the others keep the ratios of their rates. The epoch ends when all are left out.
    seed : int
        Any integer; streams of different seeds are unrelated.

    Attributes
    ----------
    passes : dict of str to int
        How often each source reached its end in this epoch of the mixture.

    Raises
    ------
    ConfigError
        If the sources are not those of the plan's tasks, a policy is unknown, or the plan weights the labels of a task
        whose source is read as it is.

    Examples
    --------
    >>> from equipoise import Census, rates
    >>> plan = Plan.build(Census.from_counts({"large": 6, "small": 2}), rates=rates.Equal())
    >>> sources = {"large": ["A", "B", "C", "D", "E", "F"], "small": ["1", "2"]}
    >>> mixture = Mixture(sources, plan, exhaustion={"large": "stop", "small": "repeat"})
    >>> "".join(mixture)
    '1AB212C1D2E1F'
    """

    _PLACE: ClassVar = {
        "given": NUMBER,
        "dropped": list[str],
        "passes": dict[str, NUMBER],
        "streams": dict[str, dict[str, Any]],
    }

    def __init__(
        self,
        sources: Mapping[str, OrderedStream | Source | Parts],
        plan: Plan,
        *,
        exhaustion: Exhaustion | Mapping[str, Exhaustion] = "repeat",
        seed: int = 0,
    ) -> None:
        super().__init__()
        plan = checked_plan(plan)
        masses = {task: int(plan.masses[plan.task_numbers == number].sum()) for number, task in enumerate(plan.tasks)}
        self._masses = {task: mass for task, mass in masses.items() if mass}
        tasks, found = list(self._masses), sorted(sources)
        if set(found) != set(tasks):
            message = f"`sources` must be those of the tasks that the plan draws, {tasks}, found {found}."
            raise ConfigError("other-tasks", message)
        policies = dict.fromkeys(tasks, exhaustion) if isinstance(exhaustion, str) else dict(exhaustion)
        if set(policies) != set(tasks) or not set(policies.values()) <= {"repeat", "stop", "drop"}:
            message = f'`exhaustion` must be "repeat", "stop" or "drop", for all of {tasks}, found {policies}.'
            raise ConfigError("unknown-option", message)
        self._policies: dict[str, str] = {task: policies[task] for task in tasks}
        self._streams = {task: as_stream(sources[task]) for task in tasks}
        _check_unweighted(plan, self._streams)
        self._seed = integer("seed", seed)
        self._block = plan.block
        self._given = 0
        self._dropped: list[str] = []
        self.passes = dict.fromkeys(self._masses, 0)

    def _settings(self) -> dict[str, Any]:
        return {
            "seed": self._seed,
            "masses": {task: str(mass) for task, mass in self._masses.items()},  # too large for some JSON readers
            "block": self._block,
            "exhaustion": self._policies,
            "lane": list(self._lane),
        }

    def _here(self) -> Place:
        return {
            "given": self._given,
            "dropped": list(self._dropped),
            "passes": dict(self.passes),
            "streams": {task: stream.state_dict() for task, stream in self._streams.items()},
        }

    def _check_place(self, place: Place) -> None:
        tasks = set(self._masses)
        if not set(place["streams"]) == set(place["passes"]) == tasks or not set(place["dropped"]) <= tasks:
            message = f"The state's place in the mixture has other tasks than {sorted(tasks)}: {place!r:.120}."
            raise StateError("damaged-state", message)
        for task, stream in self._streams.items():
            stream.check_state(place["streams"][task])

    def _split(self, lane: int, lanes: int) -> None:
        self._streams = {task: stream.split(lane, lanes) for task, stream in self._streams.items()}
        self.passes = dict.fromkeys(self._masses, 0)

    def _read(self, start: Place | None) -> Iterator[Any]:
        if start is None:
            self._given, self._dropped, self.passes = 0, [], dict.fromkeys(self._masses, 0)
        else:
            self._given, self._dropped, self.passes = start["given"], [*start["dropped"]], {**start["passes"]}
        for task, stream in self._streams.items():
            if start is None:
                stream.begin(self._epoch)
            else:
                stream.load_state_dict(start["streams"][task])
        readings = {task: iter(stream) for task, stream in self._streams.items()}
        while choices := self._choices():
            for task in choices:
                example = next(readings[task], _END)
                if example is _END:
                    self.passes[task] += 1
                    if self._policies[task] == "stop":
                        return
                    if self._policies[task] == "drop":
                        self._dropped.append(task)
                        break  # the choices from here on are made without it
                    readings[task] = iter(self._streams[task])
                    example = next(readings[task], _END)
                    if example is _END:
                        raise DataError("no-examples", f"The source of task {task!r} has no examples to repeat.")
                self._given += 1
                yield example

    def _choices(self) -> list[str]:
        """Return the tasks of this reader's next examples; none where all sources were dropped."""
        left = [task for task in self._masses if task not in self._dropped]
        if not left:
            return []
        masses = np.array(largest_remainder([self._masses[task] for task in left], WHOLE))
        strata = tuple(Stratum(task, None) for task in left)
        tasks = Plan(strata, np.ones(len(left), np.int64), masses, masses)
        salt = ("mixture", self._epoch, *left)
        stream = Stream(tasks, self._seed, block=self._block, salt=salt, inner=Inner(compile_after=None))
        lane, lanes = self._lane
        positions = lane + lanes * np.arange(self._given, self._given + _TOGETHER)
        return [left[number] for number in stream.strata_at(positions).tolist()]


def _check_unweighted(plan: Plan, streams: Mapping[str, OrderedStream]) -> None:
    """Raise ConfigError where a plan's class weights would be ignored silently."""
    for number, task in enumerate(plan.tasks):
        if type(streams.get(task)) is not SourceStream:
            continue
        of_task = plan.task_numbers == number
        shares, natural = plan.masses[of_task] / plan.masses[of_task].sum(), plan.counts[of_task]
        if not np.allclose(shares, natural / natural.sum(), rtol=1e-9, atol=0):
            raise ConfigError(
                "weights-ignored",
                f"The plan weights the labels of task {task!r}, and its source would be read as it is. Wrap it: "
                f"RepeatStream(source, RepeatFactors.from_plan(plan, tasks=[{task!r}])).",
            )

"""Streams to test with: examples that say who they are, in no even order of labels."""

import json
from itertools import islice

import numpy as np

from equipoise import Census, Plan, rates, weights
from equipoise.iterable import Mixture, Parts, RepeatFactors, RepeatStream, ShuffleBuffer, StratumColumns

STRATUM_OF = StratumColumns("label")
COUNTS = {"mood": {"glad": 40, "sad": 8, "wry": 2}, "topic": {"art": 20, "law": 5}, "open": 15}


def examples_of(task, seed=0):
    """Examples of a task, shuffled; the open-ended task's say a label that is to be overlooked."""
    of_task = COUNTS[task]
    labels = (
        [f"text {i}" for i in range(of_task)]
        if isinstance(of_task, int)
        else np.repeat(list(of_task), list(of_task.values()))
    )
    labels = np.random.default_rng(seed).permutation(labels).tolist()
    return [{"id": f"{task}{i}", "task": task, "label": label} for i, label in enumerate(labels)]


def all_examples():
    examples = [example for task in COUNTS for example in examples_of(task)]
    return [examples[i] for i in np.random.default_rng(1).permutation(len(examples))]


def plan():
    return Plan.build(Census.from_counts(COUNTS), rates=rates.Equal(), weights=weights.Power(0.5))


def reader(examples):
    """A source that can only be read in order, anew at each call."""
    return lambda: (dict(example) for example in examples)


def parts(examples, number, seed=None):
    return Parts({f"file {i}": reader(examples[i::number]) for i in range(number)}, seed)


def repeated(source=None, **options):
    return RepeatStream(reader(all_examples()) if source is None else source, plan(), STRATUM_OF, **options)


def mixed(*, number=1, **options):
    """Each task from its own source, classes by the plan."""
    sources = {
        task: RepeatStream(
            parts(examples_of(task), number), RepeatFactors.from_plan(plan(), tasks=[task]), STRATUM_OF, seed=3
        )
        for task in COUNTS
    }
    return Mixture(sources, plan(), **options)


def pipeline(*, number=1, size=16, **options):
    """All stages but the last, without an end."""
    return ShuffleBuffer(mixed(number=number, **options), size, seed=7)


def ids(examples):
    return [example["id"] for example in examples]


def flat(lists):
    return [example for of in lists for example in of]


def goes_on_everywhere(make, epochs=2, stop=None, at=None):
    """Assert that `make()`, resumed after any number of examples from a state as JSON, gives the rest."""
    whole = []
    stream, states = make(), [make().state_dict()]
    for _ in range(epochs):
        for example in islice(stream, stop):
            whole.append(example)
            states.append(stream.state_dict())
    for done, state in enumerate(states):
        if at is not None and done not in at:
            continue
        resumed = make()
        resumed.load_state_dict(json.loads(json.dumps(state)))
        if done:
            assert resumed.state_dict() == state, done
        rest = []
        while len(whole) - len(rest) > done:
            before = len(rest)
            rest += islice(resumed, len(whole) - done - len(rest))
            assert len(rest) > before or rest == [], done
        assert rest == whole[done:], done
    return whole

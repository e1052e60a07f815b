"""Samplers of a plan against a list: reading, saving, loading, naming epochs and changing ranks, in random order."""

import json
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.errors import raises
from tests.support.schedules import INDEX, OTHER, PLAN, WITHOUT_OPEN

from equipoise import LengthSorted, OneTask, PlanSampler, Quota, Schedule, Shard, WeightedSampler, draws
from equipoise.errors import RunWarning, StateError

LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
D = 720  # draws of an epoch: every world size below divides it
EPOCHS = 6
WORLD_SIZES = [1, 2, 3, 4, 8]
BATCH, WINDOW = 24, 10
# Boundaries at an epoch's end, and inside epochs.
SCHEDULE = Schedule([(0, PLAN), (D, OTHER), (3 * D - 10 * BATCH, WITHOUT_OPEN), (4 * D + 24, PLAN)])


def plain(seed, shard, plan=PLAN, **options):
    return PlanSampler(plan, INDEX, seed, D, shard, **options)


def independent(seed, shard):
    return plain(seed, shard, replacement=True)


def quota(seed, shard):
    return plain(seed, shard, batches=Quota(BATCH))


def one_task(seed, shard):
    return plain(seed, shard, batches=OneTask(BATCH))


def weighted(seed, shard):
    return WeightedSampler(LENGTHS, D, seed=seed, shard=shard)


def systematic(seed, shard):
    return WeightedSampler(np.minimum(LENGTHS, 60), D, False, seed, shard)


def sorted_by_length(seed, shard):
    return LengthSorted(plain(seed, shard), LENGTHS, BATCH, WINDOW)


def scheduled(seed, shard, plan=SCHEDULE):
    return plain(seed, shard, plan)


def scheduled_quota(seed, shard, plan=SCHEDULE):
    return plain(seed, shard, plan, batches=Quota(BATCH))


def scheduled_one_task(seed, shard, plan=SCHEDULE):
    return plain(seed, shard, plan, batches=OneTask(BATCH))


def scheduled_by_length(seed, shard, plan=SCHEDULE):
    return LengthSorted(plain(seed, shard, plan), LENGTHS, BATCH, WINDOW)


@cache
def rows_of(make, seed):
    """The model: all rows of the one-process stream."""
    if make is plain:
        return draws(PLAN, INDEX, seed, 0, EPOCHS * D).tolist()
    sampler = make(seed, Shard())
    if make is scheduled_by_length:
        return [row for _ in range(EPOCHS) for row in sampler]
    if make is not sorted_by_length:
        return sampler.rows(0, EPOCHS * D).tolist()
    rows = [row for _ in range(EPOCHS) for row in sampler]
    for first in range(0, EPOCHS * D, D):
        for window in range(first, first + D, BATCH * WINDOW):
            stretch = slice(window, min(window + BATCH * WINDOW, first + D))
            assert sorted(rows[stretch]) == sorted(rows_of(plain, seed)[stretch])
    return rows


class SamplerMachine(RuleBasedStateMachine):
    """Ranks in step, as in training. Subclasses give `make`."""

    states = Bundle("states")

    @initialize(seed=st.sampled_from([0, 1]), world_size=st.sampled_from(WORLD_SIZES))
    def begin(self, seed, world_size):
        self.seed, self.rows = seed, rows_of(self.make, seed)
        self.start = 0  # position at which the next iteration starts
        self.at = 0  # position after the rows that were read
        self.reading = None  # the ranks' iterators
        self.fresh(world_size)

    def fresh(self, world_size):
        self.world_size = world_size
        self.ranks = [self.make(self.seed, Shard(rank, world_size)) for rank in range(world_size)]

    @property
    def end(self):
        """Position at which the epoch of this iteration ends."""
        return (self.start // D + 1) * D

    @property
    def next(self):
        """Position at which the next iteration starts."""
        return self.end if self.reading is not None and self.at == self.end else self.start

    @precondition(lambda self: self.start < EPOCHS * D)
    @rule(steps=st.one_of(st.integers(1, 40), st.integers(41, D)))
    def read(self, steps):
        """Go on with the iteration or start one; never past the epoch's last row."""
        if self.reading is None:
            self.reading, self.at = [iter(rank) for rank in self.ranks], self.start
        for _ in range(min(steps, (self.end - self.at) // self.world_size)):
            together = [next(rank) for rank in self.reading]
            assert together == self.rows[self.at : self.at + self.world_size]
            self.at += self.world_size

    @precondition(lambda self: self.start < EPOCHS * D)
    @rule()
    def read_to_the_end(self):
        """As a loop over the sampler does, through the end of the iteration."""
        self.read(D)
        for rank in self.reading:
            assert next(rank, None) is None
        self.reading, self.start = None, self.end

    @precondition(lambda self: self.start < EPOCHS * D)
    @rule()
    def break_off(self):
        """The iteration after it starts where this one did, or with the next epoch if everything was read."""
        self.start = self.next
        self.reading, self.at = [iter(rank) for rank in self.ranks], self.start

    @precondition(lambda self: self.start < EPOCHS * D)
    @rule(epoch=st.one_of(st.none(), st.integers(0, EPOCHS - 1)))
    def name_epoch(self, epoch):
        """None: the one that it is in, which changes nothing. Another is where the next iteration starts."""
        if epoch is None:
            epoch = self.next // D
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RunWarning)  # it may go back before a loaded state
            for rank in self.ranks:
                rank.set_epoch(epoch)
        if epoch != self.next // D:
            self.start = self.at = epoch * D
            self.reading = None

    @rule(target=states)
    def save(self):
        """All ranks save the same."""
        saved = [json.dumps(rank.state_dict()) for rank in self.ranks]
        assert len(set(saved)) == 1
        return saved[0], self.at, self.rows

    @rule(saved=states, world_size=st.sampled_from(WORLD_SIZES), anew=st.booleans(), named=st.booleans())
    def load(self, saved, world_size, anew, named):
        """Into new samplers on any number of ranks, or into those that are running; the epoch named again or not."""
        text, position, rows = saved
        if anew and position % world_size == 0:
            self.fresh(world_size)
        elif position % self.world_size:
            for rank in self.ranks:
                with raises(StateError, "not-a-multiple"):
                    rank.load_state_dict(json.loads(text))
            return
        for rank in self.ranks:
            rank.load_state_dict(json.loads(text))
            if named:
                rank.set_epoch(position // D)
        self.start = self.at = position
        self.rows, self.reading = rows, None

    @rule(saved=states, damage=st.sampled_from(["seed", "missing", "unknown", "position", "text"]))
    def load_what_does_not_fit(self, saved, damage):
        """It is refused, and whatever is going on goes on."""
        state = json.loads(saved[0])
        inner = state.get("sampler", state)
        if damage == "missing":
            del inner["position"]
        elif damage == "seed":
            inner["seed"] += 1
        else:
            inner |= {"unknown": {"extra": 0}, "position": {"position": -1}, "text": {"replacement": "no"}}[damage]
        for rank in self.ranks:
            with pytest.raises(StateError):
                rank.load_state_dict(state)

    @invariant()
    def position_is_what_was_read(self):
        """Whatever happened."""
        assert {rank.position for rank in self.ranks} == {self.at}


class ReplanningMachine(SamplerMachine):
    """The plan may change, too: the rows are those of a new sampler of the schedule that was used."""

    @precondition(lambda self: self.at < EPOCHS * D)
    @rule(plan=st.sampled_from([PLAN, OTHER, WITHOUT_OPEN]), later=st.sampled_from([0, 0, BATCH, 10 * BATCH]))
    def replan(self, plan, later):
        """On all ranks, while they are read or between; what was read stays."""
        at = self.ranks[0].earliest_replan()
        at += -at % BATCH + later
        assert {rank.replan(plan, at=at) for rank in self.ranks} == {at}
        assert len({rank.plan.fingerprint for rank in self.ranks}) == 1
        used = self.make(self.seed, Shard(), self.ranks[0].plan)
        rows = [row for _ in range(EPOCHS) for row in used]
        assert rows[: self.at] == self.rows[: self.at]
        self.rows = rows


FAST = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True)


def test_case(make, base, settings):
    machine = type(f"Machine_{make.__name__}", (base,), {"make": staticmethod(make)})
    machine.TestCase.settings = settings
    return machine.TestCase


TestPlain = test_case(plain, SamplerMachine, FAST)
TestIndependent = test_case(independent, SamplerMachine, FAST)
TestQuota = test_case(quota, SamplerMachine, FAST)
TestOneTask = test_case(one_task, SamplerMachine, FAST)
TestWeighted = test_case(weighted, SamplerMachine, FAST)
TestSystematic = test_case(systematic, SamplerMachine, FAST)
TestSortedByLength = test_case(sorted_by_length, SamplerMachine, FAST)
FEW = settings(FAST, max_examples=4)
TestScheduled = pytest.mark.slow(test_case(scheduled, ReplanningMachine, FEW))
TestScheduledQuota = pytest.mark.slow(test_case(scheduled_quota, ReplanningMachine, FEW))
TestScheduledOneTask = pytest.mark.slow(test_case(scheduled_one_task, ReplanningMachine, FEW))
TestScheduledByLength = pytest.mark.slow(test_case(scheduled_by_length, ReplanningMachine, FEW))
del test_case

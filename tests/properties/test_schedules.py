"""Streams of any stages: exact, monotone, and the same however they are read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.schedules import worst_error

from equipoise import Mixed, OneTask, Quota, Schedule
from equipoise.base.masses import masses_of
from equipoise.census import Stratum
from equipoise.drawing.apportion import Carried
from equipoise.drawing.rounding import errors_after, exact_shares, rounded
from equipoise.plan import Plan

share = st.one_of(st.just(0.0), st.integers(1, 6).map(float), st.floats(1e-9, 1.0), st.just(1e-17))


@st.composite
def schedules(draw, unit=1):
    size = draw(st.integers(1, 12))
    strata = tuple(Stratum(f"t{i // 3}", f"l{i:02d}") for i in range(size))
    columns = draw(st.lists(st.lists(share, min_size=size, max_size=size).filter(any), min_size=1, max_size=12))
    counts = np.array(draw(st.lists(st.integers(1, 9), min_size=size, max_size=size)))
    lengths = draw(st.lists(st.integers(1, 200), min_size=len(columns), max_size=len(columns)))
    masses = [masses_of(np.array(column) / sum(column)) for column in columns]
    begins = np.cumsum([0, *lengths[:-1]]) * unit
    return Schedule([(int(at), Plan(strata, counts, each, each)) for at, each in zip(begins, masses, strict=True)])


@pytest.mark.slow
@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.sampled_from([1, 3, 8, 24, 100]).flatmap(lambda g: st.tuples(st.just(g), schedules(unit=g))))
def test_quotas_add_up_at_the_end_of_every_batch(sized):
    batch, schedule = sized
    stream = Quota(batch).stream(schedule.stages, 0)
    last = schedule.stages[-1].at + 50 * batch
    assert worst_error(schedule, stream.used, last, Quota(batch).block) < 1.5


@pytest.mark.slow
@settings(deadline=None, max_examples=30, derandomize=True)
@given(schedules(unit=8), st.sampled_from([Mixed(), Quota(8), OneTask(8)]), st.data())
def test_any_part_is_that_of_the_whole_in_passes(schedule, batches, data):
    last = schedule.stages[-1].at + 80
    strata, places = batches.stream(schedule.stages, 5).at(np.arange(last))
    for begin, end in zip(schedule.stages, [*schedule.stages[1:], None], strict=True):
        assert (begin.plan.masses[strata[begin.at : None if end is None else end.at]] > 0).all()
    for stratum, size in enumerate(schedule.counts.tolist()):
        of = places[strata == stratum]
        for start in range(0, len(of), size):
            part = of[start : start + size]
            assert len(set(part.tolist())) == len(part)
    stream = batches.stream(schedule.stages, 5)
    for _ in range(4):
        positions = np.array(sorted(data.draw(st.sets(st.integers(0, last - 1), max_size=20))), dtype=np.int64)
        found = stream.at(positions)
        assert np.array_equal(found[0], strata[positions])
        assert np.array_equal(found[1], places[positions])


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    st.lists(st.one_of(st.integers(1, 6), st.floats(1e-9, 1.0)), min_size=1, max_size=40),
    st.sampled_from([1, 3, 24, 100, 2048]),
    st.one_of(st.integers(0, 300), st.integers(0, 2**46)),
    st.data(),
)
def test_a_stage_that_carries_errors_stays_near_its_shares(values, block, first, data):
    masses = masses_of(np.array(values, dtype=float) / np.sum(values))
    raw = np.array(data.draw(st.lists(st.integers(-(2**59), 2**59), min_size=len(masses), max_size=len(masses))))
    errors = raw - raw.sum() // len(raw)
    errors[0] -= errors.sum()
    if abs(int(errors[0])) > 2**60:
        errors = np.zeros_like(errors)
    ends = Carried(masses, block, errors).ends(first, first + 40)
    assert (np.diff(ends, axis=0) >= 0).all()
    draws = np.arange(first, first + 41).astype(object) * block
    assert (ends.sum(axis=1) == draws).all()
    # What lies further ahead than a draw may stay there; all others are near their shares.
    found = errors.astype(object) + (ends.astype(object) << 60) - draws[:, None] * masses.astype(object)
    assert np.abs(found).max() < 1.6 * 2**60
    again = Carried(masses, block, errors)
    for at in data.draw(st.permutations([first, first + 7, first + 31, first + 40])):
        assert np.array_equal(again.ends(at, at)[0], ends[at - first])


@given(st.integers(0, 2**59), st.lists(st.integers(1, 2**60), min_size=1, max_size=5))
def test_exact_shares_are_those_of_long_integers(draws, masses):
    whole, rest = exact_shares(draws, np.array(masses))
    assert [w * 2**60 + r for w, r in zip(whole.tolist(), rest.tolist(), strict=True)] == [draws * m for m in masses]
    assert (rest >= 0).all()
    assert (rest < 2**60).all()


@given(st.integers(1, 10**6), st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=10))
def test_rounded_counts_are_by_largest_remainder(draws, values):
    masses = masses_of(np.array(values) / sum(values))
    none = np.zeros_like(masses)
    counts = rounded(draws, masses, none, none)
    assert counts.sum() == draws
    assert np.abs(errors_after(counts, draws, masses, none)).max() < 2**60

import itertools
import json

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from tests.support.plans import codes_of, imbalanced
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from equipoise import (
    Census,
    LengthSorted,
    Mixed,
    OneTask,
    Plan,
    PlanSampler,
    Quota,
    Shard,
    StratumIndex,
    draws,
    rates,
    weights,
)
from equipoise.errors import ConfigError, PlanError, RunWarning, StateError

ALONE = Shard()
D = 600  # draws of an epoch: no multiple of the block


class Rows(torch.utils.data.Dataset):
    """A dataset whose item is its row number."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, row):
        return row


def plain(seed=0, shard=ALONE, plan=None, index=None, **options):
    built, made = imbalanced()
    return PlanSampler(plan or built, index or made, seed, D, shard, **options)


def independent(seed=0, shard=ALONE, plan=None, index=None):
    return plain(seed, shard, plan, index, replacement=True)


def quota(seed=0, shard=ALONE, plan=None, index=None):
    return plain(seed, shard, plan, index, batches=Quota(8))


def one_task(seed=0, shard=ALONE, plan=None, index=None):
    return plain(seed, shard, plan, index, batches=OneTask(8))


def sorted_by_length(seed=0, shard=ALONE, plan=None, index=None, **options):
    sampler = plain(seed, shard, plan, index, **options)
    lengths = np.random.default_rng(0).integers(1, 100, len(sampler.index))
    return LengthSorted(sampler, lengths, global_batch=8, window=5)


def one_task_sorted_by_length(seed=0, shard=ALONE, plan=None, index=None):
    return sorted_by_length(seed, shard, plan, index, batches=OneTask(8))


KINDS = [plain, independent, quota, one_task, sorted_by_length, one_task_sorted_by_length]
each_kind = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


def epochs(sampler, numbers):
    rows = []
    for number in numbers:
        sampler.set_epoch(number)
        rows += list(sampler)
    return rows


def test_epochs_are_consecutive_stretches_of_the_stream():
    plan, index = imbalanced()
    whole = draws(plan, index, 4, 0, 3 * D).tolist()
    assert epochs(plain(4), [0, 1, 2]) == whole
    assert epochs(plain(4), [2, 0]) == whole[2 * D :] + whole[:D]


@each_kind
def test_epochs_go_on_without_set_epoch(make):
    sampler = make()
    assert [row for _ in range(3) for row in sampler] == epochs(make(), [0, 1, 2])


@each_kind
def test_a_loop_that_counts_its_steps_goes_on_with_the_next_epoch(make):
    sampler = make()
    assert [row for _ in range(3) for row in itertools.islice(sampler, D)] == epochs(make(), [0, 1, 2])


@each_kind
def test_len_is_what_is_yielded(make):
    for shard in (Shard(), Shard(1, 4)):
        sampler = make(shard=shard)
        assert len(list(sampler)) == len(sampler) == D // shard.world_size


@each_kind
@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_ranks_together_are_the_single_stream(make, world_size):
    single = epochs(make(), [0, 1])
    ranks = [epochs(make(shard=Shard(rank, world_size)), [0, 1]) for rank in range(world_size)]
    assert [row for step in zip(*ranks, strict=True) for row in step] == single


@each_kind
def test_global_batches_are_the_same_on_any_number_of_ranks(make):
    """Each rank's batch of 8/W rows at a step makes up positions [8t, 8t + 8)."""
    single = np.array(epochs(make(), [0])).reshape(-1, 8)
    for world_size in (2, 4):
        ranks = [np.array(epochs(make(shard=Shard(r, world_size)), [0])) for r in range(world_size)]
        batches = np.concatenate([rows.reshape(len(single), -1) for rows in ranks], axis=1)
        assert np.array_equal(np.sort(batches), np.sort(single))


@each_kind
@pytest.mark.parametrize("at", [0, 1, 8, 299, 599, 600, 601, 1000, 1800])
def test_resume_at_any_position_in_any_epoch(make, at):
    whole = epochs(make(), [0, 1, 2, 3, 4])
    source = make()
    read = iter(row for _ in range(5) for row in source)
    for _ in range(at):
        next(read)
    state = json.loads(json.dumps(source.state_dict()))
    resumed = make()
    resumed.load_state_dict(state)
    rest = list(resumed)
    start = (at // D + 1) * D
    assert rest == whole[at:start]
    assert list(resumed) == whole[start : start + D], "the epoch after it is whole"


def cut_in_epoch_1(make):
    """Return what was read of the epoch, and a sampler that has loaded the state after it."""
    source = make()
    source.set_epoch(1)
    read = iter(source)
    head = [next(read) for _ in range(96)]
    resumed = make()
    resumed.load_state_dict(source.state_dict())
    return head, resumed


@each_kind
def test_set_epoch_of_the_resumed_epoch_keeps_the_place(make):
    head, resumed = cut_in_epoch_1(make)
    resumed.set_epoch(1)
    assert head + list(resumed) == epochs(make(), [1])
    resumed.set_epoch(1)
    assert list(resumed) == epochs(make(), [1]), "named anew, the epoch starts anew"


@each_kind
def test_a_loop_resumes_from_the_epoch_of_the_sampler(make):
    head, resumed = cut_in_epoch_1(make)
    rest = []
    for epoch in range(resumed.epoch, 3):
        resumed.set_epoch(epoch)
        rest += resumed
    assert head + rest == epochs(make(), [1, 2])


@each_kind
def test_a_loop_that_goes_back_before_the_loaded_state_warns_once(make):
    source = make()
    source.set_epoch(1)
    next(iter(source))
    resumed = make()
    resumed.load_state_dict(source.state_dict())
    with pytest.warns(RunWarning, match=r"`set_epoch\(0\)`.* in epoch 1.*`for epoch in range\(sampler.epoch") as caught:
        resumed.set_epoch(0)
    assert [warning.message.code for warning in caught] == ["epoch-before-state"]
    assert list(resumed) == epochs(make(), [0]), "the draws are those of the epoch that was named"
    resumed.load_state_dict(source.state_dict())
    drawn = epochs(resumed, [1, 0])
    assert drawn[-len(resumed) :] == epochs(make(), [0]), "after it was read from, going back is meant"


@each_kind
def test_a_named_epoch_is_in_the_state_before_it_begins(make):
    source = make()
    read = iter(source)
    next(read)
    getattr(source, "sampler", source).set_epoch(3)  # frameworks reach for the inner sampler
    resumed = make()
    resumed.load_state_dict(source.state_dict())
    assert list(resumed) == epochs(make(), [3])


@each_kind
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 4), (4, 1)])
def test_resume_on_another_world_size(make, before, after):
    whole = epochs(make(), [0, 1])
    source = make(shard=Shard(before - 1, before))
    source.set_epoch(1)
    read = iter(source)
    for _ in range(80 // before):
        next(read)
    state = source.state_dict()
    ranks = []
    for rank in range(after):
        sampler = make(shard=Shard(rank, after))
        sampler.load_state_dict(state)
        ranks.append(list(sampler))
    assert [row for step in zip(*ranks, strict=True) for row in step] == whole[D + 80 :]


def test_a_position_that_the_ranks_cannot_split_is_refused():
    sampler = plain(shard=Shard(0, 4))
    with raises(StateError, "not-a-multiple", "not a multiple of the 4 ranks"):
        sampler.load_state_dict(plain().state_dict(position=6))


@each_kind
@pytest.mark.parametrize("workers", [0, 2])
def test_plain_dataloader_with_and_without_workers(make, workers):
    loader = DataLoader(Rows(1096), batch_size=8, sampler=make(), num_workers=workers, collate_fn=list)
    batches = [row for _ in range(2) for batch in loader for row in batch]
    assert batches == epochs(make(), [0, 1])


@each_kind
def test_plain_dataloader_that_reads_ahead_resumes_by_position(make):
    sampler = make()
    loader = iter(DataLoader(Rows(1096), batch_size=8, sampler=sampler, num_workers=2, collate_fn=list))
    trained = [next(loader) for _ in range(3)]
    assert sampler.position > 24, "the loader has read ahead"
    resumed = make()
    resumed.load_state_dict(sampler.state_dict(position=24))
    assert [row for batch in trained for row in batch] + list(resumed) == epochs(make(), [0])


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")  # torchdata 0.11 calls it
@each_kind
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [0, 5, 74, 80])
def test_stateful_dataloader_resumes_exactly(make, workers, steps):
    def loader():
        return StatefulDataLoader(Rows(1096), batch_size=8, sampler=make(), num_workers=workers, collate_fn=list)

    uninterrupted = loader()
    two_epochs = [batch for _ in range(2) for batch in uninterrupted]
    assert [row for batch in two_epochs for row in batch] == epochs(make(), [0, 1])
    source, seen = loader(), []
    state = source.state_dict()
    while len(seen) < steps:
        for batch in source:
            seen.append(batch)
            if len(seen) == steps:
                state = source.state_dict()
                break
    assert seen == two_epochs[:steps]
    resumed = loader()
    resumed.load_state_dict(state)
    rest = list(resumed)
    assert seen + rest == two_epochs[: len(seen) + len(rest)]
    assert (len(seen) + len(rest)) % 75 == 0, "to the end of the epoch"


@each_kind
def test_state_has_constant_size(make):
    sampler = make()
    at_start = len(json.dumps(sampler.state_dict()))
    sampler.set_epoch(10**9)
    next(iter(sampler))
    assert len(json.dumps(sampler.state_dict())) < at_start + 15


CHANGES = {
    "seed": (lambda plan, index: {"seed": 1}, "seed was 0 and is 1"),
    "plan": (
        lambda plan, index: {
            "plan": Plan.build(
                Census.from_counts({"large": {"no": 950, "yes": 50}, "open": 90, "small": {"a": 1, "b": 3, "c": 2}}),
                rates=rates.Fixed({"large": 0.5, "open": 0.25, "small": 0.25}),
                weights=weights.Power(0.5),
            )
        },
        "the plan changed: 6 probabilities changed: large/no",
    ),
    "dataset": (
        lambda plan, index: {"index": StratumIndex.from_codes(codes_of(index)[::-1].copy())},
        "the dataset changed",
    ),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
@each_kind
def test_a_changed_run_is_refused_with_the_difference_named(make, change, message):
    sampler = make(**change(*imbalanced()))
    before = sampler.state_dict()
    with raises(StateError, "other-run", message):
        sampler.load_state_dict(make().state_dict())
    assert sampler.state_dict() == before, "refusing changes nothing"


def test_changed_epoch_length_and_mode_are_refused():
    plan, index = imbalanced()
    with raises(StateError, "other-run", "draws_per_epoch was 600 and is 1096"):
        PlanSampler(plan, index).load_state_dict(plain().state_dict())
    with raises(StateError, "other-run", "replacement was False and is True"):
        independent().load_state_dict(plain().state_dict())
    with raises(StateError, "other-run", "batches was {'name': 'mixed'} and is {'name': 'quota', 'global_batch': 8}"):
        quota().load_state_dict(plain().state_dict())


@pytest.mark.parametrize("batches", [Mixed(), Quota(10), OneTask(10)], ids=lambda batches: type(batches).__name__)
@pytest.mark.parametrize("new_batches", [Mixed(), Quota(10), OneTask(10)], ids=lambda batches: type(batches).__name__)
def test_with_a_change_of_plan_that_is_meant_nothing_is_skipped_or_repeated(batches, new_batches):
    plan, index = imbalanced()
    other = CHANGES["plan"][0](plan, index)["plan"]
    codes = codes_of(index)
    source = PlanSampler(plan, index, seed=2, draws_per_epoch=5000, batches=batches)
    read = iter(source)
    rows = [next(read) for _ in range(3210)]
    changed = PlanSampler(other, index, seed=2, draws_per_epoch=5000, batches=new_batches)
    changed.load_state_dict(source.state_dict(), accept_changes=True)
    rows += list(changed) + list(changed)
    drawn = np.array(rows)
    for stratum, size in enumerate(plan.counts):
        of = drawn[codes[drawn] == stratum]
        whole = of[: len(of) - len(of) % size].reshape(-1, size)
        assert (np.sort(whole, axis=1) == np.sort(whole[0])).all(), plan.strata[stratum]
    new = codes[drawn[3210:]]
    assert np.abs(np.bincount(new, minlength=6) / len(new) - other.probabilities).max() < 0.01
    # and the changed run resumes exactly, too
    halfway = PlanSampler(other, index, seed=2, draws_per_epoch=5000, batches=new_batches)
    halfway.load_state_dict(changed.state_dict(position=6000))
    assert list(halfway) == rows[6000:10_000]


def test_independent_draws_may_change_their_plan_too():
    plan, index = imbalanced()
    other = CHANGES["plan"][0](plan, index)["plan"]
    changed = independent(plan=other)
    changed.load_state_dict(independent().state_dict(position=100), accept_changes=True)
    assert list(changed) == list(independent(plan=other))[100:]


BROKEN = [
    (lambda state: state.pop("seed"), "not-a-state"),
    (lambda state: state.update(extra=1), "not-a-state"),
    (lambda state: state.update(version=99), "other-version"),
    (lambda state: state.update(position=-1), "damaged-state"),
    (lambda state: state.update(position=2**61), "damaged-state"),
    (lambda state: state.update(position="12"), "damaged-state"),
    (lambda state: state.update(position=True), "damaged-state"),
    (lambda state: state.update(origin=50), "damaged-state"),
    (lambda state: state.update(used=[1]), "damaged-state"),
    (lambda state: state.update(used=[1.5] * 6), "damaged-state"),
    (lambda state: state.update(seed="0"), "damaged-state"),
    (lambda state: state.update(plan={}), "damaged-state"),
    (lambda state: state.update(batches="mixed"), "damaged-state"),
    (lambda state: state.update(batches={"name": "quota"}), "damaged-state"),
    (lambda state: state.update(batches={"name": "one_task", "global_batch": 0}), "damaged-state"),
    (lambda state: state.update(batches={"name": ["x"]}), "damaged-state"),
]


@pytest.mark.parametrize(("breaks", "code"), BROKEN)
def test_a_broken_state_is_refused(breaks, code):
    state = plain().state_dict()
    breaks(state)
    with raises(StateError, code):
        plain().load_state_dict(state)


def test_a_broken_plan_in_the_state_is_refused():
    state = plain().state_dict()
    state["plan"] = state["plan"][:-5]
    with pytest.raises(PlanError):
        plain().load_state_dict(state)


def test_length_sorted_refuses_another_window_and_a_foreign_state():
    other = LengthSorted(plain(), np.ones(1096, dtype=int), global_batch=8, window=6)
    with raises(StateError, "other-run", "window was 5 and is 6"):
        other.load_state_dict(sorted_by_length().state_dict())
    with raises(StateError, "not-a-state", "not one of LengthSorted"):
        other.load_state_dict(plain().state_dict())


def test_epoch_must_split_evenly_over_the_ranks():
    plan, index = imbalanced()
    with raises(ConfigError, "not-a-multiple", "found 1096. Use 1095 or 1098"):
        PlanSampler(plan, index, shard=Shard(0, 3))
    with raises(ConfigError, "not-a-multiple", "found 3. Use 8"):
        PlanSampler(plan, index, draws_per_epoch=3, shard=Shard(0, 8))
    with raises(ConfigError, "no-draws", "at least 1, found 0"):
        PlanSampler(plan, index, draws_per_epoch=0)


@pytest.mark.parametrize("epoch", [-1, 2**59])
def test_epoch_outside_the_stream(epoch):
    with raises(ConfigError, "epoch-out-of-range", "`epoch` must be"):
        plain().set_epoch(epoch)


def test_the_stream_ends_with_its_last_whole_epoch():
    sampler, last = plain(), 2**59 // D - 1
    sampler.set_epoch(last)
    resumed = plain()
    resumed.load_state_dict(sampler.state_dict(position=last * D + D - 1))
    assert len(list(sampler)) == D
    assert len(list(resumed)) == 1
    with raises(ConfigError, "epoch-out-of-range", f"end before draw 2**59, found {last + 1}"):
        iter(sampler)
    state = plain().state_dict() | {"position": last * D + D}
    with raises(StateError, "damaged-state", "`position` in the state must be"):
        resumed.load_state_dict(state)


@pytest.mark.parametrize("position", [-1, 5999, 2**59])
def test_a_state_is_of_a_position_that_the_plan_draws(position):
    sampler = plain(**CHANGES["plan"][0](None, None))
    sampler.load_state_dict(plain().state_dict(position=6000), accept_changes=True)
    with raises(ConfigError, "position-out-of-range", "`position` must be from 6000", f"found {position}"):
        sampler.state_dict(position=position)
    plain().load_state_dict(sampler.state_dict(position=6000), accept_changes=True)


def test_default_epoch_is_one_draw_for_each_row():
    plan, index = imbalanced()
    assert len(PlanSampler(plan, index)) == 1096


def test_torch_random_state_is_neither_used_nor_changed():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = list(plain())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert list(plain()) == one


def test_an_iteration_broken_off_starts_again_at_its_beginning():
    sampler = plain()
    read = iter(sampler)
    head = [next(read) for _ in range(10)]
    assert list(sampler)[:10] == head

import json

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import codes_of, imbalanced
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from equipoise import OneTask, PlanSampler, Quota, Shard, TokenBatches
from equipoise.errors import ConfigError, StateError

TOKENS = 400
LENGTHS = np.minimum(np.random.default_rng(1).lognormal(3, 1, 1096).astype(int) + 1, 400)
EPOCH = 2000
BATCHES = [None, OneTask(20)]
each_kind = pytest.mark.parametrize("batches", BATCHES, ids=["mixed", "one_task"])


def make(batches=None, shard=Shard(), per_step=4, window=500, **options):  # noqa: B008
    plan, index = imbalanced()
    kind = {} if batches is None else {"batches": batches}
    sampler = PlanSampler(plan, index, 3, EPOCH, shard, **kind)
    return TokenBatches(sampler, options.get("lengths", LENGTHS), TOKENS, per_step, window)


def padded(batch):
    return LENGTHS[batch].max() * len(batch)


@each_kind
def test_no_batch_is_beyond_the_budget_and_few_are_far_below(batches):
    taken = [padded(batch) for batch in make(batches)]
    assert max(taken) <= TOKENS
    assert np.mean(taken) > 0.6 * TOKENS


@each_kind
def test_a_window_holds_the_draws_of_the_plan(batches):
    batched = make(batches)
    rows = np.array([row for batch in batched for row in batch]).reshape(4, 500)
    batched.set_epoch(0)
    plain = np.array(list(batched.sampler)).reshape(4, 500)
    assert np.array_equal(np.sort(rows), np.sort(plain))
    assert not np.array_equal(rows, plain)


@each_kind
def test_batches_waste_less_than_in_the_order_of_the_draws(batches):
    batched = make(batches)
    waste = 1 - sum(LENGTHS[batch].sum() for batch in batched) / sum(padded(batch) for batch in make(batches))
    assert waste < (0.15 if batches is None else 0.25)


def test_a_step_is_of_one_task_with_as_many_examples_in_each_batch():
    plan, index = imbalanced()
    tasks = plan.task_numbers[codes_of(index)]
    steps = np.array([len(batch) for batch in make(OneTask(20))]).reshape(-1, 4)
    assert (steps == steps[:, :1]).all()
    of = np.array([set(tasks[batch]) for batch in make(OneTask(20))]).reshape(-1, 4)
    assert all(len(set.union(*step)) == 1 for step in of)


def test_steps_do_not_come_by_length():
    longest = np.array([LENGTHS[batch].max() for batch in make(per_step=1, window=EPOCH)])
    assert abs(np.corrcoef(np.arange(len(longest)), longest)[0, 1]) < 0.4


@each_kind
@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_together_take_the_same_steps(batches, world_size):
    alone = list(make(batches))
    ranks = [list(make(batches, Shard(rank, world_size))) for rank in range(world_size)]
    assert [batch for turn in zip(*ranks, strict=True) for batch in turn] == alone


@each_kind
def test_len_is_what_is_yielded_in_each_epoch(batches):
    batched = make(batches, Shard(1, 2))
    lengths = []
    for _ in range(3):
        expected = len(batched)
        lengths.append(len(list(batched)))
        assert lengths[-1] == expected
    assert len(set(lengths)) > 1, "epochs may differ"


@each_kind
@pytest.mark.parametrize("at", [0, 1, 4, 7, 30, 60])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 2), (4, 2)])
def test_resume_at_any_batch(batches, at, before, after):
    whole = [batch for _ in range(2) for batch in make(batches)]
    source = make(batches, Shard(0, before))
    read = iter(source)
    for _ in range(at // before):
        next(read)
    if (at // before * before) % after:
        return
    state = json.loads(json.dumps(source.state_dict()))
    ranks = []
    for rank in range(after):
        resumed = make(batches, Shard(rank, after))
        resumed.load_state_dict(state)
        ranks.append(list(resumed))
    epoch = len(list(make(batches)))
    done = at // before * before
    assert [batch for turn in zip(*ranks, strict=True) for batch in turn] == whole[done:epoch]


@each_kind
def test_epochs_go_on_and_can_be_named(batches):
    batched = make(batches)
    first, second = list(batched), list(batched)
    assert first != second
    batched.sampler.set_epoch(1)
    assert list(batched) == second
    batched.set_epoch(0)
    assert list(batched) == first


@each_kind
def test_a_named_epoch_is_in_the_state_before_it_begins(batches):
    source = make(batches)
    next(iter(source))
    source.sampler.set_epoch(1)
    resumed = make(batches)
    resumed.load_state_dict(source.state_dict())
    whole = make(batches)
    whole.set_epoch(1)
    assert list(resumed) == list(whole)


def test_a_loader_that_reads_ahead_says_how_many_batches_were_trained():
    batched = make()
    loader = iter(DataLoader(range(1096), batch_sampler=batched, num_workers=2, collate_fn=list))
    trained = [next(loader) for _ in range(5)]
    resumed = make()
    resumed.load_state_dict(batched.state_dict(batches=5))
    assert trained + list(resumed) == list(make())
    assert batched.state_dict(batches=0) == make().state_dict()
    with raises(StateError, "too-many-batches", "`batches` must be at most"):
        batched.state_dict(batches=10**6)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")  # torchdata 0.11 calls it
@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_dataloader_resumes_exactly(workers):
    def loader():
        return StatefulDataLoader(range(1096), batch_sampler=make(), num_workers=workers, collate_fn=list)

    whole = list(loader())
    source = loader()
    read = iter(source)
    head = [next(read) for _ in range(9)]
    state = source.state_dict()
    resumed = loader()
    resumed.load_state_dict(state)
    assert head + list(resumed) == whole


def test_another_window_or_budget_is_refused():
    with raises(StateError, "other-run", "window was 500 and is 1000"):
        make(window=1000).load_state_dict(make().state_dict())
    with raises(StateError, "not-a-state", "not one of TokenBatches"):
        make().load_state_dict(make().sampler.state_dict())


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"batches": Quota(20)}, "batches-of-fixed-size", "found Quota"),
        ({"per_step": 0}, "not-a-multiple", "`batches_per_step` must be a positive multiple of 1 ranks, found 0"),
        ({"per_step": 3, "shard": Shard(0, 2)}, "not-a-multiple", "multiple of 2 ranks, found 3"),
        ({"window": 498}, "not-a-multiple", "found 498. Use 496 or 500"),
        ({"window": 0}, "not-a-multiple", "`window` must be a multiple of 4"),
        ({"per_step": 16, "window": 160}, None, ""),
        ({"per_step": 7, "window": 700}, "not-a-multiple", "`draws_per_epoch` must be a multiple of 7"),
        ({"batches": OneTask(20), "per_step": 8}, "not-a-multiple", "`global_batch` must be a multiple of 8"),
        ({"batches": OneTask(20), "window": 510}, "not-a-multiple", "`window` must be a multiple of 20"),
        ({"lengths": np.where(np.arange(1096) == 7, 401, 5)}, "length-out-of-range", "400, found 401 in row 7"),
        ({"lengths": np.where(np.arange(1096) == 9, 0, 5)}, "length-out-of-range", "found 0 in row 9"),
        ({"lengths": np.ones(3, dtype=int)}, "bad-lengths", "one integer for each of the 1096 rows"),
    ],
)
def test_what_cannot_be_split_evenly_is_refused(options, code, message):
    if code is None:
        assert sum(map(len, make(**options))) == EPOCH
        return
    with raises(ConfigError, code, message):
        make(**options)


def test_another_plan_may_take_over_inside_a_window_at_a_steps_end():
    plan, index = imbalanced()
    lengths = np.arange(len(index)) % 50 + 1
    state = TokenBatches(PlanSampler(plan, index, seed=1, draws_per_epoch=128), lengths, 200, 2, 64).state_dict()
    mine = TokenBatches(PlanSampler(plan, index, seed=2, draws_per_epoch=128), lengths, 200, 2, 64)
    state["sampler"]["position"] = 41
    start = mine.state_dict()
    with raises(StateError, "not-a-multiple", "a multiple of 2 draws before an epoch's end, found draw 41"):
        mine.load_state_dict(state, accept_changes=True)
    assert mine.state_dict() == start
    state["sampler"]["position"] = 40
    mine.load_state_dict(state, accept_changes=True)
    rows = [row for batch in mine for row in batch]
    assert sorted(rows) == sorted(mine.sampler.rows_at(np.arange(40, 128)).tolist())

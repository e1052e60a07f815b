import json

import numpy as np
import pytest
import torch
from tests.support.errors import raises
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from equipoise import Shard
from equipoise.errors import ConfigError, StateError
from equipoise.samplers import WeightedSampler
from equipoise.samplers.by_weight.alias import AliasStream
from equipoise.samplers.by_weight.classes import MOST_VALUES, ClassStream, class_masses, distinct_values
from equipoise.samplers.by_weight.systematic import SystematicStream

ALONE = Shard()
N = 5000  # rows: enough distinct weights for an alias table
D = 600  # draws of an epoch
FEW = np.array([0.0, 0.5, 1.0, 4.0])[np.random.default_rng(0).integers(0, 4, N)]
MANY = np.random.default_rng(1).random(N) + 0.05


def classes(seed=0, shard=ALONE, weights=FEW, num_samples=D):
    return WeightedSampler(weights, num_samples, True, seed, shard)


def table(seed=0, shard=ALONE, weights=MANY, num_samples=D):
    return WeightedSampler(weights, num_samples, True, seed, shard)


def without(seed=0, shard=ALONE, weights=MANY, num_samples=D):
    return WeightedSampler(weights, num_samples, False, seed, shard)


KINDS = [classes, table, without]
each_kind = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


class Rows(torch.utils.data.Dataset):
    """A dataset whose item is its row number."""

    def __len__(self):
        return N

    def __getitem__(self, row):
        return row


def epochs(sampler, numbers):
    rows = []
    for number in numbers:
        sampler.set_epoch(number)
        rows += list(sampler)
    return rows


def test_each_kind_is_made_by_its_own_stream():
    kinds = [type(make()._stream) for make in KINDS]
    assert kinds == [ClassStream, AliasStream, SystematicStream]


GOLDEN = {
    "classes": [4499, 2498, 1506, 3979, 262, 4346, 536, 3571, 2652, 1606],
    "table": [4190, 4969, 339, 2454, 233, 1875, 849, 4906, 104, 629],
    "without": [3769, 1999, 2354, 2992, 3233, 492, 569, 879, 3461, 3478],
}


@each_kind
def test_streams_stay_as_they_are(make):
    """States of version 1 name places in these streams."""
    assert make(seed=7).rows(596, 606).tolist() == GOLDEN[make.__name__]


@each_kind
def test_epochs_go_on_without_set_epoch(make):
    sampler = make()
    rows = [row for _ in range(3) for row in sampler]
    assert rows == epochs(make(), [0, 1, 2])
    assert rows == make().rows(0, 3 * D).tolist()
    assert rows[:D] != rows[D : 2 * D]
    assert all(type(row) is int for row in rows)


@each_kind
def test_len_is_what_is_yielded(make):
    for shard in (Shard(), Shard(1, 4)):
        sampler = make(shard=shard)
        assert len(list(sampler)) == len(sampler) == D // shard.world_size


@each_kind
def test_seeds_give_different_rows(make):
    assert list(make(0)) != list(make(1))


@each_kind
@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_ranks_together_are_the_single_stream(make, world_size):
    ranks = [epochs(make(shard=Shard(rank, world_size)), [0, 1]) for rank in range(world_size)]
    assert [row for step in zip(*ranks, strict=True) for row in step] == epochs(make(), [0, 1])


@each_kind
def test_epochs_longer_than_one_computation(make):
    """65,536 draws are computed together; a world size that divides neither must not shift a rank."""
    weights = np.r_[np.ones(190_001), np.full(19_999, 0.5)]
    if make is not classes:
        weights += np.arange(210_000) * 1e-9
    assert type(make(weights=weights)._stream) is type(make()._stream)
    single = list(make(num_samples=190_002, weights=weights))
    ranks = [list(make(num_samples=190_002, weights=weights, shard=Shard(rank, 3))) for rank in range(3)]
    assert [row for step in zip(*ranks, strict=True) for row in step] == single


@each_kind
@pytest.mark.parametrize("at", [0, 1, 8, 299, 599, 600, 601, 1000, 1800])
def test_resume_at_any_position_in_any_epoch(make, at):
    whole = epochs(make(), [0, 1, 2, 3, 4])
    source = make()
    read = iter(row for _ in range(5) for row in source)
    for _ in range(at):
        next(read)
    assert source.position == at
    state = json.loads(json.dumps(source.state_dict()))
    resumed = make()
    resumed.load_state_dict(state)
    assert (resumed.position, resumed.epoch) == (at, at // D)
    resumed.set_epoch(at // D)
    rest = list(resumed)
    start = (at // D + 1) * D
    assert rest == whole[at:start]
    assert list(resumed) == whole[start : start + D], "the epoch after it is whole"


@each_kind
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 4), (4, 1)])
def test_resume_on_another_world_size(make, before, after):
    whole = epochs(make(), [0, 1])
    source = make(shard=Shard(before - 1, before))
    source.set_epoch(1)
    read = iter(source)
    for _ in range(80 // before):
        next(read)
    ranks = []
    for rank in range(after):
        sampler = make(shard=Shard(rank, after))
        sampler.load_state_dict(source.state_dict())
        ranks.append(list(sampler))
    assert [row for step in zip(*ranks, strict=True) for row in step] == whole[D + 80 :]


@each_kind
@pytest.mark.parametrize("workers", [0, 2])
def test_plain_dataloader(make, workers):
    loader = DataLoader(Rows(), batch_size=8, sampler=make(), num_workers=workers, collate_fn=list)
    assert [row for _ in range(2) for batch in loader for row in batch] == epochs(make(), [0, 1])


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")  # torchdata 0.11 calls it
@each_kind
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [0, 5, 74])
def test_stateful_dataloader_resumes_exactly(make, workers, steps):
    def loader():
        return StatefulDataLoader(Rows(), batch_size=8, sampler=make(), num_workers=workers, collate_fn=list)

    whole = [epochs(make(), [0])[start : start + 8] for start in range(0, D, 8)]
    source, seen = loader(), []
    state = source.state_dict()
    if steps:
        for batch in source:
            seen.append(batch)
            if len(seen) == steps:
                state = source.state_dict()
                break
    resumed = loader()
    resumed.load_state_dict(state)
    assert seen + list(resumed) == whole


@each_kind
def test_state_has_constant_size(make):
    sampler = make()
    at_start = len(json.dumps(sampler.state_dict()))
    sampler.set_epoch(10**9)
    next(iter(sampler))
    assert len(json.dumps(sampler.state_dict())) < min(at_start + 15, 300)


CHANGES = {
    "seed": ({"seed": 1}, "seed was 0 and is 1"),
    "num_samples": ({"num_samples": 300}, "num_samples was 600 and is 300"),
    "weights": ({"weights": np.r_[FEW[:-1], 0.75]}, "the weights changed"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
@each_kind
def test_a_changed_run_is_refused_unless_it_is_meant(make, change, message):
    changed = make(**change)
    before = changed.state_dict()
    state = make().state_dict(position=608)
    with raises(StateError, "other-run", message):
        changed.load_state_dict(state)
    assert changed.state_dict() == before, "refusing changes nothing"
    changed.load_state_dict(state, accept_changes=True)
    assert list(changed) == make(**change).rows(608, changed.bounds(608)[1]).tolist()


def test_changed_replacement_is_refused():
    with raises(StateError, "other-run", "replacement was False and is True"):
        table().load_state_dict(without().state_dict())


BROKEN = [
    (lambda state: state.pop("seed"), "not-a-state"),
    (lambda state: state.update(extra=1), "not-a-state"),
    (lambda state: state.update(version=99), "other-version"),
    (lambda state: state.update(position=-1), "damaged-state"),
    (lambda state: state.update(position=2**61), "damaged-state"),
    (lambda state: state.update(position="12"), "damaged-state"),
    (lambda state: state.update(position=True), "damaged-state"),
    (lambda state: state.update(position=6), "not-a-multiple"),
]


@pytest.mark.parametrize(("breaks", "code"), BROKEN)
def test_a_broken_state_is_refused(breaks, code):
    state = table().state_dict()
    breaks(state)
    with raises(StateError, code):
        table(shard=Shard(0, 4)).load_state_dict(state)


@pytest.mark.parametrize("weights", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("replacement", [True, False])
def test_lists_arrays_and_tensors_are_alike(weights, replacement):
    given = [weights, weights.tolist(), torch.from_numpy(weights), np.repeat(weights, 2)[::2]]
    samplers = [WeightedSampler(one, D, replacement, seed=2) for one in given]
    rows = [list(sampler) for sampler in samplers]
    assert rows.count(rows[0]) == len(rows)
    assert len({sampler.state_dict()["weights"] for sampler in samplers}) == 1


def test_integers_and_truth_values_are_weights():
    assert list(WeightedSampler([0, 3, 1], 50)) == list(WeightedSampler([0.0, 3.0, 1.0], 50))
    assert set(WeightedSampler(torch.tensor([False, True, True]), 50)) == {1, 2}
    assert set(WeightedSampler(torch.tensor([0, 1, 1], dtype=torch.bfloat16), 50)) == {1, 2}


@each_kind
def test_changing_the_weights_afterwards_changes_nothing(make):
    weights = (FEW if make is classes else MANY).copy()
    sampler = make(weights=weights)
    state = sampler.state_dict()
    weights[:] = 0
    assert list(sampler) == list(make())
    assert sampler.state_dict()["weights"] == state["weights"]


WRONG = [
    ([1.0, -0.5], "bad-weight", "found -0.5 at row 1"),
    ([1.0, 2.0, float("nan")], "bad-weight", "found nan at row 2"),
    ([float("inf"), 1.0], "bad-weight", "found inf at row 0"),
    ([0.0, 0.0], "no-positive-weight", "must have a positive value, found 2 zeros"),
    ([], "bad-weights", "flat list of numbers"),
    ([[1.0, 2.0]], "bad-weights", "found shape (1, 2)"),
    (3.0, "bad-weights", "found shape ()"),
    (["a", "b"], "bad-weights", "flat list of numbers"),
    ([1j, 2j], "bad-weights", "must be real numbers"),
]


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(("weights", "code", "message"), WRONG)
def test_weights_that_cannot_be_drawn_by(weights, code, message, replacement):
    with raises(ConfigError, code, message):
        WeightedSampler(weights, 1, replacement)


def test_a_bad_weight_far_down_is_named_by_its_row():
    weights = np.ones(100_000)
    weights[70_001] = np.nan
    with raises(ConfigError, "bad-weight", "nan at row 70001"):
        WeightedSampler(weights, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"num_samples": 0}, "no-draws", "`num_samples` must be at least 1, found 0"),
        ({"num_samples": 2.0}, "not-an-integer", "`num_samples` must be an integer, found 2.0"),
        ({"num_samples": True}, "not-an-integer", "`num_samples` must be an integer"),
        ({"num_samples": 10, "shard": Shard(0, 3)}, "not-a-multiple", "found 10. Use 9 or 12"),
        ({"num_samples": 10, "shard": Shard(0, 16)}, "not-a-multiple", "found 10. Use 16"),
        ({"num_samples": 10, "seed": "0"}, "not-an-integer", "`seed` must be an integer"),
        ({"num_samples": 10, "replacement": None}, "not-a-bool", "`replacement` must be True or False, found None"),
    ],
)
def test_arguments_that_are_wrong(arguments, code, message):
    with raises(ConfigError, code, message):
        WeightedSampler([1.0, 2.0], **arguments)


@pytest.mark.parametrize("epoch", [-1, 2**60])
def test_epoch_outside_the_stream(epoch):
    with raises(ConfigError, "epoch-out-of-range", "`epoch` must be"):
        table().set_epoch(epoch)


def test_numbers_of_numpy_give_a_state_that_json_takes():
    sampler = WeightedSampler([1.0, 2.0], np.int64(4), seed=np.int32(3))
    assert json.loads(json.dumps(sampler.state_dict())) == WeightedSampler([1.0, 2.0], 4, seed=3).state_dict()


@pytest.mark.parametrize(
    ("weights", "asked", "most", "row"),
    [
        ([8.0, 1, 1, 1, 1], 2, 1, 0),
        ([1.0, 1, 1, 3], 3, 2, 3),
        ([1.0, 0, 0], 2, 1, 0),
        ([1.0, 1, 0], 3, 2, 0),
        (np.ones(10), 11, 10, 0),
        ([1.7e308] * 3, 4, 3, 0),
    ],
)
def test_impossible_inclusion_is_refused_with_the_most_that_works(weights, asked, most, row):
    parts = f"at most {most} without", f"found {asked}: row {row} has", f"num_samples={most},"
    with raises(ConfigError, "too-many-draws", *parts):
        WeightedSampler(weights, asked, replacement=False)
    rows = list(WeightedSampler(weights, most, replacement=False))
    assert len(set(rows)) == most


def test_message_without_replacement():
    with raises(ConfigError, "too-many-draws") as error:
        WeightedSampler([8.0, 1, 1, 1, 1], 2, replacement=False)
    assert str(error.value) == (
        "`num_samples` must be at most 1 without replacement, found 2: row 0 has weight 8.0, 66.667% of all, and "
        "would have to be drawn 1.333 times in an epoch. Use num_samples=1, a smaller largest weight, or "
        "replacement=True."
    )


def test_equal_weights_and_as_many_draws_as_rows_give_permutations():
    sampler = WeightedSampler(np.full(999, 0.1), 999, replacement=False)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(999))
    assert first != second


@pytest.mark.parametrize("counts", [[1, 999], [3, 7, 11], [7, 700, 49], [10, 10, 10], [13, 170]])
def test_as_many_draws_as_the_smallest_class_allows(counts):
    """1 / count is rounded, so a share of exactly 1 comes out a little more or less; it must count as 1."""
    weights = np.concatenate([np.full(count, 1 / count) for count in counts])
    draws = len(counts) * min(counts)
    smallest = set(np.flatnonzero(np.repeat(counts, counts) == min(counts)).tolist())
    sampler = WeightedSampler(weights, draws, replacement=False)
    for _ in range(20):
        rows = list(sampler)
        assert len(set(rows)) == draws
        assert smallest <= set(rows)
    with raises(ConfigError, "too-many-draws", f"num_samples={draws}"):
        WeightedSampler(weights, draws + 1, replacement=False)


@each_kind
def test_rows_of_weight_zero_are_never_drawn(make):
    weights = np.where(np.arange(N) % 3 == 0, 0.0, FEW if make is classes else MANY)
    rows = np.array(epochs(make(weights=weights), range(20)))
    assert (weights[rows] > 0).all()
    only = np.zeros(100_000)
    only[77_777] = 1e-300
    assert set(WeightedSampler(only, 100)) == {77_777}
    assert set(WeightedSampler(only, 1, replacement=False)) == {77_777}


def test_minus_zero_is_zero():
    assert set(WeightedSampler([-0.0, 1.0, 0.0], 100)) == {1}
    weights = np.r_[np.ones(50_000), np.tile([0.0, -0.0, 2.0], 20_000)]
    assert distinct_values(weights).tolist() == [0.0, 1.0, 2.0]
    stream = ClassStream(weights, distinct_values(weights), 0)
    assert stream._index.sizes.tolist() == [40_000, 50_000, 20_000]


def test_distinct_values_over_chunks():
    weights = np.repeat(np.arange(MOST_VALUES + 1.0), 17)
    assert distinct_values(weights).tolist() == list(range(MOST_VALUES + 1))
    assert distinct_values(weights + 1) is None
    late = np.r_[np.ones(100_000), np.arange(MOST_VALUES + 5.0)]
    assert distinct_values(late) is None


def test_words_at_the_bounds_of_classes(monkeypatch):
    """Classes 0 (no mass), 1 and 3 (half each): the first word of a class draws it, the last one before it does not."""
    weights = np.array([0.0, 3.0, 1.0, 1.0, 1.0])
    stream = ClassStream(weights, distinct_values(weights), 0)
    numbers = [0, 2**63 - 1, 2**63, 2**64 - 1]
    monkeypatch.setattr(
        "equipoise.samplers.by_weight.classes.words", lambda *_, each: np.array([[n, 0] for n in numbers], "u8")
    )
    assert stream.rows(np.arange(4)).tolist() == [2, 2, 1, 1]


def test_class_masses_are_the_exact_shares_rounded():
    values = np.array([0.0, 1e-30, 0.1, 1 / 3, 7.0])
    sizes = np.array([5, 2, 10, 4, 1])
    masses = class_masses(values, sizes)
    assert int(masses.sum()) == 1 << 60
    exact = values * sizes
    assert np.allclose(masses / 2**60, exact / exact.sum(), rtol=1e-14, atol=2**-60)
    assert (masses > 0).tolist() == [False, True, True, True, True]


def test_torch_random_state_is_neither_used_nor_changed():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = list(table())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert list(table()) == one


def test_positions_may_span_epochs_and_have_gaps():
    stream = SystematicStream(MANY, 600, 0)
    positions = np.array([0, 599, 600, 1801, 1900, 4000])
    alone = [int(stream.rows(np.array([position]))[0]) for position in positions]
    assert stream.rows(positions).tolist() == alone
    assert stream.rows(np.arange(0)).tolist() == []


def test_a_generator_is_a_source_of_the_seed_and_is_not_advanced():
    generator = torch.Generator().manual_seed(2**63 + 5)
    torch.rand(3, generator=generator)
    before = generator.get_state()
    sampler = WeightedSampler(FEW, D, generator=generator)
    assert torch.equal(generator.get_state(), before)
    assert epochs(sampler, [0, 1]) == epochs(classes(2**63 + 5), [0, 1])
    state = json.loads(json.dumps(sampler.state_dict()))
    classes(2**63 + 5).load_state_dict(state)
    assert epochs(WeightedSampler(FEW, D, generator=generator.manual_seed(1)), [0]) == epochs(classes(1), [0])


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ({"generator": 3}, "not-a-generator", "found int"),
        ({"generator": np.random.default_rng(0)}, "not-a-generator", "found Generator"),
        ({"generator": torch.Generator(), "seed": 3}, "two-seeds", "seed=3"),
        ({"seed": torch.Generator()}, "not-an-integer", "`seed`"),  # the fourth argument of torch's sampler
    ],
)
def test_what_is_no_generator_or_a_second_seed_is_refused(arguments, code, part):
    with raises(ConfigError, code, part):
        WeightedSampler(FEW, D, **arguments)


def test_the_representation_is_one_short_line():
    sampler = WeightedSampler([1.0] * 99, 8, seed=3)
    assert repr(sampler) == (
        "WeightedSampler(99 rows, num_samples=8, replacement=True, seed=3, Shard(rank=0, world_size=1), at position 0)"
    )

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.support.errors import raises, warns
from tests.support.plans import codes_of, imbalanced

from equipoise import Census, LengthSorted, Plan, PlanSampler, StratumIndex, draw_strata, draws
from equipoise.base.keys import digest
from equipoise.drawing import labelled
from equipoise.drawing.labelled import check_sizes
from equipoise.errors import ConfigError, DataWarning, PlanError, PlanWarning, StateError
from equipoise.loaders.checks import check_index

TASKS = ["b", "a", "b", "a", "b", "open", "b"]
LABELS = ["y", "x", "x", "y", "y", "any text", "y"]
PLAN = Plan.build(
    Census.from_counts({"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 3}, "open": 1}),
    rates="proportional",
    weights="natural",
)


@pytest.mark.parametrize(
    "make",
    [
        lambda values: values,
        np.array,
        pa.array,
        lambda values: pa.chunked_array([pa.array(values[:3]), pa.array(values[3:])]),
        lambda values: pa.array(values).dictionary_encode(),
        lambda values: pa.chunked_array([pa.array(values[:2]), pa.array(values[2:])]).dictionary_encode(),
    ],
    ids=["list", "numpy", "arrow", "chunked", "dictionary", "chunked dictionary"],
)
def test_rows_are_grouped_by_stratum(make):
    index = StratumIndex.from_labels(PLAN, make(TASKS), make(LABELS))
    assert index.sizes.tolist() == [1, 1, 1, 3, 1]
    assert index.order.tolist() == [1, 3, 2, 0, 4, 6, 5]
    assert index.rows(np.array([3, 3, 4]), np.array([0, 2, 0])).tolist() == [0, 6, 5]


def test_rows_of_an_unsorted_subset_keep_their_own_labels():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 7, 5000)
    index = StratumIndex.from_codes(codes)
    for stratum in range(7):
        rows = index.rows(np.full(index.sizes[stratum], stratum), np.arange(index.sizes[stratum]))
        assert np.array_equal(rows, np.flatnonzero(codes == stratum))


def test_more_rows_than_one_chunk(monkeypatch):
    codes = np.random.default_rng(1).integers(0, 5, 1000).astype(np.uint8)
    whole = StratumIndex.from_codes(codes)
    monkeypatch.setattr("equipoise.drawing.grouping._PIECE", 64)
    chunked = StratumIndex.from_codes(codes)
    assert np.array_equal(chunked.order, whole.order)
    assert chunked.fingerprint == whole.fingerprint


def test_four_bytes_a_row():
    assert StratumIndex.from_codes(np.zeros(10, dtype=np.int8)).order.dtype == np.int32


def test_rows_from_2_to_the_31_on_take_eight_bytes(monkeypatch):
    monkeypatch.setattr("equipoise.drawing.grouping._NARROW", 10)
    index = StratumIndex.from_codes(np.zeros(10, dtype=np.int8))
    assert index.order.dtype == np.int64
    assert index.rows(np.zeros(3, dtype=np.int64), np.array([9, 0, 4])).tolist() == [9, 0, 4]


def test_rows_that_lie_in_order_store_nothing():
    index = StratumIndex.from_sizes([2, 10**9])
    assert index.order is None
    assert index.rows(np.array([0, 1, 1]), np.array([1, 0, 10**9 - 1])).tolist() == [1, 2, 10**9 + 1]


def test_starts_are_read_only():
    index = StratumIndex.from_sizes([2, 0, 3])
    with pytest.raises(ValueError, match="read-only"):
        index.starts[2] = 0
    assert index.starts.tolist() == [0, 2, 2]


def test_values_of_strata_are_spread_over_their_rows():
    codes = np.random.default_rng(2).integers(0, 6, 500)
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.0], dtype=np.float32)
    spread = StratumIndex.from_codes(codes).spread(values)
    assert spread.dtype == np.float32
    assert np.array_equal(spread, values[codes])
    assert StratumIndex.from_sizes([2, 0, 1]).spread(np.array([7, 8, 9])).tolist() == [7, 7, 9]


def test_codes_without_rows():
    index = StratumIndex.from_codes([], n_strata=3)
    assert index.sizes.tolist() == [0, 0, 0]
    assert len(index) == 0


def test_fingerprint_tells_order_and_sizes_apart():
    prints = {
        StratumIndex.from_codes([0, 1, 0]).fingerprint,
        StratumIndex.from_codes([0, 0, 1]).fingerprint,
        StratumIndex.from_codes([1, 0, 0]).fingerprint,
        StratumIndex.from_codes([0, 1, 1]).fingerprint,
    }
    assert len(prints) == 4


def test_unknown_label_is_named_with_its_row():
    with raises(PlanError, "unknown-stratum", "Row 2 has task 'b' and label 'z'"):
        StratumIndex.from_labels(PLAN, TASKS, ["y", "x", "z", "y", "y", "", "y"])


def test_unknown_task_is_named_with_its_row():
    with raises(PlanError, "unknown-stratum"):
        StratumIndex.from_labels(PLAN, ["c", *TASKS[1:]], LABELS)


def test_other_rows_than_were_counted_are_refused():
    with raises(PlanError, "other-counts", "has 2 rows of task 'b', label 'y', and the plan counted 3"):
        StratumIndex.from_labels(PLAN, TASKS[:-1], LABELS[:-1])
    with raises(PlanError, "other-strata", "has 2 strata and the plan has 5"):
        check_sizes(PLAN, StratumIndex.from_sizes([1, 2]))


def test_lengths_must_agree():
    with raises(PlanError, "unequal-lengths", "found 2 and 1"):
        StratumIndex.from_labels(PLAN, ["a", "a"], ["x"])


@pytest.mark.parametrize(
    ("codes", "n_strata", "code", "message"),
    [
        ([[0, 1]], None, "bad-codes", "flat array"),
        ([0.5, 1.0], None, "bad-codes", "of float64"),
        ([0, -1], None, "code-out-of-range", "found -1 to 0"),
        ([0, 3], 3, "code-out-of-range", "from 0 to 2, found 0 to 3"),
    ],
)
def test_bad_codes(codes, n_strata, code, message):
    with raises(PlanError, code, message):
        StratumIndex.from_codes(codes, n_strata)


@pytest.mark.parametrize("sizes", [[1, -1], [0.5], [[1]]])
def test_bad_sizes(sizes):
    with raises(PlanError, "bad-sizes", "integers from 0"):
        StratumIndex.from_sizes(sizes)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("rows", [3, 4, 70_001])
def test_a_digest_tells_arrays_apart(dtype, rows):
    array = np.arange(rows, dtype=dtype)
    own = digest(array)
    assert digest(array.copy()) == own
    assert own not in {digest(array[:-1]), digest(array, array), digest(np.append(array, dtype(0)))}
    assert digest(array[:1], array[1:]) != digest(array[:-1], array[-1:])
    for row in range(0, rows - 1, max(rows // 7, 1)):
        swapped = array.copy()
        swapped[[row, rows - 1]] = swapped[[rows - 1, row]]
        assert digest(swapped) != own
        for difference in (1, -1, 1 << 16, 1 << 30):
            other = array.copy()
            other[row] += difference
            assert digest(other) != own


def test_rows_that_are_skipped_keep_their_numbers_and_are_never_drawn():
    labels = ["x", None, "y", "x", ""]
    with warns(DataWarning, "missing-labels"):
        census = Census.from_labels(["t"] * 5, labels, missing_labels="skip")
    plan = Plan.build(census)
    with warns(DataWarning, "missing-labels"):
        index = StratumIndex.from_labels(plan, ["t"] * 5, labels, missing_labels="skip")
    assert index.order.tolist() == [0, 3, 2]
    assert index.spread(np.array([2.0, 4.0])).tolist() == [2.0, 0.0, 4.0, 2.0, 0.0]
    assert index.means([1, 50, 7, 3, 50]).tolist() == [2.0, 7.0]
    with raises(PlanError, "bad-values", "each of the 5 rows"):
        index.means([1, 7, 3])
    sampler = PlanSampler(plan, index, draws_per_epoch=40)
    assert set(sampler.rows(0, 4096).tolist()) == {0, 2, 3}
    assert set(LengthSorted(sampler, np.arange(5), 8)) == {0, 2, 3}
    with raises(ConfigError, "bad-lengths", "each of the 5 rows"):
        LengthSorted(sampler, np.arange(3), 8)
    check_index(sampler, 5)
    with raises(ConfigError, "other-dataset", "an index of 5 rows and 3 examples"):
        check_index(sampler, 3)


def test_codes_of_no_stratum_are_skipped_if_so_chosen():
    codes = pd.Categorical(["a", None, "b", "a"]).codes
    with raises(PlanError, "code-out-of-range", '`missing_labels="skip"`'):
        StratumIndex.from_codes(codes)
    index = StratumIndex.from_codes(codes, missing_labels="skip")
    assert (index.sizes.tolist(), index.order.tolist(), index.skipped) == ([2, 1], [0, 3, 2], 1)
    with raises(PlanError, "code-out-of-range", "from -1 to 1, found -2 to 1"):
        StratumIndex.from_codes([-2, 1], 2, missing_labels="skip")


def test_chunks_with_codes_of_no_stratum_are_grouped_as_the_whole(monkeypatch):
    codes = np.random.default_rng(3).integers(-1, 4, 1000)
    whole = StratumIndex.from_codes(codes, missing_labels="skip")
    parts = np.array_split(codes, 7)
    for narrow in (1 << 31, 900):  # from which row on numbers take 8 bytes
        monkeypatch.setattr("equipoise.drawing.grouping._NARROW", narrow)
        index = StratumIndex.from_chunks(parts, whole.sizes, missing_labels="skip")
        assert index.order.dtype == (np.int32 if narrow > 1000 else np.int64)
        assert np.array_equal(index.order, whole.order)
        assert index.skipped == whole.skipped == (codes < 0).sum()
    assert np.array_equal(codes[whole.order], np.sort(codes[codes >= 0]))
    with raises(PlanError, "code-out-of-range"):
        StratumIndex.from_chunks(parts, whole.sizes)


def test_the_representation_is_one_short_line():
    census = Census.from_counts({"t": {str(label): label + 1 for label in range(1_000)}})
    assert repr(StratumIndex.from_sizes(census)) == "StratumIndex(500,500 rows, 1000 strata)"
    index = StratumIndex.from_codes([0, -1, 1], 2, missing_labels="skip")
    assert repr(index) == "StratumIndex(2 rows, 2 strata, 1 skipped)"


@pytest.mark.parametrize("piece", [1, 2, 5])
def test_rows_whose_strata_are_looked_up_piece_by_piece_are_grouped_as_the_whole(monkeypatch, piece):
    labels = ["y", None, "x", "y", "", "any text", "x"]
    counts = {"a": {"y": 1}, "b": {"x": 2, "y": 1}, "open": 1}
    plan = Plan.build(Census.from_counts(counts), rates="proportional", weights="natural")
    with pytest.warns(DataWarning) as whole_warned:
        whole = StratumIndex.from_labels(plan, TASKS, labels, missing_labels="skip")
    monkeypatch.setattr(labelled, "_PIECE", piece)
    with pytest.warns(DataWarning) as warned:
        index = StratumIndex.from_labels(plan, TASKS, labels, missing_labels="skip")
    assert (index.order.tolist(), index.skipped) == (whole.order.tolist(), 2)
    assert [str(each.message) for each in warned] == [str(each.message) for each in whole_warned]
    with raises(PlanError, "unknown-stratum", "Row 5 has task 'b' and label 'z'"):
        StratumIndex.from_labels(plan, ["b"] * 7, ["y", "x", "x", "y", "x", "z", "z"])


def test_a_part_keeps_the_rows_of_the_lowest_ranks_and_all_row_numbers():
    index = StratumIndex.from_codes([0, 1, -1, 0, 1, 1, 0], missing_labels="skip")
    ranks = np.array([9, 1, 0, 4, 1, 0, 5])
    part = index.part(np.array([2, 2]), ranks)
    assert part.order.tolist() == [3, 6, 1, 5]  # of equal ranks the first row
    assert (len(part), part.skipped, part.dataset_rows) == (4, 3, 7)
    assert part.spread(np.array([2, 3])).tolist() == [0, 3, 0, 2, 0, 3, 2]
    assert part.fingerprint != index.fingerprint
    assert set(index.part(np.array([1, 1]), ranks).order) < set(part.order)
    census = Census.from_counts({"t": {"x": 1, "y": 3}})
    assert StratumIndex.from_sizes(census).part(np.array([1, 2]), np.arange(4)).census() == census
    sorted_rows = StratumIndex.from_sizes([1, 3]).part(np.array([1, 1]), np.array([0, 2, 1, 3]))
    assert sorted_rows.order.tolist() == [0, 2]


@pytest.mark.parametrize("sizes", [[0, 1], [2, 1], [1, 4]])
def test_a_part_has_a_row_of_each_stratum_and_no_more_than_there_are(sizes):
    with raises(PlanError, "bad-sizes"):
        StratumIndex.from_sizes([1, 3]).part(np.array(sizes), np.arange(4))
    assert len(StratumIndex.from_codes([1], 2).part(np.array([0, 1]), np.arange(1))) == 1


def test_a_part_is_drawn_with_the_shares_of_all_rows_in_passes_over_its_own():
    plan, index = imbalanced()
    sizes = np.minimum(plan.counts, 8)
    part = index.part(sizes, np.arange(index.dataset_rows))
    drawn = draws(plan, part, 0, 0, 2048)
    assert set(drawn) == set(part.order)
    strata = codes_of(index)[drawn]
    assert strata.tolist() == draw_strata(plan, 0, 0, 2048).tolist()  # as of all rows
    for stratum in range(len(sizes)):
        times = np.bincount(drawn, minlength=index.dataset_rows)[part.order[codes_of(part)[part.order] == stratum]]
        assert times.max() - times.min() <= 1
    sampler = PlanSampler(plan, part, draws_per_epoch=2048)
    assert list(sampler) == drawn.tolist()


def test_a_sampler_of_a_part_resumes_with_it_alone_and_forecasts_its_passes():
    plan, index = imbalanced()
    few = index.part(np.minimum(plan.counts, 8), np.arange(index.dataset_rows))
    with warns(PlanWarning, "epoch-forecast") as warned:
        sampler = PlanSampler(plan, few, draws_per_epoch=2048)
    assert "label 'no' is seen 69.4 times in 2,048 draws (8 examples)" in str(warned[0].message)
    whole = list(sampler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlanWarning)
        again, other = (PlanSampler(plan, each, draws_per_epoch=2048) for each in (few, index))
    rows = iter(again)
    first = [next(rows) for _ in range(700)]
    state = again.state_dict()
    with raises(StateError, "other-run", "the dataset changed"):
        other.load_state_dict(state)
    again.load_state_dict(state)
    assert first + list(again) == whole

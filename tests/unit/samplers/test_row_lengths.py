"""Lengths that are computed by window give the stream of lengths that are all known before."""

from itertools import chain
from typing import Any

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import imbalanced

from equipoise import LengthSorted, OneTask, PlanSampler, Quota, TokenBatches
from equipoise.errors import ConfigError
from equipoise.samplers import RowLengths

ROWS = 1096
LENGTHS = np.minimum(np.random.default_rng(1).lognormal(3, 1, ROWS).astype(int) + 1, 400)


class ByWindow:
    """Keeps what it was asked for."""

    def __init__(self, lengths: Any = LENGTHS) -> None:
        self.lengths = lengths
        self.asked: list[list[int]] = []
        self.named: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        self.asked.append(rows.tolist())
        return self.lengths[rows]

    def ahead(self, rows: np.ndarray) -> None:
        self.named.append(rows.tolist())


def length_sorted(lengths: Any, **kind: Any) -> LengthSorted:
    return LengthSorted(PlanSampler(*imbalanced(), seed=3, draws_per_epoch=2000, **kind), lengths, 20, window=16)


def token_batches(lengths: Any, **kind: Any) -> TokenBatches:
    return TokenBatches(PlanSampler(*imbalanced(), seed=3, draws_per_epoch=2000, **kind), lengths, 400, 4, window=500)


EACH = [(length_sorted, {}), (length_sorted, {"batches": Quota(20)}), (length_sorted, {"batches": OneTask(20)})]
EACH += [(token_batches, {}), (token_batches, {"batches": OneTask(20)})]


@pytest.mark.parametrize(("make", "kind"), EACH)
def test_the_stream_is_the_same_from_any_position(make: Any, kind: dict[str, Any]) -> None:
    whole, by_window = make(LENGTHS, **kind), make(ByWindow(), **kind)
    assert isinstance(by_window.lengths, RowLengths)
    assert list(by_window) == list(whole)
    states = [each.sampler.state_dict(position=1340) for each in (whole, by_window)]
    assert states[0] == states[1]
    if make is length_sorted:
        for each in (whole, by_window):
            each.load_state_dict(each.state_dict(position=1340))
        assert list(by_window) == list(whole)


@pytest.mark.parametrize("make", [length_sorted, token_batches])
def test_only_the_window_that_begins_is_asked_for_and_the_next_is_named(make: Any) -> None:
    lengths = ByWindow()
    items = iter(make(lengths))
    assert lengths.asked == lengths.named == []
    next(items)
    assert (len(lengths.asked), len(lengths.named)) == (1, 1)
    for _ in items:
        assert len(lengths.named) in (len(lengths.asked), len(lengths.asked) - 1)
    assert lengths.asked[1:] == lengths.named
    drawn = PlanSampler(*imbalanced(), seed=3, draws_per_epoch=2000)
    assert list(chain.from_iterable(lengths.asked)) == list(drawn)


@pytest.mark.parametrize("make", [length_sorted, token_batches])
def test_there_must_be_one_for_each_row_and_they_must_be_integers(make: Any) -> None:
    with raises(ConfigError, "bad-lengths", "each of the 1096 rows", "found 5"):
        make(ByWindow(LENGTHS[:5]))
    with raises(ConfigError, "bad-lengths", "float64"):
        list(make(ByWindow(LENGTHS.astype(float))))


def test_a_length_beyond_the_budget_is_refused_when_its_row_is_drawn() -> None:
    batches = token_batches(ByWindow(np.where(np.arange(ROWS) == 7, 401, 5)))
    with raises(ConfigError, "length-out-of-range", "400, found 401 in row 7"):
        list(batches)

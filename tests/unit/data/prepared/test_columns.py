"""Equal strings are found by their hashes, in pieces of any size."""

import numpy as np
import pytest

from equipoise.data.prepared import columns


@pytest.mark.parametrize("at_once", [1, 2, 7, 1000])
@pytest.mark.parametrize("kinds", [2, 30])
def test_every_hash_is_given_the_first_that_is_equal(monkeypatch, at_once, kinds):
    monkeypatch.setattr(columns, "_AT_ONCE", at_once)
    # So few that first halves are often equal where the second are not.
    hashes = np.random.default_rng(kinds).integers(0, kinds, (60, 2)).astype(np.uint64)
    rows = [tuple(row) for row in hashes.tolist()]
    order = np.argsort(hashes[:, 0], kind="stable")
    assert columns._first_equals(hashes, order).tolist() == [rows.index(row) for row in rows]


def test_no_hash_is_no_error():
    assert not len(columns._first_equals(np.empty((0, 2), np.uint64), np.empty(0, np.int64)))

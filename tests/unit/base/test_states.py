"""What a saved state must look like."""

import pytest
from tests.support.errors import raises

from equipoise.base.states import check_accepted, check_state, differences
from equipoise.errors import StateError

FIELDS = {"position": range(1 << 59), "seed": int, "used": list[range(10)] | None, "sampler": dict[str, int]}
GOOD = {"version": 2, "position": 5, "seed": -1, "used": None, "sampler": {}}


@pytest.mark.parametrize("change", [{}, {"position": 0}, {"position": (1 << 59) - 1}, {"used": [0, 9]}])
def test_a_good_state_passes(change):
    check_state(GOOD | change, "Thing", FIELDS, version=2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"position": -1}, "damaged-state"),
        ({"position": 1 << 59}, "damaged-state"),
        ({"position": True}, "damaged-state"),
        ({"position": 1.0}, "damaged-state"),
        ({"seed": "1"}, "damaged-state"),
        ({"used": [10]}, "damaged-state"),
        ({"sampler": None}, "damaged-state"),
        ({"version": 1}, "other-version"),
        ({"version": True}, "other-version"),
        ({"more": 1}, "not-a-state"),
    ],
)
def test_a_changed_state_is_refused(change, code):
    with raises(StateError, code):
        check_state(GOOD | change, "Thing", FIELDS, version=2)


@pytest.mark.parametrize("state", [None, 3, [], {}, {key: GOOD[key] for key in ("version", "seed")}])
def test_what_is_not_a_state_is_refused(state):
    with raises(StateError, "not-a-state") as caught:
        check_state(state, "Thing", FIELDS, version=2)
    assert "not one of Thing" in str(caught.value)


def test_differences_name_then_and_now():
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5}) == ["b was 2 and is 5", "c was 3 and is None"]
    assert differences({"a": 1, "b": 2}, {"a": 3, "b": 3}, ["a"]) == ["a was 1 and is 3"]


def test_differences_are_refused_unless_accepted():
    check_accepted([])
    check_accepted(["seed was 1 and is 2"], accept_changes=True)
    with raises(StateError, "other-run") as caught:
        check_accepted(["seed was 1 and is 2"])
    assert "seed was 1 and is 2" in str(caught.value)

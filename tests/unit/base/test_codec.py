"""Dataclasses to plain values and back, strictly."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from equipoise.base.codec import from_plain, to_plain
from equipoise.errors import PlanError


class Cell(NamedTuple):
    task: str
    label: str | None = None


@dataclass(frozen=True)
class Inner:
    share: float
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.share > 1:
            raise PlanError("too-large", "`share` must be at most 1.")


@dataclass(frozen=True)
class Whole:
    name: str
    cells: tuple[Cell, ...]
    pair: tuple[int, float]
    inner: dict[str, Inner]
    values: list[int]
    on: bool = True
    maybe: Inner | None = None
    extra: Any = field(default_factory=dict)


WHOLE = Whole("n", (Cell("t", "x"), Cell("u")), (1, 2.5), {"k": Inner(0.5, "b")}, [1, 2], False, Inner(1.0), {"z": 1})
PLAIN = {
    "name": "n",
    "cells": [{"task": "t", "label": "x"}, {"task": "u", "label": None}],
    "pair": [1, 2.5],
    "inner": {"k": {"share": 0.5, "kind": "b"}},
    "values": [1, 2],
    "on": False,
    "maybe": {"share": 1.0, "kind": "a"},
    "extra": {"z": 1},
}


def test_round_trip_through_json():
    assert to_plain(WHOLE) == PLAIN
    assert from_plain(Whole, json.loads(json.dumps(to_plain(WHOLE))), ValueError) == WHOLE


def test_missing_fields_take_their_default():
    plain = {key: PLAIN[key] for key in ("name", "cells", "pair", "inner", "values")}
    read = from_plain(Whole, plain, ValueError)
    assert (read.on, read.maybe, read.extra) == (True, None, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": 1}, "unknown key `nmae`. Did you mean `name`?"),
        ({"name": 3}, "`name` must be a string, found 3."),
        ({"on": 1}, "`on` must be true or false, found 1."),
        ({"values": [True]}, "`values.0` must be an integer, found True."),
        ({"values": [1.0]}, "`values.0` must be an integer, found 1.0."),
        ({"values": 1}, "`values` must be a list, found 1."),
        ({"pair": [1]}, "`pair` must be a list of 2 values"),
        ({"cells": [{"label": "x"}]}, "`cells.0.task` is missing."),
        ({"cells": [{"task": "t", "lable": "x"}]}, "unknown key `cells.0.lable`. Did you mean `cells.0.label`?"),
        ({"inner": {"k": {"share": "1"}}}, "`inner.k.share` must be a number, found '1'."),
        ({"inner": {"k": {"share": 10**400}}}, "`inner.k.share` must be a number"),
        ({"inner": {"k": {"share": 0.5, "kind": "c"}}}, "`inner.k.kind` must be one of 'a', 'b', found 'c'."),
        ({"inner": {"k": {"share": 2.0}}}, "in `inner.k`: `share` must be at most 1."),
        ({"inner": {3: {}}}, "`inner` must be a mapping with strings as keys (quote them), found 3."),
        ({"maybe": 3}, "`maybe` must be a mapping"),
    ],
)
def test_refusals_name_the_key(change, message):
    with pytest.raises(ValueError) as caught:
        from_plain(Whole, PLAIN | change, ValueError)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("missing", ["name", "cells", "pair", "inner", "values"])
def test_a_missing_key_is_named(missing):
    plain = {key: value for key, value in PLAIN.items() if key != missing}
    with pytest.raises(ValueError, match=f"`{missing}` is missing"):
        from_plain(Whole, plain, ValueError)


@pytest.mark.parametrize("value", [None, 3, "x", [], [{}]])
def test_a_dataclass_needs_a_mapping(value):
    with pytest.raises(ValueError, match="must be a mapping"):
        from_plain(Whole, value, ValueError)


@dataclass(frozen=True, eq=False)
class Arrays:
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


def test_arrays_are_lists_of_numbers():
    read = from_plain(Arrays, {"counts": [1, 2**40], "shares": [0.5, 1]}, ValueError)
    assert read.counts.dtype == np.int64
    assert read.shares.dtype == np.float64
    assert to_plain(read) == {"counts": [1, 2**40], "shares": [0.5, 1.0]}
    assert from_plain(Arrays, {"counts": [], "shares": []}, ValueError).counts.dtype == np.int64


@pytest.mark.parametrize("counts", [[0.5], ["1"], [True], [2**64], [[1], [1, 2]], 3, None, {"a": 1}])
def test_what_is_not_a_list_of_integers_is_refused(counts):
    with pytest.raises(ValueError, match="`counts` must be a list of integers"):
        from_plain(Arrays, {"counts": counts, "shares": []}, ValueError)

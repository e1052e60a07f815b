"""Arguments of samplers: integers of numpy are taken, others refused at construction; what is settled stays."""

import copy
import json

import numpy as np
import pytest
from tests.support.errors import raises
from tests.support.plans import imbalanced

from equipoise import (
    Census,
    LengthSorted,
    OneTask,
    Plan,
    PlanSampler,
    Quota,
    Shard,
    TokenBatches,
    WeightedSampler,
    draw_strata,
    draws,
)
from equipoise.errors import EquipoiseError, PlanError, ReadOnlyError
from equipoise.iterable import Mixture, ShuffleBuffer

PLAN, INDEX = imbalanced()
LENGTHS = np.random.default_rng(0).integers(1, 100, len(INDEX))
ONES = np.ones(len(INDEX))


def plan_sampler(**options):
    return PlanSampler(PLAN, INDEX, **{"draws_per_epoch": 240, **options})


def weighted(**options):
    return WeightedSampler(ONES, **{"num_samples": 240, **options})


def length_sorted(**options):
    return LengthSorted(plan_sampler(), LENGTHS, **{"global_batch": 8, "window": 3, **options})


def token_batches(**options):
    return TokenBatches(plan_sampler(), LENGTHS, **{"tokens": 400, "window": 120, "batches_per_step": 2, **options})


def moved(**options):
    sampler = plan_sampler()
    sampler.set_epoch(options["epoch"])
    return sampler


def saved(**options):
    sampler = plan_sampler()
    sampler.load_state_dict(sampler.state_dict(**options))
    return sampler


def replanned(**options):
    sampler = plan_sampler()
    sampler.replan(PLAN, **options)
    return sampler


MAKERS = [
    (plan_sampler, {"seed": 3}),
    (plan_sampler, {"draws_per_epoch": 240}),
    (weighted, {"seed": 3}),
    (weighted, {"num_samples": 240}),
    (length_sorted, {"global_batch": 8}),
    (length_sorted, {"window": 3}),
    (token_batches, {"tokens": 400}),
    (token_batches, {"batches_per_step": 2}),
    (token_batches, {"window": 120}),
    (moved, {"epoch": 2}),
    (saved, {"position": 120}),
    (replanned, {"at": 240}),
]
NAMES = [f"{maker.__name__} {next(iter(options))}" for maker, options in MAKERS]
OTHER_INTEGERS = [
    lambda n: Shard(n, 9),
    lambda n: Shard(0, n),
    Quota,
    OneTask,
    lambda n: PLAN.forecast(draws=n),
    lambda n: draws(PLAN, INDEX, n, 0, 5),
    lambda n: draws(PLAN, INDEX, 0, n, 5),
    lambda n: draws(PLAN, INDEX, 0, 0, n),
    lambda n: draw_strata(PLAN, n, 0, 5),
    lambda n: type(INDEX).from_codes([0, 1, 2], n),
    lambda n: ShuffleBuffer(range(8), n),
    lambda n: ShuffleBuffer(range(8), 4, seed=n),
    lambda n: Mixture({"t": ["x"]}, Plan.build(Census.from_counts({"t": 3})), seed=n),
]


@pytest.mark.parametrize(("make", "options"), MAKERS, ids=NAMES)
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint16])
def test_integers_of_numpy_draw_as_plain_ones_do(make, options, kind):
    expected = make(**options)
    sampler = make(**{name: kind(value) for name, value in options.items()})
    assert json.dumps(sampler.state_dict()) == json.dumps(expected.state_dict())
    assert list(sampler) == list(expected)
    assert json.dumps(sampler.state_dict()) == json.dumps(expected.state_dict())


@pytest.mark.parametrize(("make", "options"), MAKERS, ids=NAMES)
@pytest.mark.parametrize("wrong", [float, lambda value: value + 0.5, str, lambda _: True])
def test_what_is_no_integer_is_refused_before_anything_is_drawn(make, options, wrong):
    ((name, value),) = options.items()
    with pytest.raises(EquipoiseError, match=f"`{name}` must be an integer") as caught:
        make(**{name: wrong(value)})
    assert caught.value.code == "not-an-integer"


@pytest.mark.parametrize("make", OTHER_INTEGERS)
def test_so_is_it_wherever_an_integer_is_taken(make):
    make(np.int64(3))
    for wrong in (3.0, 3.5, "3", True):
        with pytest.raises(EquipoiseError, match="must be an integer") as caught:
            make(wrong)
        assert caught.value.code == "not-an-integer"


def test_what_replacement_is_must_be_said():
    for make in (plan_sampler, weighted):
        with pytest.raises(EquipoiseError, match="`replacement` must be True or False, found 1"):
            make(replacement=1)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (plan_sampler, ["plan", "index", "seed", "draws_per_epoch", "shard", "replacement", "batches"]),
        (weighted, ["weights", "num_samples", "seed", "replacement", "shard"]),
        (length_sorted, ["plan", "sampler", "lengths", "global_batch", "window"]),
        (token_batches, ["plan", "sampler", "lengths", "tokens", "batches_per_step", "window"]),
    ],
)
def test_what_is_settled_cannot_be_assigned(make, names):
    sampler = make()
    before = list(make()), sampler.state_dict()
    for name in names:
        advice = "replan(" if name in {"plan", "weights"} else "Build another sampler"
        with raises(ReadOnlyError, "read-only", f"`{name}` of a {type(sampler).__name__} cannot be assigned", advice):
            setattr(sampler, name, getattr(sampler, name, None))
    with pytest.raises(AttributeError):  # what the language calls it
        setattr(sampler, names[0], None)
    sampler.note = "other attributes are free"
    assert (list(sampler), make().state_dict()) == before


@pytest.mark.parametrize("make", [plan_sampler, weighted, length_sorted, token_batches])
def test_copies_draw_alike(make):
    assert list(copy.copy(make())) == list(make())


def test_the_state_of_a_generator_is_no_seed():
    with pytest.raises(PlanError, match="`seed` must be an integer"):
        draws(PLAN, INDEX, np.random.default_rng(0), 0, 5)

"""Whatever reads what others wrote accepts it or raises one of Equipoise's own errors, and nothing else."""

import random
import tempfile
from pathlib import Path

import pytest
from benchmarks.fuzzing.mutations import broken_bytes, broken_json
from benchmarks.fuzzing.targets import targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.errors import EquipoiseError

FOLDER = tempfile.TemporaryDirectory()
TARGETS = targets(Path(FOLDER.name))
SLOW_READERS = settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

each_target = pytest.mark.parametrize("name", TARGETS)


def reads_or_refuses(name, data):
    try:
        TARGETS[name].read(data)
    except EquipoiseError:
        return False
    return True


@each_target
def test_the_corpus_is_valid(name):
    assert all(reads_or_refuses(name, data) for data in TARGETS[name].corpus)


@each_target
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False))
def test_broken_bytes(name, rng):
    check_bytes(name, rng)


@each_target
@pytest.mark.slow
@SLOW_READERS
@given(rng=st.randoms(use_true_random=True))
def test_many_broken_bytes(name, rng):
    check_bytes(name, rng)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.is_json])
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False))
def test_broken_structure(name, rng):
    check_structure(name, rng)


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.is_json])
@pytest.mark.slow
@SLOW_READERS
@given(rng=st.randoms(use_true_random=True))
def test_much_broken_structure(name, rng):
    check_structure(name, rng)


def check_bytes(name, rng):
    corpus = TARGETS[name].corpus
    reads_or_refuses(name, broken_bytes(rng, rng.choice(corpus), corpus))


def check_structure(name, rng):
    reads_or_refuses(name, broken_json(rng, rng.choice(TARGETS[name].corpus)))


@each_target
@settings(max_examples=25)
@given(data=st.binary(max_size=200))
def test_any_bytes(name, data):
    reads_or_refuses(name, data)


def test_breaking_breaks():
    """The mutations reach most of what refuses: on the whole they are refused, and not all of them."""
    rng = random.Random(0)
    corpus = TARGETS["plan"].corpus
    kept = [reads_or_refuses("plan", broken_json(rng, corpus[0])) for _ in range(300)]
    assert 0 < sum(kept) < 200

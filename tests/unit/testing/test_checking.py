"""The checks pass samplers that keep their promises, and each names the promise that a broken one breaks."""

import random
import subprocess
import sys
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support import broken_samplers as broken
from tests.support.errors import raises
from torch.utils.data import RandomSampler

import equipoise
from equipoise.errors import ConfigError, EquipoiseError
from equipoise.testing import CHECKS, SamplerCheckError, check_sampler
from equipoise.testing.random_state import snapshot
from equipoise.testing.shares import log_chance


def check(sampler, **options):
    promises = {"expected": broken.EXPECTED, "groups": broken.GROUPS, "covers": True, "on_fail": "report"}
    return check_sampler(sampler, **promises | options)


def test_a_good_sampler_passes_every_check_and_none_is_skipped():
    report = check(broken.Good, on_fail="raise")
    assert report.passed == [each.name for each in CHECKS]


# Broken sampler, and the checks that must fail: no other may.
BROKEN = [
    (broken.WrongLength, {"length"}),
    (broken.Shrinks, {"length", "coverage", "sharding-order"}),
    (broken.NumpyValues, {"values"}),
    (broken.Negative, {"values"}),
    (broken.ReadsGlobalState, {"determinism", "sharding-union"}),
    (broken.SeedsGlobally, {"global-state"}),
    (broken.DropsTheSeed, {"seeds"}),
    (broken.HasTheSameEpochTwice, {"epochs"}),
    (broken.RepeatsItself, {"no-repeat"}),
    (broken.AddsSeedAndEpoch, {"seed-epoch"}),
    (broken.IgnoresSetEpoch, {"set-epoch"}),
    (broken.DrawsTheExcluded, {"zero-share", "coverage"}),
    (broken.WrongShares, {"shares", "coverage"}),
    (broken.FavoursOneRow, {"shares", "coverage"}),
    (broken.DrawsWithReplacement, {"coverage"}),
    (broken.UnequalRanks, {"sharding-length"}),
    (broken.RanksDrawAlone, {"sharding-union"}),
    (broken.RankSeedsCollide, {"sharding-union", "sharding-seeds"}),
    (broken.Contiguous, {"sharding-order"}),
    (broken.Alternates, {"sharding-shares"}),
    (broken.EvenPlacesHaveNoSeed, {"coverage", "sharding-seeds"}),
    (broken.ResumesEarly, {"resume"}),
    (broken.ForgetsTheEpoch, {"resume"}),
    (broken.EpochAnewOnNaming, {"resume-set-epoch"}),
    (broken.CountsItsOwnDraws, {"resume-world-size"}),
    (broken.NoJson, {"state-json"}),
    (broken.JsonChangesIt, {"state-json"}),
    (broken.KeepsWhatItYielded, {"state-size"}),
    (broken.DisturbedBySaving, {"state-saving"}),
    (broken.LiveState, {"state-snapshot"}),
    (broken.TakesAnySeed, {"refuses-seed"}),
    (broken.TakesAnyKeys, {"refuses-keys"}),
    (broken.TakesAnyValues, {"refuses-values"}),
    (broken.LoadsHalf, {"refusal-intact"}),
]


@pytest.mark.parametrize(("sampler", "expected"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_sampler_fails_the_check_of_what_it_breaks(sampler, expected):
    assert set(check(sampler).failed) == expected


def test_every_check_can_fail_and_every_broken_sampler_is_checked():
    assert set().union(*(expected for _, expected in BROKEN)) == {each.name for each in CHECKS}
    classes = {value for value in vars(broken).values() if isinstance(value, type)}
    assert classes == {broken.Good, *(sampler for sampler, _ in BROKEN)}


def test_a_check_comes_after_those_that_it_needs():
    names = [each.name for each in CHECKS]
    for place, each in enumerate(CHECKS):
        assert set(each.needs) <= set(names[:place]), each.name


def test_the_error_lists_every_failure_with_what_was_expected_and_found():
    with raises(SamplerCheckError, "checks-failed") as raised:
        check(broken.RankSeedsCollide, on_fail="raise")
    message = str(raised.value)
    assert message.startswith("The sampler fails 2 of ")
    for part in (
        "sharding-union\n  expected: ",
        "sharding-seeds\n  expected: ",
        "seed 0, rank 2 of 4 and seed 1, rank 0",
    ):
        assert part in message
    assert message.count("found: ") == message.count("harm: ") == 2
    assert isinstance(raised.value, EquipoiseError)
    assert isinstance(raised.value, AssertionError)


def test_a_check_whose_needs_failed_is_skipped_with_the_reason():
    skipped = check(broken.ReadsGlobalState).skipped
    assert skipped["resume"] == "needs determinism, which did not pass"
    assert skipped["state-json"] == "needs resume, which did not pass"


def test_a_check_may_be_left_out():
    report = check(broken.RepeatsItself, skip=["no-repeat"], on_fail="raise")
    assert report.skipped == {"no-repeat": "left out by `skip`"}


def test_what_the_sampler_does_not_have_is_skipped():
    report = check_sampler(
        lambda seed, rank, world_size: RandomSampler(range(64), generator=torch.Generator().manual_seed(seed)),
        world_sizes=(),
    )
    assert report.skipped["resume"] == "has no state_dict and no load_state_dict"
    assert report.skipped["set-epoch"] == "has no set_epoch"
    assert report.skipped["sharding-order"] == "`world_sizes` is empty"
    assert report.skipped["shares"] == "no `expected` shares are given"
    assert report.passed == ["length", "values", "determinism", "global-state", "seeds", "no-repeat", "seed-epoch"]


def test_an_error_of_the_sampler_fails_the_check_and_is_the_cause():
    def one_process(seed, rank, world_size):
        if world_size > 1:
            raise NotImplementedError("one process")
        return broken.Good(seed, rank, world_size)

    with raises(SamplerCheckError, "checks-failed", "it raised NotImplementedError: one process") as raised:
        check(one_process, on_fail="raise")
    assert isinstance(raised.value.__cause__, NotImplementedError)


def test_a_factory_that_never_works_raises_its_own_error():
    with pytest.raises(ZeroDivisionError):
        check(lambda seed, rank, world_size: 1 // 0)


def test_an_endless_sampler_is_cut_off():
    class Endless(broken.Good):
        def __iter__(self):
            while True:
                yield from super().__iter__()

    report = check(Endless)
    assert "len() is 80 and epoch 0 yields at least 336" in str(report)


def test_short_epochs_say_nothing_about_orders():
    def three_rows(seed, rank, world_size):
        return RandomSampler(range(3), generator=torch.Generator().manual_seed(seed))

    skipped = check_sampler(three_rows, world_sizes=()).skipped
    assert skipped["seeds"] == "an epoch of 3 draws has too few different orders to tell"


def test_process_wide_random_numbers_stay_as_they_were():
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(3)
    before = snapshot()
    check(broken.SeedsGlobally)
    assert snapshot() == before


WRONG = [
    ({"skip": ["nonsense"]}, "unknown-name", "found ['nonsense']"),
    ({"expected": [[1.0]]}, "bad-shares", "`expected` must be one finite number for each example"),
    ({"expected": [1.0, -1.0]}, "bad-shares", "none negative"),
    ({"expected": [0.0, 0.0]}, "bad-shares", "not all 0"),
    ({"groups": [0.5] * 64}, "bad-groups", "`groups` must be an integer"),
    ({"groups": [0]}, "unequal-lengths", "must be of the same examples, found {'expected': 64, 'groups': 1}"),
    ({"draws": 0}, "too-small", "must be at least 1"),
    ({"world_sizes": (0,)}, "too-small", "must be at least 1"),
    ({"covers": -1}, "too-small", "`covers` 0"),
]


@pytest.mark.parametrize(("options", "code", "message"), WRONG)
def test_wrong_arguments_are_refused(options, code, message):
    with raises(ConfigError, code, message):
        check(broken.Good, **options)


@pytest.mark.parametrize(("parts", "draws"), [(2, 50), (3, 10), (6, 2000), (100, 300), (1000, 1000)])
def test_the_bound_holds_for_independent_draws(parts, draws):
    rng = np.random.default_rng(parts)
    shares = rng.dirichlet(np.ones(parts))
    chances = np.array([log_chance(counts, shares) for counts in rng.multinomial(draws, shares, size=4000)])
    for level in (0.5, 0.1, 0.01):
        assert (chances < log(level)).mean() <= level


def test_the_bound_notices_a_wrong_share():
    """The 4096 draws of the default tell 0.5 from 0.56."""
    halves = np.array([0.5, 0.5])
    assert (
        log_chance(np.array([0.56, 0.44]) * 4096, halves)
        < log(1e-6 / 4)
        < log_chance(np.array([0.53, 0.47]) * 4096, halves)
    )


def test_draws_made_together_may_wander_more():
    class BatchesOfOneGroup(broken.Good):
        """The group of 16 draws at once is chosen at random."""

        def shuffled(self, rng):
            twice = np.repeat(rng.random(broken.DRAWS // 16) < 0.5, 16)
            return np.where(
                twice,
                broken.ONCE + rng.integers(broken.TWICE, size=broken.DRAWS),
                rng.integers(broken.ONCE, size=broken.DRAWS),
            ).tolist()

    others = {each.name for each in CHECKS} - {"values", "shares"}
    fails = {
        together: [check(shifted(BatchesOfOneGroup, by), together=together, skip=others).failed for by in range(20)]
        for together in (1, 16)
    }
    assert ["shares"] in fails[1]
    assert fails[16] == [[]] * 20


def shifted(sampler, by):
    return lambda seed, rank, world_size: sampler(seed + by, rank, world_size)


def test_the_page_describes_every_check():
    page = (Path(__file__).parents[3] / "docs" / "checking-samplers.md").read_text(encoding="utf-8")
    rows = [f"| `{each.name}` | {each.promise} | {each.harm} |" for each in CHECKS]
    missing = [row for row in rows if row not in page]
    assert not missing, "\n".join(missing)


def test_checking_needs_no_torch():
    code = "import sys, equipoise.testing; print(sorted({'torch', 'scipy', 'hypothesis', 'pytest'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_documented():
    for name in equipoise.testing.__all__:
        assert getattr(equipoise.testing, name).__doc__, name

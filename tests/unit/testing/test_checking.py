"""The checks pass samplers that keep their promises, and each names the promise that a broken one breaks."""

import itertools
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
from equipoise.testing.shares import draws_to_detect, log_chance


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


class EndlessStream:
    """As detectron2's samplers: one stream without an end, of which every rank takes its part."""

    def __init__(self, seed, rank, world_size):
        self.seed, self.part = seed, (rank, None, world_size)

    def __iter__(self):
        return itertools.islice(self.stream(), *self.part)

    def stream(self):
        rng = np.random.default_rng(self.seed)
        while True:
            yield from rng.permutation(len(broken.EXPECTED)).tolist()


class EndlessCopies(EndlessStream):
    """Every rank yields the whole stream."""

    def __init__(self, seed, rank, world_size):
        super().__init__(seed, 0, 1)


@pytest.mark.parametrize("world_sizes", [(2, 4), (3,)])
def test_an_endless_sampler_is_told_apart_from_one_without_a_length(world_sizes):
    report = check_sampler(EndlessStream, n_examples=64, covers=True, world_sizes=world_sizes, on_fail="report")
    assert report.failed == ["length"]
    assert "no __len__, and no end within 4096 items" in str(report)
    assert report.skipped["no-repeat"] == "an iteration has no end within 4096 items"
    assert {"sharding-union", "sharding-order", "sharding-shares"} <= set(report.passed)
    copies = check_sampler(EndlessCopies, n_examples=64, world_sizes=world_sizes, on_fail="report")
    assert "length" in copies.failed
    assert {"sharding-union", "sharding-order"} & set(copies.failed)


def test_a_sampler_that_only_lacks_a_length_is_not_endless():
    bare = check(lambda seed, rank, world_size: iter_only(broken.Good(seed, rank, world_size)))
    assert "no end" not in str(bare)
    assert "length" in bare.failed


def iter_only(sampler):
    class Bare:
        def __iter__(self):
            return iter(sampler)

    return Bare()


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
    ({"detect": 0}, "out-of-range", "`detect` must be a relative error between 0 and 1, found 0"),
    ({"detect": 6}, "out-of-range", "between 0 and 1"),
    ({"detect": 1e-5}, "too-many-draws", "To detect 1e-05 of a share of 0.5 takes"),
    ({"detect": 0.06, "expected": None}, "missing-option", "Give them too"),
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


class Off(broken.Good):
    """Its second group has 0.53 of the draws instead of 0.5, and so is 6 % too frequent."""

    def shuffled(self, rng):
        twice = rng.random(broken.DRAWS) < 0.53
        ones = rng.integers(broken.ONCE, size=broken.DRAWS)
        return np.where(twice, broken.ONCE + rng.integers(broken.TWICE, size=broken.DRAWS), ones).tolist()


def test_a_share_that_is_6_percent_off_is_found_on_request():
    others = {each.name for each in CHECKS} - {"values", "shares"}
    expected = np.repeat([1 / broken.ONCE, 1 / broken.TWICE, 0], [broken.ONCE, broken.TWICE, broken.NEVER])
    assert check(Off, expected=expected, skip=others).failed == []
    assert check(Off, expected=expected, skip=others, detect=0.06).failed == ["shares"]


@pytest.mark.parametrize(("shares", "error"), [((0.5, 0.5), 0.06), ((0.9, 0.1), 0.2), ((0.01, *[0.11] * 9), 0.4)])
def test_a_wrong_share_is_found_in_19_of_20_checks(shares, error):
    expected, codes = np.array(shares), np.arange(len(shares))
    draws, least = draws_to_detect(error, expected, codes, together=1)
    at = int(expected.argmin())
    assert least == expected[at]
    wrong = expected * (1 - expected[at] * (1 + error)) / (1 - expected[at])
    wrong[at] = expected[at] * (1 + error)
    # One partition in place of four is a little easier; single draws as many as the formula says, and a third of them.
    for n, low, high in ((draws, 0.95, 1.0), (draws // 3, 0.0, 0.5)):
        counts = np.random.default_rng(0).multinomial(n, wrong, size=2000)
        found = np.mean([log_chance(each.astype(float), expected) < log(1e-6 / 4) for each in counts])
        assert low - 0.015 <= found <= high


def test_the_table_of_the_page_is_what_is_computed():
    page = (Path(__file__).parents[3] / "docs" / "checking-samplers.md").read_text(encoding="utf-8")
    for share in (0.5, 0.1, 0.01):
        cells = [
            f"{draws_to_detect(error, np.array([share, 1 - share]), np.arange(2), together=1)[0]:,}"
            for error in (0.4, 0.2, 0.1, 0.06, 0.03)
        ]
        assert f"| {share:g} | {' | '.join(cells)} |" in page


@pytest.mark.parametrize(
    ("name", "options", "failed"),
    [
        ("DistributedRandomSampler", {"weights": [1] * 900 + [9] * 100, "num_draws": 800}, ["values", "no-repeat"]),
        ("DistributedRandomSampler", {}, ["values", "no-repeat"]),
        ("DistributedDeterministicSampler", {}, ["seeds", "no-repeat", "seed-epoch", "sharding-shares"]),
    ],
)
def test_the_samplers_of_spdl(name, options, failed):
    kind = getattr(pytest.importorskip("spdl.source", reason="spdl-core has no wheel here"), name)
    seeded = {} if "Deterministic" in name else {"seed": 0}

    def factory(seed, rank, world_size):
        return kind(1000, rank=rank, world_size=world_size, **options, **dict.fromkeys(seeded, seed))

    report = check_sampler(factory, expected=options.get("weights"), n_examples=1000, on_fail="report")
    assert report.failed == failed


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

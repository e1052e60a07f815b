"""One call that checks a sampler against the whole contract."""

import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import ConfigError
from equipoise.testing import reading, resuming, sharding, shares
from equipoise.testing.random_state import put_back
from equipoise.testing.report import CheckResult, SamplerCheckError, SamplerReport, Status
from equipoise.testing.subject import BrokenPromiseError, NotCheckableError, Subject


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a sampler.

    Parameters
    ----------
    name : str
        Name of the check, as reports and `skip` have it.
    run : callable
        Makes the check.
    promise : str
        What is expected of the sampler, one sentence.
    harm : str
        What goes wrong in training otherwise, one sentence.
    needs : sequence of str
        Checks that must not fail for this one to mean anything: it is skipped where they do.
    methods : sequence of str
        Methods of the sampler that are called; it is skipped for a sampler that lacks one.
    ranks : bool
        Whether it compares ranks; it is skipped where `world_sizes` is empty.
    """

    name: str
    run: Callable[[Subject], None]
    promise: str
    harm: str
    needs: Sequence[str] = ()
    methods: Sequence[str] = ()
    ranks: bool = False


_TABLE = tomllib.loads(files("equipoise.testing").joinpath("checks.toml").read_text(encoding="utf-8"))
CHECKS: Final = tuple(
    Check(name, getattr(module, name.replace("-", "_")), **row)
    for module in (reading, shares, sharding, resuming)
    for name, row in _TABLE[module.__name__.rpartition(".")[2]].items()
)
"""All checks, in the order in which they run: a check comes after those that it needs."""


_MOST_DRAWS: Final = 1 << 26  # minutes, and half a gigabyte


class SamplerFactory(Protocol):
    """Makes a fresh sampler, as a separate process would."""

    def __call__(self, *, seed: int, rank: int, world_size: int) -> Any:
        """Return a sampler; no two calls may share state."""
        ...


def check_sampler(
    factory: SamplerFactory,
    *,
    expected: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    covers: bool | int = False,
    n_examples: int | None = None,
    world_sizes: Sequence[int] = (2, 4),
    draws: int = 4096,
    detect: float | None = None,
    together: int = 1,
    skip: Collection[str] = (),
    on_fail: Literal["raise", "report"] = "raise",
) -> SamplerReport:
    """Check a sampler against the contract of a distributed, resumable, weighted sampler.

    Any sampler that yields row numbers, or lists of them (a batch sampler), can be checked. Checks of what it does not
    have (`set_epoch`, `state_dict`, shares that were not passed) are skipped, with the reason.

    Parameters
    ----------
    factory : callable
        ``factory(seed=..., rank=..., world_size=...)`` returns a fresh sampler. Make its epoch a few hundred to a few
        thousand draws, a multiple of all world sizes.
    expected : array-like of numbers, shape (N,), optional
        Expected share of each example, up to a factor: what WeightedRandomSampler calls weights.
    groups : array-like of integers, shape (N,), optional
        Group of each example: its class, source or stratum. Shares are tested for groups too, and coverage in each.
    covers : bool or int, default False
        Whether the sampler promises that no example is repeated before all of its group were drawn. An integer k: after
        every k draws only, for samplers that rearrange k draws at a time; k must divide the epoch. Without `groups`,
        examples of the same expected share are a group.
    n_examples : int, optional
        N, if neither `expected` nor `groups` is passed.
    world_sizes : sequence of int, default (2, 4)
        Numbers of ranks to try besides one process. Empty for a sampler that leaves sharding to others.
    draws : int, default 4096
        Draws that shares and coverage are tested on.
    detect : float, optional
        Relative error of a share that has to be found, such as 0.06: shares are tested on as many draws as find it in
        19 of 20 checks, wherever it is: in the smallest group or, without `groups`, the smallest set of examples of
        equal share. The docs have a table.
    together : int, default 1
        Draws whose group is chosen at once, such as the batch of a sampler of one-task batches. Such draws are not
        independent, so shares may vary more.
    skip : collection of str
        Names of checks to leave out.
    on_fail : {"raise", "report"}
        Whether failures raise, or are only in the report.

    Returns
    -------
    SamplerReport

    Raises
    ------
    SamplerCheckError
        If a check failed and `on_fail` is "raise"; it lists every failure. It is an AssertionError too.
    ConfigError
        If an argument cannot be used.

    Notes
    -----
    Each sampler is made and read while the process-wide random generators are in another state, as in separate
    processes; their states are restored at the end. A correct sampler fails a test of shares with a probability below
    one in a million.

    Examples
    --------
    >>> from equipoise import Census, Plan, PlanSampler, Shard, StratumIndex, weights
    >>> plan = Plan.build(Census.from_counts({"triage": {"no": 90, "yes": 10}}), weights=weights.InverseFrequency())
    >>> index = StratumIndex.from_sizes(plan.counts)
    >>> def factory(seed, rank, world_size):
    ...     return PlanSampler(plan, index, seed, draws_per_epoch=400, shard=Shard(rank, world_size))
    >>> classes = [0] * 90 + [1] * 10
    >>> report = check_sampler(factory, expected=[1 / 90] * 90 + [1 / 10] * 10, groups=classes, covers=True)
    >>> report.failed, report.skipped
    ([], {'zero-share': 'no example has an expected share of 0'})
    """
    names = [check.name for check in CHECKS]
    unknown = sorted(set(skip) - set(names))
    if unknown:
        message = f"`skip` must hold names of checks, found {unknown}. Known: {', '.join(names)}."
        raise ConfigError("unknown-name", message)
    given: dict[str, NDArray[Any] | None] = {"expected": _shares(expected), "groups": _codes(groups)}
    sizes = {} if n_examples is None else {"n_examples": n_examples}
    sizes |= {name: len(array) for name, array in given.items() if array is not None}
    if len(set(sizes.values())) > 1:
        message = f"`n_examples`, `expected` and `groups` must be of the same examples, found {sizes}."
        raise ConfigError("unequal-lengths", message)
    if min(draws, together, *world_sizes) < 1 or covers < 0:
        raise ConfigError(
            "too-small",
            f"`draws`, `together` and the `world_sizes` must be at least 1 and `covers` 0, found {draws}, {together}, "
            f"{tuple(world_sizes)} and {int(covers)}.",
        )
    n = next(iter(sizes.values()), None)
    shares_of, groups_of = given["expected"], given["groups"]
    share_draws = draws if detect is None else max(draws, _draws_for(detect, shares_of, groups_of, together))
    subject = Subject(factory, tuple(world_sizes), n, shares_of, groups_of, int(covers), together, draws, share_draws)
    with put_back():
        subject.read(subject.make())  # what cannot be made or read at all raises its own error
        report = SamplerReport(tuple(_results(subject, skip)))
    if report.failed and on_fail == "raise":
        ran = len(report.failed) + len(report.passed)
        errors = [result.error for result in report.results if result.error is not None]
        message = f"The sampler fails {len(report.failed)} of {ran} checks.\n{report.failures()}"
        raise SamplerCheckError("checks-failed", message) from next(iter(errors), None)
    return report


def _results(subject: Subject, skip: Collection[str]) -> Iterator[CheckResult]:
    unknown: set[str] = set()  # failed, or skipped because of another that failed
    for check in CHECKS:
        unmet = [name for name in check.needs if name in unknown]
        status, found, error = _outcome(check, subject, unmet, skip)
        if unmet or status == "failed":
            unknown.add(check.name)
        yield CheckResult(check.name, status, found, check.promise, check.harm, error)


def _outcome(
    check: Check, subject: Subject, unmet: Sequence[str], skip: Collection[str]
) -> tuple[Status, str, Exception | None]:
    if check.name in skip:
        return "skipped", "left out by `skip`", None
    if unmet:
        return "skipped", f"needs {' and '.join(unmet)}, which did not pass", None
    if check.ranks and not subject.world_sizes:
        return "skipped", "`world_sizes` is empty", None
    try:
        subject.require(check.methods)
        check.run(subject)
    except NotCheckableError as reason:
        return "skipped", str(reason), None
    except BrokenPromiseError as broken:
        return "failed", str(broken), None
    except Exception as error:  # noqa: BLE001 - a sampler may raise anything, and the other checks still count
        return "failed", f"it raised {type(error).__name__}: {error}", error
    return "passed", "", None


def _draws_for(detect: float, expected: NDArray[Any] | None, groups: NDArray[Any] | None, together: int) -> int:
    if expected is None:
        message = "`detect` is an error of the `expected` shares. Give them too, or leave `detect` out."
        raise ConfigError("missing-option", message)
    if not 0 < detect < 1:
        raise ConfigError("out-of-range", f"`detect` must be a relative error between 0 and 1, found {detect}.")
    needed, share = shares.draws_to_detect(detect, expected, groups, together)
    if needed > _MOST_DRAWS:
        message = f"To detect {detect:g} of a share of {share:.2g} takes {needed:,} draws. "
        raise ConfigError(
            "too-many-draws", message + f"Give a larger `detect`, or larger groups: at most {_MOST_DRAWS:,}."
        )
    return needed


def _codes(groups: ArrayLike | None) -> NDArray[np.int64] | None:
    if groups is None:
        return None
    codes = np.asarray(groups)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
        message = f"`groups` must be an integer for each example, found shape {codes.shape} of {codes.dtype}."
        raise ConfigError("bad-groups", message)
    return codes.astype(np.int64)


def _shares(expected: ArrayLike | None) -> NDArray[np.float64] | None:
    if expected is None:
        return None
    weights = np.asarray(expected, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ConfigError(
            "bad-shares",
            "`expected` must be one finite number for each example, none negative and not all 0, "
            f"found an array of shape {weights.shape}.",
        )
    return weights / weights.sum()

"""One call that holds a sampler to the whole contract."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import ConfigError
from equipoise.testing import coverage, determinism, epochs, lengths, refusal, resuming, sharding, shares, states
from equipoise.testing.outcome import Check, Failed, Outcome, Skipped
from equipoise.testing.random_state import put_back
from equipoise.testing.report import CheckResult, SamplerCheckError, SamplerReport
from equipoise.testing.subject import Subject

CHECKS: tuple[Check, ...] = (
    lengths.length,
    lengths.values,
    determinism.determinism,
    determinism.global_state,
    epochs.seeds,
    epochs.epochs,
    epochs.no_repeat,
    epochs.seed_epoch,
    epochs.set_epoch,
    shares.zero_share,
    shares.shares,
    coverage.coverage,
    sharding.sharding_length,
    sharding.sharding_union,
    sharding.sharding_order,
    sharding.sharding_shares,
    sharding.sharding_seeds,
    resuming.resume,
    resuming.resume_set_epoch,
    resuming.resume_world_size,
    states.state_json,
    states.state_size,
    states.state_saving,
    states.state_snapshot,
    refusal.refuses_seed,
    refusal.refuses_keys,
    refusal.refuses_values,
    refusal.refusal_intact,
)
"""In the order in which they run: a check comes after those that it needs."""


class SamplerFactory(Protocol):
    """Makes a fresh sampler, as a process of its own would."""

    def __call__(self, *, seed: int, rank: int, world_size: int) -> Any:
        """Give a sampler; no two calls may share state."""
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
    together: int = 1,
    skip: Collection[str] = (),
    on_fail: Literal["raise", "report"] = "raise",
) -> SamplerReport:
    """Hold a sampler to the contract of a distributed, resumable, weighted sampler.

    Any sampler will do that yields row numbers, or lists of them (a batch sampler). Checks of what it does not have
    (`set_epoch`, `state_dict`, shares that were not given) are skipped, with the reason.

    Parameters
    ----------
    factory : callable
        ``factory(seed=..., rank=..., world_size=...)`` gives a fresh sampler. Make its epoch some hundred to some
        thousand draws, a number that all world sizes divide.
    expected : array-like of numbers, shape (N,), optional
        Expected share of each example, up to a factor: what WeightedRandomSampler calls weights.
    groups : array-like of integers, shape (N,), optional
        Group of each example: its class, source or stratum. Shares are tested for groups too, and coverage is in them.
    covers : bool or int, default False
        Whether the sampler promises that no example comes again before all of its group came. A whole number k: after
        every k draws only, for samplers that rearrange k draws at a time; k must divide the epoch. Without `groups`,
        examples of the same expected share are one.
    n_examples : int, optional
        N, if neither `expected` nor `groups` says it.
    world_sizes : sequence of int, default (2, 4)
        Numbers of ranks to try beside one process. Empty for a sampler that leaves sharding to others.
    draws : int, default 4096
        Draws that shares and coverage are tested on.
    together : int, default 1
        Draws whose group is chosen at once, such as the batch of a sampler of one-task batches. Such draws are not
        independent, so shares may wander more.
    skip : collection of str
        Names of checks to leave out.
    on_fail : {"raise", "report"}
        Whether failures raise, or are only in what is returned.

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
    Each sampler is made and read while the process-wide random numbers stand somewhere else, as in processes of their
    own; they are put back in the end. A right sampler fails a test of shares with a chance below one in a million.

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
        raise ConfigError(f"`skip` must hold names of checks, found {unknown}. There are: {', '.join(names)}.")
    subject = _subject(factory, expected, groups, int(covers), n_examples, tuple(world_sizes), draws, together)
    with put_back():
        subject.read(subject.make())  # what cannot be made or read at all raises its own error
        report = SamplerReport(tuple(_results(subject, skip)))
    if report.failed and on_fail == "raise":
        ran = len(report.failed) + len(report.passed)
        errors = [result.error for result in report.results if result.error is not None]
        message = f"The sampler fails {len(report.failed)} of {ran} checks.\n{report.failures()}"
        raise SamplerCheckError(message) from next(iter(errors), None)
    return report


def _results(subject: Subject, skip: Collection[str]) -> list[CheckResult]:
    results: list[CheckResult] = []
    untold: set[str] = set()  # failed, or not to be told because of another that failed
    for check in CHECKS:
        unmet = [name for name in check.needs if name in untold]
        outcome: Outcome
        if check.name in skip:
            outcome = Skipped("left out by `skip`")
        elif unmet:
            outcome = Skipped(f"cannot be told before {' and '.join(unmet)} can")
        else:
            outcome = _outcome(check, subject)
        if unmet or isinstance(outcome, Failed):
            untold.add(check.name)
        if outcome is None:
            results.append(CheckResult(check.name, "passed", "", check.promise, check.harm))
        elif isinstance(outcome, Failed):
            results.append(CheckResult(check.name, "failed", outcome.found, check.promise, check.harm, outcome.error))
        else:
            results.append(CheckResult(check.name, "skipped", outcome.reason, check.promise, check.harm))
    return results


def _outcome(check: Check, subject: Subject) -> Outcome:
    try:
        missing = subject.lacks(*check.methods) if check.methods else None
        return Skipped(missing) if missing else check.run(subject)
    except Exception as error:  # noqa: BLE001 - a sampler may raise anything, and the other checks still count
        return Failed(f"it raised {type(error).__name__}: {error}", error)


def _subject(
    factory: SamplerFactory,
    expected: ArrayLike | None,
    groups: ArrayLike | None,
    covers: int,
    n_examples: int | None,
    world_sizes: tuple[int, ...],
    draws: int,
    together: int,
) -> Subject:
    shares = None if expected is None else _shares(expected)
    codes = None if groups is None else np.asarray(groups)
    if codes is not None and (codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer)):
        raise ConfigError(
            f"`groups` must be a whole number for each example, found shape {codes.shape} of {codes.dtype}."
        )
    sizes = {
        name: size
        for name, size in (
            ("n_examples", n_examples),
            ("expected", None if shares is None else len(shares)),
            ("groups", None if codes is None else len(codes)),
        )
        if size is not None
    }
    if len(set(sizes.values())) > 1:
        raise ConfigError(f"`n_examples`, `expected` and `groups` must be of the same examples, found {sizes}.")
    if min(draws, together) < 1 or covers < 0 or any(size < 1 for size in world_sizes):
        raise ConfigError(
            f"`draws`, `together` and the `world_sizes` must be at least 1 and `covers` 0, found {draws}, {together}, "
            f"{world_sizes} and {covers}."
        )
    return Subject(
        factory=factory,
        world_sizes=world_sizes,
        n_examples=next(iter(sizes.values()), None),
        shares=shares,
        groups=None if codes is None else codes.astype(np.int64),
        covers=covers,
        together=together,
        draws=draws,
    )


def _shares(expected: ArrayLike) -> NDArray[np.float64]:
    weights = np.asarray(expected, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ConfigError(
            "`expected` must be one finite number for each example, none negative and not all 0, "
            f"found an array of shape {weights.shape}."
        )
    return weights / weights.sum()

"""The ways to train that are compared, without duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.base.masses import WHOLE
from equipoise.compare.result import CandidateInfo
from equipoise.compare.titles import title_of
from equipoise.config import (
    NATURAL,
    ComparisonConfig,
    LossConfig,
    RunConfig,
    TrainingConfig,
    TrialConfig,
    config_to_dict,
)
from equipoise.errors import PlanError
from equipoise.rates import Proportional
from equipoise.runs.prepare import Prepared, prepare_again
from equipoise.schedule import Drawable
from equipoise.weights import Natural

CONFIGURED = "configured"
_OF_PLAN = ("rates", "weights", "target_rates", "target_weights", "schedule", "feedback")
ROUNDING = WHOLE >> 40  # of a share: less than a draw in 10**12
_IF_GIVEN = ("batch_size", "learning_rate")
_CORRECTIONS = {
    "none": (0, "as trained"),
    "calibrated": (1, "calibrated"),
    "tau": (2, "calibrated, answers by tau"),
    "thresholds": (3, "calibrated, answers by thresholds"),
}


@dataclass(frozen=True)
class Training:
    """One way to train.

    Attributes
    ----------
    name : str
        Prefix of the names of its runs.
    config : RunConfig
        The configuration of its runs, except for seed and draws.
    steps : int
        Number of things it does that plain training does not.
    natural : bool
        Whether it is a recipe of natural sampling: of the shares of the data, by cross-entropy.
    own : tuple of str
        Training settings that only it has, for people.
    """

    name: str
    config: RunConfig
    steps: int
    natural: bool = False
    own: tuple[str, ...] = ()

    def run(self, seed: int, draws: int, rows: int | None = None, *, proxy_of: int | None = None) -> RunConfig:
        """Return the configuration of one run, which may be a proxy of one with more draws.

        By default the validation loss of a full run is computed eight times. That of a run of an earlier stage, which
        scores at most `rows` rows, is not computed: nobody watches it, unless the best checkpoint is chosen by it.
        """
        config, training, evaluation = self.config, self.config.training, self.config.evaluation
        if rows is not None:
            evaluation = replace(evaluation, rows=min(rows, evaluation.rows or rows))
        if rows is not None and training.best is None:
            training = replace(training, validate_every=None)
        else:
            training = training.validated(draws)
        plan = replace(config.plan, draws=draws, proxy_of=proxy_of)
        return replace(config, plan=plan, training=training, evaluation=evaluation, seed=seed)

    def candidates(self, corrections: Iterable[str]) -> dict[str, CandidateInfo]:
        """Return the candidate of each correction."""
        plain = config_to_dict(self.config)
        training = {name: plain["training"][name] for name in ("loss", *_IF_GIVEN)}
        settings: dict[str, Any] = {"plan": plain["plan"], "training": training}
        found: dict[str, CandidateInfo] = {}
        for correction in corrections:
            name = self.name if correction == "none" else f"{self.name} + {correction}"
            steps, words = _CORRECTIONS[correction]
            found[name] = CandidateInfo(self.name, correction, f"{self.title}; {words}", self.steps + steps, settings)
        return found

    @property
    def title(self) -> str:
        """A description for tables."""
        return ", ".join([title_of(self.config), *self.own])


def trainings_of(config: ComparisonConfig, base: Prepared) -> tuple[dict[str, Training], list[str]]:
    """Make the trainings of a comparison.

    The defaults include what the configuration itself would train. Trials with the same plan, loss and settings are one
    training: with a single task all mixing rates are the same, and without labels all class weights are. Losses over
    labels need classification tasks.

    Parameters
    ----------
    config : ComparisonConfig
        The configuration with the trials.
    base : Prepared
        All rows, checked.

    Returns
    -------
    dict of str to Training
        By name, natural sampling first.
    list of str
        Which trials are left out, and why.

    Raises
    ------
    PlanError
        If only natural sampling is left, or a trial that was named cannot be planned on this data. A default trial
        is left out instead.
    """
    found: dict[str, Training] = {}
    left_out: list[str] = []
    plans: dict[str, Drawable] = {}
    for name, trial in _trials(config).items():
        settings = _apply(config.run, trial)
        try:
            prepared = prepare_again(settings, base)
        except PlanError as error:
            if config.compare.candidates is not None or name == NATURAL:
                raise PlanError(error.code, f"`compare.candidates.{name}`: {error}") from error
            left_out.append(f"{name} is left out: {str(error).rstrip('.')}")
            continue
        if trial.loss.level == "label" and any(task.kind == "open_ended" for task in prepared.tasks.values()):
            left_out.append(f"{name} is left out: its loss is over labels, and some tasks are open-ended")
            continue
        plan, own = prepared.plan, _own(settings, config.training)
        alike = [each for each, other in plans.items() if _drawn_alike(plan, other)]
        natural = NATURAL in (name, *alike) and trial.feedback is None and _is_plain(trial.loss)
        training = Training(name, settings, _steps(settings, prepared, own), natural, own)
        same = next((each for each in alike if _trained_alike(training, found[each])), None)
        if same is not None:
            left_out.append(f"{name} is left out: on this data it is identical to {same}")
            continue
        plans[name], found[name] = plan, training
    if len(found) < 2 and len(config.compare.corrections) < 2:
        raise PlanError(
            "nothing-to-compare",
            "All candidates are identical to natural sampling on this data. Name others under `compare.candidates`.",
        )
    assert NATURAL in found
    return found, left_out


def _trials(config: ComparisonConfig) -> dict[str, TrialConfig]:
    """Return the trials, and unless others are named the one that the configuration itself describes."""
    if config.compare.candidates is not None:
        return config.trials
    own = TrialConfig(**{name: getattr(config.plan, name) for name in _OF_PLAN}, loss=config.training.loss)
    return {**config.trials, CONFIGURED: own}


def _apply(run: RunConfig, trial: TrialConfig) -> RunConfig:
    # Rare labels repeat often in some candidates, which is what is compared.
    given = {name: getattr(trial, name) for name in _OF_PLAN}
    every = None if trial.feedback is None else run.plan.feedback_every
    limits = run.plan.max_passes if trial.max_passes is None else trial.max_passes
    plan = replace(run.plan, **given, max_passes=limits, feedback_every=every, allow_repeats=True)
    evaluation = replace(run.evaluation, method="score", split="test")  # corrections need probabilities
    settings = {name: getattr(trial, name) for name in _IF_GIVEN if getattr(trial, name) is not None}
    training = replace(run.training, loss=trial.loss, **settings)
    return replace(run, plan=plan, training=training, evaluation=evaluation, out=None)


def _drawn_alike(one: Drawable, other: Drawable) -> bool:
    """Whether two plans draw the same: shares that are found in two ways differ in their last bits."""
    return len(one.stages) == len(other.stages) and all(
        now.at == then.at
        and np.abs(now.plan.masses - then.plan.masses).max() <= ROUNDING
        and np.abs(now.plan.target_masses - then.plan.target_masses).max() <= ROUNDING
        for now, then in zip(one.stages, other.stages, strict=True)
    )


def _trained_alike(one: Training, other: Training) -> bool:
    return (one.config.training, one.config.plan.feedback) == (other.config.training, other.config.plan.feedback)


def _is_plain(loss: LossConfig) -> bool:
    """Whether a loss knows nothing of how frequent labels are: cross-entropy of the target, smoothed or not."""
    return loss.name == LossConfig().name and loss.level != "label" and "weights" not in loss.options


def _own(config: RunConfig, shared: TrainingConfig) -> tuple[str, ...]:
    names = [name for name in _IF_GIVEN if getattr(config.training, name) != getattr(shared, name)]
    return tuple(f"{name.replace('_', ' ')} {getattr(config.training, name):g}" for name in names)


def _steps(config: RunConfig, prepared: Prepared, own: Sequence[str]) -> int:
    plan, loss = config.plan, config.training.loss
    return sum(
        (
            len(prepared.plan.tasks) > 1 and plan.rates != Proportional(),
            plan.weights != Natural(),
            plan.target_weights is not None or plan.target_rates is not None,
            plan.schedule is not None or plan.feedback is not None,
            loss != LossConfig(),
            loss.level == "label",
            bool(own),
        )
    )

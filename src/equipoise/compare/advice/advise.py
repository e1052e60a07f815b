"""Answer five questions from a census and options, and recommend what to compare."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from equipoise.census import Census
from equipoise.compare.advice.rules import (
    ALIKE_TASKS,
    EVEN_LABELS,
    FEW_ROWS,
    FEW_VALIDATION,
    LINEAR_CHARACTERS,
    LINEAR_ROWS,
    QUESTIONS,
    RULES,
    Rule,
)
from equipoise.plan.forecast import MANY_PASSES
from equipoise.plan.suggested import LEAST_DRAWS, Suggested, named, suggest_plan

FROM_SCRATCH = frozenset({"tiny"})


@dataclass(frozen=True)
class Answer:
    """One question, what the data say, and the rules that follow.

    Attributes
    ----------
    question : str
        The question.
    found : str
        The answer, with its numbers.
    rules : tuple of Rule
        What follows, and why.
    """

    question: str
    found: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Advice:
    """A recommendation, with its reasons and its uncertainty.

    Attributes
    ----------
    answers : tuple of Answer
        Of the five questions.
    rates, weights : str
        The schemes.
    draws : int
        The number of draws.
    max_passes : float or None
        The limit of passes, if one is needed.
    correction : {"calibrated", "none"}
        What to apply to the probabilities after the training.
    metric : str
        The metric to decide by.
    candidates : tuple of str
        Default candidates of `equipoise compare` that are worth their time.
    linear_first : bool
        Whether a linear model should be measured first.
    uncertainty : tuple of str
        Sentences on how sure this is.
    """

    answers: tuple[Answer, ...]
    rates: str
    weights: str
    draws: int
    max_passes: float | None
    correction: str
    metric: str
    candidates: tuple[str, ...]
    linear_first: bool
    uncertainty: tuple[str, ...]

    def command(self, source: str, model: str = "tiny") -> str:
        """Return the command that checks the advice on the data.

        Examples
        --------
        >>> advise(Census.from_counts({"mood": {"glad": 9000, "sad": 300}})).command("rows.jsonl")
        'equipoise compare rows.jsonl --candidates sqrt,log,balanced --metric macro_f1 --draws 10240'
        """
        words = ["equipoise", "compare", source, "--candidates", ",".join(self.candidates), "--metric", self.metric]
        words += ["--draws", str(self.draws)]
        words += [] if model == "tiny" else ["--model", model]
        words += [] if self.max_passes is None else ["--set", f"plan.max_passes={self.max_passes:g}"]
        return shlex.join(words)

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as JSON values."""
        answers = [{**asdict(each), "rules": [rule._asdict() for rule in each.rules]} for each in self.answers]
        return {**asdict(self), "answers": answers}


def advise(
    census: Census,
    *,
    probabilities: bool = False,
    draws: int | None = None,
    model: str = "tiny",
    validation: Census | None = None,
    characters: float | None = None,
) -> Advice:
    """Recommend rates, weights, a correction and a number of draws.

    The rules are those of the page "Which scheme for me".

    Parameters
    ----------
    census : Census
        The counts of the training rows.
    probabilities : bool
        Whether probabilities are used, and not the answers alone.
    draws : int, optional
        The number of draws that can be paid for; by default that of `suggest_plan`.
    model : str
        The name of the model.
    validation : Census, optional
        The counts of the validation rows.
    characters : float, optional
        The characters of an input, on average.

    Returns
    -------
    Advice

    Raises
    ------
    PlanError
        If no plan of these draws fits the census.

    Examples
    --------
    >>> advice = advise(Census.from_counts({"mood": {"glad": 9000, "sad": 300}}))
    >>> advice.rates, advice.weights, advice.metric
    ('equal', 'sqrt', 'macro_f1')
    >>> advise(Census.from_counts({"mood": {"glad": 900, "sad": 800}})).weights
    'natural'
    """
    tasks, rarest = _tasks(census), _rarest(census)
    even = rarest.name in {"even-labels", "no-labels"}
    suggested = suggest_plan(census, "equal", "natural" if even else "sqrt", draws)
    found = [rarest, *([RULES["few-rows"]] if rarest.name == "rare-labels" and _fewest(census) < FEW_ROWS else [])]
    labelled = rarest.name != "no-labels"
    linear = labelled and census.total <= LINEAR_ROWS and (characters or 0) <= LINEAR_CHARACTERS
    kind = RULES["from-scratch" if model in FROM_SCRATCH else "pretrained"]
    decision = RULES["probabilities" if probabilities else "decisions"]
    answers = (
        Answer(QUESTIONS["tasks"], _sizes(census), (tasks,)),
        Answer(QUESTIONS["rarest"], _of_rarest(census, suggested), tuple(found)),
        Answer(QUESTIONS["probabilities"], "probabilities" if probabilities else "decisions", (decision,)),
        Answer(QUESTIONS["draws"], _of_draws(suggested), _draws(suggested, model)),
        Answer(QUESTIONS["model"], model, (*([RULES["linear-first"]] if linear else []), kind)),
    )
    return Advice(
        answers=answers,
        rates=suggested.rates,
        weights=suggested.weights,
        draws=suggested.draws,
        max_passes=suggested.max_passes,
        correction="calibrated" if probabilities and labelled else "none",
        metric=("log_loss" if probabilities else "macro_f1") if labelled else "rouge_l",
        candidates=_candidates(suggested, even=even),
        linear_first=linear,
        uncertainty=_uncertainty(census, validation, model),
    )


def _tasks(census: Census) -> Rule:
    counts = census.task_counts
    if len(counts) == 1:
        return RULES["one-task"]
    return RULES["alike-tasks" if counts.max() <= ALIKE_TASKS * counts[counts > 0].min() else "uneven-tasks"]


def _labels(census: Census) -> list[tuple[str, dict[str, int]]]:
    """Return the counts of the labels of each task that has labels."""
    return [(task, counts) for task, counts in census.to_dict().items() if isinstance(counts, dict)]


def _rarest(census: Census) -> Rule:
    labels = _labels(census)
    if not labels:
        return RULES["no-labels"]
    even = all(max(counts.values()) <= EVEN_LABELS * min(counts.values()) for _, counts in labels)
    return RULES["even-labels" if even else "rare-labels"]


def _fewest(census: Census) -> int:
    return min((min(counts.values()) for _, counts in _labels(census)), default=0)


def _sizes(census: Census) -> str:
    counts = census.task_counts.tolist()
    if len(counts) == 1:
        return f"one task, of {counts[0]:,} training rows"
    return f"{len(counts):,} tasks, from {min(counts):,} to {max(counts):,} training rows"


def _of_rarest(census: Census, suggested: Suggested) -> str:
    if not _labels(census):
        return f"no labels; {census.total:,} training rows of open-ended tasks"
    row = min((row for row in suggested.forecast.rows if row.label is not None), key=lambda row: row.count)
    effective = suggested.forecast.overall.effective_sample_size
    rows = "1 training row" if row.count == 1 else f"{row.count:,} training rows"
    return (
        f"{named(row)} has {rows}; {suggested.draws:,} draws by this plan see each of them"
        f" {row.passes:.3g} times; rows are drawn so unevenly that they count as {effective:,.0f} of {census.total:,}"
    )


def _of_draws(suggested: Suggested) -> str:
    limit = "" if suggested.max_passes is None else f", with at most {suggested.max_passes:g} passes over any label"
    return f"{suggested.draws:,} ({suggested.why_draws}){limit}; {suggested.why_passes}"


def _draws(suggested: Suggested, model: str) -> tuple[Rule, ...]:
    found = ["few-draws"] * (suggested.draws < LEAST_DRAWS and model in FROM_SCRATCH)
    found += ["many-passes"] * (suggested.most_seen.passes > MANY_PASSES * (1 + 1e-9))
    return tuple(RULES[name] for name in found or ["enough-draws"])


def _candidates(suggested: Suggested, *, even: bool) -> tuple[str, ...]:
    if even:
        return ("equal", "sqrt", "natural-smooth")
    return ("sqrt" if suggested.rates == "equal" else "unimax-sqrt", "log", "balanced")


def _validation_rows(census: Census, validation: Census | None) -> int | None:
    """Return the fewest validation rows of a label of the training rows; None if that is unknown or there is none."""
    if validation is None or not _labels(census):
        return None
    counts = dict(zip(validation.strata, validation.counts.tolist(), strict=True))
    return min(counts.get(stratum, 0) for stratum in census.strata if stratum.label is not None)


def _uncertainty(census: Census, validation: Census | None, model: str) -> tuple[str, ...]:
    about = (
        "The numbers are of medical tasks with short inputs (multi-diagnosis, 8 tasks, which comes with Equipoise, and"
        ' codes of ICD-10-CM, 4 tasks; page "Evidence" of the documentation), and of small models from scratch'
    )
    sentences = [f"{about}: on other data the order of schemes may differ."]
    if model not in FROM_SCRATCH:
        sentences.append("No number here is of a pretrained model.")
    known = _validation_rows(census, validation)
    if known is not None and known < FEW_VALIDATION:
        sentences.append(
            f"The validation rows have {known:,} of the label with the fewest: what is chosen on them for it is chance."
        )
    if _labels(census) and _fewest(census) < FEW_ROWS:
        sentences.append("A label has so few rows that no comparison can show how well it is found.")
    return tuple(sentences)


def sentences_of(rules: Sequence[Rule]) -> str:
    """Return what rules advise, and why, for people.

    Examples
    --------
    >>> sentences_of([RULES["one-task"]])
    'Leave `rates` at `equal`: mixing rates have no effect on one task.'
    """
    return " ".join(f"{rule.advice[0].upper()}{rule.advice[1:]}: {rule.because}." for rule in rules)

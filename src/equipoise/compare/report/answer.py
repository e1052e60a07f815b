"""The first screen: the question, the answer, and how to use it."""

from dataclasses import dataclass

from equipoise.compare.findings import Evidence, Learned, Shown
from equipoise.compare.report import sentences
from equipoise.compare.report.data import ComparisonData
from equipoise.compare.result import Result
from equipoise.compare.verdict import commands_of
from equipoise.metrics import Estimate, metric_of
from equipoise.pages.format import counted, interval, listed, number, signed
from equipoise.pages.page import Card

TITLE = "Which way to sample and train is best?"
TONE = {"better": "good", "worse": "bad"}


@dataclass(frozen=True)
class Answer:
    """The question and the answer.

    Attributes
    ----------
    metric : str
        The metric that decides.
    shown : str
        As in `Result`.
    recommended, baseline, other : str
        Names of candidates; `other` is compared with the baseline, see `Result.other`.
    learned : Learned
        Whether any candidate learned anything.
    tasks : int
        How many tasks the means are over.
    before, after : Estimate
        The metric of the baseline and of the other one on the test rows.
    difference : Estimate
        The other one minus the baseline; its interval over seeds and groups, or over groups if there is one seed.
    evidence : Evidence or None
        Of the other one; None if there is one seed.
    seeds : int
        How many times each finalist was trained in full.
    confidence : float
        The level of the intervals.
    question, choice, verdict, reason, meaning : str
        The sentences of the first screen.
    facts : tuple of pair of str
        Names and values of what was compared.
    commands : str
        How to train the recommended candidate; empty if nothing is recommended.
    """

    metric: str
    shown: Shown
    recommended: str
    baseline: str
    other: str
    learned: Learned
    tasks: int
    before: Estimate
    after: Estimate
    difference: Estimate
    evidence: Evidence | None
    seeds: int
    confidence: float
    question: str
    choice: str
    verdict: str
    reason: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    commands: str

    @property
    def cards(self) -> tuple[Card, ...]:
        """The three numbers; one where no other candidate was trained in full."""
        name = metric_of(self.metric).title
        if self.shown == "nothing-learned":
            return self._cards_of_nothing(name)
        before = Card(f"{self.baseline}: {name}", number(self.before.value), interval(self.before), "first")
        if self.other == self.baseline:
            return (before,)
        tone = TONE.get(self.shown, "")
        return (
            before,
            Card(f"{self.other}: {name}", number(self.after.value), interval(self.after), "second"),
            Card("difference", signed(self.difference.value), interval(self.difference), tone),
        )

    def _cards_of_nothing(self, name: str) -> tuple[Card, ...]:
        found = self.learned
        return (
            Card(f"ignoring the input: {name}", number(found.reference), "validation rows", "first"),
            Card(f"{found.candidate}: {name}", number(found.value), "validation rows", "second"),
            Card("difference", signed(found.gain.value), interval(found.gain)),
        )


def gather(data: ComparisonData) -> Answer:
    """Return the values of the first screen."""
    result, metric = data.result, data.result.metric
    versus = result.versus.get(result.other)
    commands = commands_of(result, data.directory.recommended, data.config.compare.costs)
    return Answer(
        metric=metric,
        shown=result.shown,
        recommended=result.recommended,
        baseline=result.baseline,
        other=result.other,
        learned=result.learned,
        tasks=result.tasks_with(metric),
        before=data.estimate(result.baseline, metric),
        after=data.estimate(result.other, metric),
        difference=versus.difference(metric) if versus else Estimate(None),
        evidence=versus.evidence if versus else None,
        seeds=len(result.seeds),
        confidence=0.95,
        question=_question(data),
        choice=sentences.recommendation(result),
        verdict=sentences.verdict(result),
        reason=sentences.reason(result),
        meaning=_meaning(result),
        facts=_facts(data),
        commands="" if result.shown == "nothing-learned" else "\n".join(commands),
    )


def _question(data: ComparisonData) -> str:
    result, metric = data.result, metric_of(data.result.metric)
    kinds = {"classification": "classification task", "open_ended": "open-ended task"}
    held = [(sum(task.kind == kind for task in data.tasks.values()), name) for kind, name in kinds.items()]
    tasks = " and ".join(counted(count, name) for count, name in held if count)
    candidates = counted(len(result.candidates), "candidate")
    return (
        f"{candidates}, each a choice of sampling, class weights, loss and correction, were compared on"
        f" {tasks} by {metric.title} ({metric.scale}): {metric.gloss}. Everything was chosen on"
        f" validation rows; {counted(result.rows['test'], 'test row')} in natural proportions were evaluated once, at"
        " the end."
    )


def _meaning(result: Result) -> str:
    first = (
        "A seed is the number that decides all random choices of a training. Ranges are 95% intervals: of a hundred"
        " such comparisons, about 95 have an interval that contains the true value."
    )
    groups = "groups of test rows (for example patients)"
    if result.shown == "nothing-learned":
        return f"{first} Here it is over seeds and over groups of validation rows (for example patients)."
    if len(result.seeds) == 1:
        return (
            f"{first} They are from resampled {groups}: they show the variance between test sets. With one seed the"
            " variance between seeds is unknown, so nothing is called better or worse."
        )
    return (
        f"{first} Those of the candidates are over seeds; that of the difference is over seeds and over {groups}."
        f" Differences of at most {number(result.rope)} are called practically the same; a case is called shown if its"
        " probability is at least 95%."
    )


def _facts(data: ComparisonData) -> tuple[tuple[str, str], ...]:
    result, config = data.result, data.config
    source = config.data.source
    trainings, corrections = (
        dict.fromkeys(getattr(each, name) for each in result.candidates.values()) for name in ("training", "correction")
    )
    first, last = result.stages[0], result.stages[-1]
    rows = ", ".join(f"{count:,} {name}" for name, count in result.rows.items())
    full = f"{last.draws:,} draws and {counted(len(last.seeds), 'seed')}"
    stages = (
        f"{len(result.stages)} stages, from {first.draws:,} draws and {counted(len(first.seeds), 'seed')} to {full}"
        if len(result.stages) > 1
        else f"{full} each"
    )
    runs = f"{counted(len(result.runs), 'run')}, {counted(sum(run.draws for run in result.runs), 'draw')} in all"
    limit = f"; at most {config.compare.budget}" if config.compare.budget else ""
    metric = metric_of(result.metric).title
    tried = f"{counted(len(trainings), 'training')} ({listed(trainings)})"
    return (
        ("Data", f"{source if isinstance(source, str) else listed(source)}; rows: {rows}"),
        ("Tasks", f"{len(data.tasks)}: {listed(data.tasks)}"),
        ("Decided by", f"{metric} on the validation rows; the simplest within one standard error"),
        ("Candidates", f"{tried} by {counted(len(corrections), 'correction')} ({listed(corrections)})"),
        ("Budget", f"{stages}; {runs}{limit}. A draw is one training row, shown to the model once"),
        (
            "Command",
            (
                "Where the shell does not find `equipoise`, activate the environment that it is installed in, or write"
                " `python -m equipoise`"
            ),
        ),
    )

"""The first screen: the question, the answer, and how to use it."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData
from equipoise.compare.verdict import commands_of
from equipoise.metrics import Estimate, metric_of
from equipoise.pages.format import capital, counted, interval, listed, number, signed
from equipoise.pages.page import Card

TITLE = "Which way to sample and train is best?"
LEAD = {
    "better": "Better than natural sampling",
    "worse": "Worse than natural sampling",
    "no difference": "No difference shown",
    "baseline": "Natural sampling is enough",
}
TONE = {"better": "good", "worse": "bad", "no difference": "", "baseline": ""}


@dataclass(frozen=True)
class Answer:
    """The question and the answer.

    Attributes
    ----------
    metric : str
        The metric that decides.
    shown : str
        What the test rows show: "better", "worse", "no difference" or "baseline".
    recommended, baseline, other : str
        Names of candidates; `other` is compared with the baseline, see `ComparisonData.other`.
    title : str
        What the recommended candidate does.
    before, after : Estimate
        The metric of the baseline and of the other one on the test rows.
    difference : Estimate
        The other one minus the baseline; its interval over the seeds, or over resampled groups if there is one seed.
    groups : Estimate
        The same difference with the interval over resampled groups.
    seeds : int
        How many times each finalist was trained in full.
    confidence : float
        The level of the intervals.
    question, verdict, meaning : str
        The sentences of the first screen.
    facts : tuple of pair of str
        Names and values of what was compared.
    commands : str
        How to train the recommended candidate.
    """

    metric: str
    shown: str
    recommended: str
    baseline: str
    other: str
    title: str
    before: Estimate
    after: Estimate
    difference: Estimate
    groups: Estimate
    seeds: int
    confidence: float
    question: str
    verdict: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    commands: str

    @property
    def cards(self) -> tuple[Card, ...]:
        """The three numbers; one where no other candidate was trained in full."""
        name = metric_of(self.metric).title
        before = Card(f"{self.baseline}: {name}", number(self.before.value), interval(self.before), "first")
        if self.other == self.baseline:
            return (before,)
        return (
            before,
            Card(f"{self.other}: {name}", number(self.after.value), interval(self.after), "second"),
            Card("difference", signed(self.difference.value), interval(self.difference), TONE[self.shown]),
        )

    @property
    def choice(self) -> str:
        """The recommendation, in one line."""
        return f"Recommended: {self.recommended} ({self.title})."


def gather(data: ComparisonData) -> Answer:
    """Return the values of the first screen."""
    result, other = data.result, data.other
    metric, seeds = result.metric, len(result.seeds)
    none = Estimate(None)
    versus = result.versus.get(other)
    groups = versus.groups.get(metric, none) if versus else none
    difference = versus.seeds.get(metric, none) if versus and seeds > 1 else groups
    before, after = data.estimate(result.baseline, metric), data.estimate(other, metric)
    return Answer(
        metric=metric,
        shown=result.shown,
        recommended=result.recommended,
        baseline=result.baseline,
        other=other,
        title=result.candidates[result.recommended].title,
        before=before,
        after=after,
        difference=difference,
        groups=groups,
        seeds=seeds,
        confidence=0.95,
        question=_question(data),
        verdict=_verdict(data, before, after, difference),
        meaning=_meaning(data),
        facts=_facts(data),
        commands="\n".join(commands_of(result, data.directory.recommended, data.config.compare.costs)),
    )


def _question(data: ComparisonData) -> str:
    result = data.result
    tasks = counted(len(data.tasks), "task")
    return (
        f"{counted(len(result.candidates), 'candidate')}, each a choice of sampling, weights, loss and correction, were"
        f" compared on {tasks}. Choices were made on validation rows; {counted(result.rows['test'], 'test row')} in"
        " natural proportions were evaluated once, at the end."
    )


def _verdict(data: ComparisonData, before: Estimate, after: Estimate, difference: Estimate) -> str:
    result = data.result
    if data.other == result.baseline:
        return f"{LEAD[result.shown]}: no other candidate was trained in full."
    change = signed(difference.value) + (f" ({interval(difference)})" if interval(difference) else "")
    where = "" if len(data.tasks) == 1 else f", as the mean over {len(data.tasks)} tasks"
    numbers = (
        f"{metric_of(result.metric).title} is {number(after.value)} instead of {number(before.value)} on the test"
        f" rows{where}: {change}."
    )
    said = {
        "better": numbers,
        "worse": f"{numbers} On the validation rows {result.recommended} was better.",
        "no difference": f"{numbers} That may be chance; natural sampling may be as good.",
        "baseline": (
            "no other candidate was better on the validation rows by more than one standard error"
            f" ({number(result.standard_error)}). Of {data.other}, {numbers}"
        ),
    }[result.shown]
    return f"{LEAD[result.shown]}: {said}"


def _meaning(data: ComparisonData) -> str:
    seeds, metric = len(data.result.seeds), metric_of(data.result.metric)
    spread = (
        f"over {seeds} trainings with different seeds: they show the variance between seeds."
        if seeds > 1
        else "from resampled groups of test rows (for example patients): they show the variance between test sets. With"
        " one seed the variance between seeds is unknown."
    )
    return f"{capital(metric.title)} ({metric.scale}) is {metric.gloss}. Ranges are 95% intervals {spread}"


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
        ("Budget", f"{stages}; {runs}{limit}"),
        (
            "Command",
            (
                "Where the shell does not find `equipoise`, first run `source .venv/bin/activate`, or write"
                " `.venv/bin/equipoise`"
            ),
        ),
    )

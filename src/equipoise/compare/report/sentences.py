"""What a comparison shows, in sentences: of the first screen and of the terminal."""

from equipoise.compare.findings import Evidence
from equipoise.compare.result import Result
from equipoise.data.checks.content_warnings import share_of
from equipoise.metrics import METRICS, metric_of
from equipoise.pages.format import counted, interval, listed, number, signed
from equipoise.statistics import mean_interval

LEAD = {
    "better": "Better than natural sampling",
    "worse": "Worse than natural sampling",
    "same": "Practically the same as natural sampling",
    "inconclusive": "Inconclusive",
    "baseline": "Natural sampling is enough",
    "nothing-learned": "Nothing was learned",
}
MUCH = 0.1
"""A larger share of test rows that were trained on is said with the verdict."""


def recommendation(result: Result) -> str:
    """Return the recommendation, in one line."""
    if _not_shown(result):
        return "Nothing is recommended: it is not shown that a candidate learned anything."
    if result.shown == "nothing-learned":
        return "Nothing is recommended: no candidate learned anything."
    return f"Recommended: {result.recommended} ({result.candidates[result.recommended].title})."


def verdict(result: Result) -> str:
    """Return what the comparison shows of the recommended candidate, in one sentence."""
    if _not_shown(result):
        last, found = result.stages[-1], result.learned
        return (
            f"With {last.draws:,} draws and {counted(len(last.seeds), 'seed')} it cannot be shown that anything was"
            f" learned: the best candidate, {found.candidate}, is better than answers that ignore the input by"
            f" {number(abs(found.gain.value or 0.0))}, which may be chance."
        )
    if result.shown == "nothing-learned":
        said = f"the best candidate, {result.learned.candidate}, is no better than answers that ignore the input."
    elif result.other == result.baseline:
        said = "no other candidate was trained in full."
    elif result.shown == "baseline":
        said = (
            "no other candidate was better on the validation rows by more than one standard error"
            f" ({number(result.standard_error)})."
        )
    else:
        said = _numbers(result)
    return f"{LEAD[result.shown]}: {said}"


def reason(result: Result) -> str:
    """Return how sure the verdict is, and what would make it surer; empty where there is nothing to say."""
    return " ".join(filter(None, (_memory(result), _reason(result))))


def _memory(result: Result) -> str:
    rows, of = result.trained_on, result.rows["test"]
    if rows <= MUCH * of:
        return ""
    return (
        f"{rows:,} of {of:,} test rows ({share_of(rows, of)}) have an input that is also in training rows of their"
        " task: the scores measure memory in the first place."
    )


def _reason(result: Result) -> str:
    if result.shown == "nothing-learned":
        return _nothing(result)
    if result.other == result.baseline:
        return ""
    if result.shown == "baseline":
        return f"Of the next best, {result.other}, {_numbers(result)}"
    return _shown(result, result.versus[result.other].evidence)


def _not_shown(result: Result) -> bool:
    """Whether the best candidate is better than answers that ignore the input, but not by more than chance."""
    gain = METRICS[result.metric].sign * (result.learned.gain.value or 0.0)
    return result.shown == "nothing-learned" and gain > result.rope


def tasks_of(result: Result) -> str:
    """Return over how many tasks of which kind the means are."""
    kind = "open-ended" if METRICS[result.metric].needs == "texts" else "classification"
    return counted(result.tasks_with(result.metric), f"{kind} task")


def _numbers(result: Result) -> str:
    before, after = (
        mean_interval(result.finalists[name].test.get(result.metric, ())).value
        for name in (result.baseline, result.other)
    )
    change = result.versus[result.other].difference(result.metric)
    within = f" ({interval(change)})" if interval(change) else ""
    where = f", the mean over {tasks_of(result)}" if result.tasks_with(result.metric) > 1 else ""
    return (
        f"{metric_of(result.metric).title} is {number(after)} instead of {number(before)} on the test rows{where}:"
        f" {signed(change.value)}{within}."
    )


def _shown(result: Result, evidence: Evidence | None) -> str:
    if evidence is None:
        return (
            "Each candidate was trained once, with one seed. Another seed may change the difference, and by how much is"
            " unknown; three seeds or more would tell."
        )
    worse, same, better = map(_percent, evidence.probabilities)
    rope = number(result.rope)
    return {
        "better": f"That it is better by more than {rope} has a probability of {better}.",
        "worse": (
            f"That it is worse by more than {rope} has a probability of {worse}. On the validation rows it was better:"
            " do not rely on it."
        ),
        "same": (
            f"That they differ by at most {rope}, too little to matter, has a probability of {same}. Natural sampling"
            " is the simpler choice."
        ),
        "inconclusive": (
            f"That may be chance: better by more than {rope} has a probability of {better}, practically the same"
            f" {same}, worse {worse}. {_power(result, evidence)}"
        ),
    }[result.shown]


def _power(result: Result, evidence: Evidence) -> str:
    held, needed = f"{evidence.groups:,} groups of test rows and {counted(len(result.seeds), 'seed')}", evidence.needed
    least = f"With {held}, a true difference of {number(evidence.least)} would be shown four times in five."
    if needed is None or needed.times is None:
        return least
    ways = [f"{needed.times} times as many groups and seeds"]
    if needed.seeds is not None:
        ways.insert(0, f"{needed.seeds:,} seeds on these rows")
    if needed.groups is not None:
        ways.insert(0, f"{needed.groups:,} groups with these seeds")
    return f"{least} For {number(needed.difference)} it takes {', or '.join(ways)}."


def _nothing(result: Result) -> str:
    found, metric = result.learned, metric_of(result.metric)
    within = f" ({interval(found.gain)})" if interval(found.gain) else ""
    numbers = (
        f"On the validation rows its {metric.title} is {number(found.value)}; always the same answer has"
        f" {number(found.constant)}, and its own answers, shuffled among the rows, have {number(found.shuffled)}."
        f" The difference from the better of these is {signed(found.gain.value)}{within}"
    )
    tasks = f" By more than chance it is better on {listed(found.tasks)}." if found.tasks else ""
    if _not_shown(result):
        ways = "Train with more seeds, more draws or a pretrained model."
        return f"{numbers}, and differences between candidates may be chance as well.{tasks} {ways}"
    return (
        f"{numbers}, no more than chance, and differences between candidates mean nothing.{tasks}"
        " Train with more draws or a pretrained model, and check that the inputs tell the labels."
    )


def _percent(probability: float) -> str:
    return "more than 99%" if probability > 0.995 else "less than 1%" if probability < 0.005 else f"{probability:.0%}"

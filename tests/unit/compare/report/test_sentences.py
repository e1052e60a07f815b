"""What is said of a comparison: every verdict in its words, with the numbers that it rests on."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from equipoise.cli import app
from equipoise.cli._compare import print_result
from equipoise.compare import engine
from equipoise.compare.evidence import Resampling, evidence_of
from equipoise.compare.findings import Learned, Versus
from equipoise.compare.report.sentences import LEAD, reason, recommendation, tasks_of, verdict
from equipoise.compare.result import CandidateInfo, Finalist, Result, Stage
from equipoise.metrics import Estimate
from equipoise.pages.format import interval
from equipoise.statistics import Needed, Probabilities

NOTHING = Learned("sqrt", 0.41, 0.40, 0.39, Estimate(0.01, -0.02, 0.04))
CASES = Probabilities(worse=0.004, same=0.236, better=0.76)


def finalist(value, seeds, metric="macro_f1"):
    by_seed = {metric: tuple(value + seed / 100 for seed in range(seeds))}
    return Finalist(by_seed, by_seed, dict.fromkeys(("thyroid", "skin", "heart"), by_seed))


def made(seeds=5, metric="macro_f1"):
    """A result of two finalists on three tasks, without files."""
    finalists = {"natural": finalist(0.5, seeds, metric), "sqrt": finalist(0.6, seeds, metric)}
    evidence = evidence_of(*finalists.values(), metric, 0.01, 0.02, 303, Resampling({}, {}, 50, 0))
    between = {metric: Estimate(0.1, 0.08, 0.12)}
    return Result(
        metric=metric,
        baseline="natural",
        candidates={name: CandidateInfo(name, "none", f"what {name} does", 0, {}) for name in finalists},
        stages=(Stage(640, tuple(range(seeds)), {}, ("natural", "sqrt")),),
        finalists=finalists,
        versus={"sqrt": Versus(between, between, {}, None, evidence)},
        ranks=None,
        best="sqrt",
        standard_error=0.012,
        rope=0.01,
        learned=NOTHING,
        recommended="sqrt",
        shown="better" if seeds > 1 else "inconclusive",
        runs=(),
        rows={"test": 400},
        command="equipoise compare",
    )


@pytest.fixture
def result():
    return made()


def with_evidence(result, **fields):
    versus = result.versus[result.other]
    changed = replace(versus, evidence=replace(versus.evidence, **fields))
    return replace(result, versus={**result.versus, result.other: changed})


@pytest.mark.parametrize("shown", LEAD)
def test_every_verdict_begins_with_its_lead(result, shown):
    recommended = result.baseline if shown == "baseline" else result.recommended
    held = replace(result, shown=shown, recommended=recommended)
    assert verdict(held).startswith(LEAD[shown] + ": ")
    assert reason(held)


def test_means_say_over_how_many_tasks_of_which_kind_they_are(result):
    assert tasks_of(result) == "3 classification tasks"
    assert "on the test rows, the mean over 3 classification tasks: " in verdict(result)
    assert tasks_of(made(metric="bleu")) == "3 open-ended tasks"
    # Tasks without the metric, or where it is not defined, are in no mean.
    natural = result.finalists["natural"]
    tasks = {"thyroid": natural.tasks["thyroid"], "notes": {"bleu": (1.0,)}, "skin": {"macro_f1": (None,)}}
    alone = replace(result, finalists={**result.finalists, "natural": replace(natural, tasks=tasks)})
    assert tasks_of(alone) == "1 classification task"
    assert "mean over" not in verdict(alone)


def test_the_probability_of_what_is_shown_is_said(result):
    held = with_evidence(result, probabilities=CASES)
    assert "better by more than 0.010 has a probability of 76%" in reason(replace(held, shown="better"))
    assert "worse by more than 0.010 has a probability of less than 1%" in reason(replace(held, shown="worse"))
    assert "do not rely on it" in reason(replace(held, shown="worse"))
    assert "differ by at most 0.010, too little to matter, has a probability of 24%" in reason(
        replace(held, shown="same")
    )


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (Needed(0.035, 1300, None, 3), "For 0.035 it takes 1,300 groups with these seeds, or 3 times as many groups"),
        (Needed(0.035, 1300, 12, 3), "1,300 groups with these seeds, or 12 seeds on these rows, or 3 times"),
        (Needed(0.035, None, None, 3), "For 0.035 it takes 3 times as many groups and seeds."),
        (Needed(0.035, None, None, None), "four times in five."),
        (None, "four times in five."),
    ],
)
def test_inconclusive_says_what_could_have_been_shown_and_what_less_takes(result, needed, words):
    held = replace(
        with_evidence(result, probabilities=CASES, least=0.06, groups=303, needed=needed), shown="inconclusive"
    )
    assert "better by more than 0.010 has a probability of 76%, practically the same 24%, worse less than 1%" in reason(
        held
    )
    assert "With 303 groups of test rows and 5 seeds, a true difference of 0.060 would be shown four" in reason(held)
    assert words in reason(held)


def test_one_seed_asks_for_more():
    held = made(seeds=1)
    assert held.versus[held.other].evidence is None
    assert verdict(held).startswith("Inconclusive: ")
    assert "three seeds or more would tell" in reason(held)


def test_a_gain_that_so_few_seeds_cannot_show_is_not_called_nothing(result):
    gain = Learned("sqrt", 0.57, 0.4, 0.39, Estimate(0.17, -0.05, 0.39), ("thyroid", "skin"))
    held = replace(result, shown="nothing-learned", learned=gain)
    assert recommendation(held) == "Nothing is recommended: it is not shown that a candidate learned anything."
    assert verdict(held) == (
        "With 640 draws and 5 seeds it cannot be shown that anything was learned: the best candidate, sqrt, is better"
        " than answers that ignore the input by 0.170, which may be chance."
    )
    within = f"+0.170 ({interval(gain.gain)})"
    assert f"{within}, and differences between candidates may be chance as well." in reason(held)
    assert "By more than chance it is better on thyroid, skin. Train with more seeds" in reason(held)
    worse = replace(held, metric="log_loss", learned=replace(gain, gain=Estimate(0.17, -0.05, 0.39), tasks=()))
    assert verdict(worse).startswith("Nothing was learned: ")
    assert "By more than chance" not in reason(worse)


def test_the_next_best_is_named_where_the_baseline_is_recommended(result):
    held = replace(result, recommended="natural", shown="baseline")
    assert "by more than one standard error (0.012)." in verdict(held)
    assert reason(held).startswith("Of the next best, sqrt, macro-F1 is 0.620 instead of 0.520")
    assert reason(replace(held, finalists={"natural": held.finalists["natural"]}, versus={})) == ""


def test_the_terminal_says_the_same(result, capsys):
    print_result(result)
    said = capsys.readouterr().out
    assert "macro_f1 as the mean over 3 classification tasks and 5 seeds (* recommended)" in said
    assert f"{recommendation(result)}\n{verdict(result)} {reason(result)}\n" in said
    assert str(result.versus["sqrt"].evidence.difference) in said


@pytest.mark.parametrize("shown", ["better", "nothing-learned"])
def test_the_command_to_train_is_printed_if_something_is_recommended(result, tmp_path, monkeypatch, shown):
    held, path = replace(result, shown=shown), tmp_path
    monkeypatch.setattr(engine, "compare", lambda *_, **__: held)
    monkeypatch.setattr("equipoise.compare.report.write_report", lambda _: None)
    monkeypatch.setattr("equipoise.compare.processes.helpers", lambda *_, **__: nullcontext())  # they would train
    said = CliRunner().invoke(app, ["demo", "--out", str(path)])
    assert said.exit_code == 0, said.output
    assert ("Train the recommended candidate: " in said.output) == (shown == "better")
    assert ("* recommended" in said.output) == (shown == "better")
    assert f"Open {path / 'report.html'} in a browser." in said.output.replace("\n", " ")

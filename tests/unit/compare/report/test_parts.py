"""The parts of a report: each says what the files of the comparison say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.support import comparisons as made
from tests.support.comparisons import BATCH
from tests.support.errors import raises
from typer.testing import CliRunner

from equipoise.base.problems import Problem
from equipoise.cli import app
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.findings import Learned
from equipoise.compare.report import (
    answer,
    census,
    confusion,
    costs,
    gather,
    labels,
    natural,
    problems,
    reliability,
    scores,
    trained,
    write_report,
)
from equipoise.compare.report.data import ComparisonData
from equipoise.compare.report.report import build_page
from equipoise.config import load_config, save_config
from equipoise.drawing import Mixed, OneTask, Quota, StratumIndex
from equipoise.errors import RunError
from equipoise.metrics import Estimate, metric_of, read_predictions, write_predictions
from equipoise.runs.directory import RunDirectory
from equipoise.samplers import PlanSampler
from equipoise.statistics import mean_interval


def change(directory, **fields):
    """Write the result again, with other fields."""
    held = ComparisonDirectory(directory)
    held.write_result(replace(held.read_result(), **fields))
    return ComparisonData.open(directory)


@pytest.mark.parametrize(
    ("shown", "words", "tone"),
    [
        ("better", "Better than natural sampling: ", "good"),
        ("worse", "Worse than natural sampling: ", "bad"),
        ("same", "Practically the same as natural sampling: ", ""),
        ("inconclusive", "Inconclusive: ", ""),
    ],
)
def test_the_verdict_is_what_the_comparison_showed(copy_of, shown, words, tone):
    told = answer.gather(change(copy_of("one-task"), shown=shown))
    assert told.verdict.startswith(words)
    assert told.cards[2].tone == tone


def test_test_rows_that_were_trained_on_are_the_first_warning_and_on_the_first_screen(copy_of):
    path = copy_of("clinic")
    leak = Problem("warning", "duplicates-across-splits", "90% of the test rows are known.")
    others = Problem("warning", "conflicting-targets", "Inputs differ."), Problem("note", "known", "Suites have twins.")
    rows = ComparisonDirectory(path).read_result().rows["test"]
    told = answer.gather(change(path, problems=(*others, leak), trained_on=rows // 2))
    assert told.reason.startswith(f"{rows // 2:,} of {rows:,} test rows (50%) have an input that is also in training")
    write_report(path)
    held = json.loads((path / "report.json").read_text())["problems"]
    assert held[0] == leak._asdict()
    assert all(other._asdict() in held for other in others)
    for name in ("report.md", "report.html"):
        text = (path / name).read_text()
        assert all(problem.message in text for problem in (leak, *others))
        assert text.index("test rows (50%)") < text.index(leak.message)
    few = answer.gather(change(path, problems=(leak,), trained_on=rows // 10))
    assert "also in training rows" not in few.reason


def test_warnings_of_the_data_name_columns_as_the_configuration_does(copy_of):
    leak = Problem("warning", "duplicates-across-splits", "Leave `Columns(group=...)` out.")
    found = problems.gather(change(copy_of("clinic"), problems=(leak,)))
    assert found[0].message == "Leave `data.columns.group` out."


def test_intervals_over_seeds_end_at_the_bounds_of_the_metric(copy_of):
    path = copy_of("one-task")
    finalists = ComparisonDirectory(path).read_result().finalists
    far = {name: replace(each, test={**each.test, "log_loss": (0.1, 2.0, 3.0)}) for name, each in finalists.items()}
    found = change(path, finalists=far).estimate("natural", "log_loss")
    assert (found.value, found.low) == (pytest.approx(1.7), 0)
    assert found.high > 4


@pytest.mark.parametrize(("draws", "said"), [(640, True), (2560, False)])
def test_fewer_draws_than_a_block_are_said_beside_the_difference(tmp_path, draws, said):
    path = made.write_comparison(tmp_path / "few", made.ONE_TASK, seeds=(0,), draws=draws)
    texts = trained.shares_section(trained.gather_shares(ComparisonData.open(path))).texts
    sentence = (
        f" {draws:,} draws are fewer than a block of 2,048, at whose end shares are exact; `training.batches: quota`"
    )
    assert [sentence in text for text in texts] == [False, said, said]


def test_nothing_learned_replaces_the_recommendation_everywhere(copy_of):
    directory = ComparisonDirectory(copy_of("clinic"))
    nothing = Learned("sqrt", 0.41, 0.40, 0.39, Estimate(0.01, -0.02, 0.04))
    held = replace(directory.read_result(), shown="nothing-learned", learned=nothing)
    directory.write_result(held)
    told = answer.gather(ComparisonData.open(directory.path))
    assert told.choice == "Nothing is recommended: no candidate learned anything."
    assert told.verdict == (
        "Nothing was learned: the best candidate, sqrt, is no better than answers that ignore the input."
    )
    assert told.commands == ""
    assert [card.value for card in told.cards] == ["0.400", "0.410", "+0.010"]
    page = build_page(gather(directory.path)).to_html()
    assert "Recommended: " not in page
    assert "To train the recommended candidate" not in page.split("<main>")[0]
    assert "its own answers, shuffled among the rows, have 0.390" in page


def test_the_report_has_the_evidence_as_numbers(copy_of):
    path = copy_of("clinic")
    write_report(path)
    held = json.loads((path / "report.json").read_text())
    assert held["version"] == 2
    assert set(held["answer"]["evidence"]["probabilities"]) == {"worse", "same", "better"}
    assert held["answer"]["learned"]["constant"] == 0.4
    assert held["answer"]["tasks"] == 3
    text = (path / "report.md").read_text()
    assert "on a task at random, with a probability of " in text
    assert "The interquartile mean, of the middle half" in text
    assert "(Bayesian signed-rank test)" in text
    assert ".** That it is better by more than" in text


def test_the_answer_has_the_numbers_of_the_result(comparison_of):
    data = ComparisonData.open(comparison_of("clinic"))
    result, told = data.result, answer.gather(data)
    for name, estimate in (("natural", told.before), ("sqrt + calibrated", told.after)):
        assert estimate == mean_interval(result.finalists[name].test["macro_f1"])
        assert estimate.low is not None
    assert told.difference == result.versus["sqrt + calibrated"].evidence.difference
    assert told.evidence == result.versus["sqrt + calibrated"].evidence
    assert told.learned == result.learned
    assert told.tasks == 3
    assert told.commands.splitlines() == [
        f"equipoise train {data.directory.recommended} --out runs/recommended",
        "equipoise calibrate runs/recommended --metric none",
    ]


@pytest.mark.parametrize(
    ("recommended", "last"),
    [
        ("sqrt + tau", "equipoise calibrate runs/recommended --metric macro_f1"),
        ("sqrt + thresholds", "equipoise calibrate runs/recommended --metric macro_f1 --decision thresholds"),
        ("sqrt", "--out runs/recommended"),
    ],
)
def test_what_is_recommended_can_be_made_with_its_commands(copy_of, recommended, last):
    told = answer.gather(change(copy_of("clinic"), recommended=recommended))
    assert told.commands.endswith(last)


def test_one_seed_has_intervals_of_groups_alone(comparison_of):
    data = ComparisonData.open(comparison_of("one-seed"))
    told = answer.gather(data)
    assert told.difference == data.result.versus["sqrt + calibrated"].groups["macro_f1"]
    (scored,) = data.scores["natural"]
    assert told.before == scored.mean["macro_f1"]
    assert told.before.low is not None
    assert data.result.versus["sqrt + calibrated"].seeds["macro_f1"].low is None
    assert "one-seed" in {problem.code for problem in problems.gather(data)}
    assert all(pair.over_seeds.low is None for pair in scores.gather(data).mean)
    assert "over seeds" not in str(scores.section(scores.gather(data)).tables[0].heads)


def test_rankings_of_labels_are_for_the_alarm_rate_of_the_configuration(copy_of):
    directory = ComparisonDirectory(copy_of("one-task"))
    config = ComparisonData.open(directory.path).config
    save_config(replace(config, evaluation=replace(config.evaluation, alarm_rate=0.2)), directory.config)
    data = ComparisonData.open(directory.path)
    table = labels.section(labels.gather(data)).tables[1]
    assert table.heads[-2].text == "recall at 20 % false alarms, natural"
    first = labels.gather(data).arms["natural"][0]
    seeds = [scored.tasks["thyroid"].labels[0].recall_at_alarm_rate.value for scored in data.scores["natural"]]
    assert first.recall_at_alarm_rate == mean_interval(seeds)
    assert data.scores["natural"][0].alarm_rate == 0.2
    names = [row[0].text for row in scores.section(scores.gather(data)).tables[0].rows]
    assert "Recall at 20 % false alarms" in names


@pytest.mark.slow
def test_natural_sampling_that_is_enough_is_set_against_its_nearest_rival(comparison_of):
    data = ComparisonData.open(comparison_of("many"))
    assert data.result.recommended == data.result.baseline == "natural"
    means = {name: mean_interval(each.validation["macro_f1"]).value for name, each in data.result.finalists.items()}
    del means["natural"]
    assert data.result.other == max(means, key=means.__getitem__)
    assert answer.gather(data).verdict.startswith("Natural sampling is enough: ")


def test_nothing_but_the_baseline_may_have_come_through(copy_of):
    directory = copy_of("one-task")
    held = ComparisonDirectory(directory).read_result()
    alone = {"natural": held.finalists["natural"]}
    change(directory, finalists=alone, versus={}, ranks=None, recommended="natural", best="natural", shown="baseline")
    report = gather(directory)
    assert len(report.answer.cards) == 1
    assert set(report.labels.arms) == {"natural"}
    assert "no other candidate was trained in full" in write_report(directory).read_text(encoding="utf-8")


def test_what_was_not_measured_is_no_number_in_any_format(copy_of):
    directory = copy_of("one-task")
    held = ComparisonDirectory(directory).read_result()
    none = (None,) * 3
    finalists = {
        name: replace(each, test={**each.test, "ece": none}, tasks={"thyroid": {**each.tasks["thyroid"], "ece": none}})
        for name, each in held.finalists.items()
    }
    versus = {
        name: replace(each, seeds={**each.seeds, "ece": Estimate(float("nan"))}) for name, each in held.versus.items()
    }
    change(directory, finalists=finalists, versus=versus)
    page = write_report(directory)
    plain = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    (pair,) = [pair for pair in plain["scores"]["mean"] if pair["metric"] == "ece"]
    assert pair["before"] == pair["over_seeds"] == {"value": None, "low": None, "high": None, "rows": None}
    for suffix in (".html", ".md"):
        text = page.with_suffix(suffix).read_text(encoding="utf-8")
        assert "n/a" in text
        assert not [word for word in ("nan", "None") if f">{word}<" in text or f"| {word} |" in text]


@pytest.mark.parametrize(
    ("word", "batches"), [("mixed", Mixed()), ("quota", Quota(BATCH)), ("one_task", OneTask(BATCH))], ids=str
)
def test_what_is_said_to_be_drawn_is_what_a_sampler_draws(copy_of, word, batches):
    run = RunDirectory(copy_of("clinic") / "runs" / "sqrt-2560-3")
    config = load_config(run.config)
    save_config(replace(config, training=replace(config.training, batches=word)), run.config)
    plan = run.read_plan()
    codes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(plan.strata)), plan.counts))
    index = StratumIndex.from_codes(codes, len(plan.strata))
    rows = np.array(list(PlanSampler(plan, index, seed=3, draws_per_epoch=2560, batches=batches)))
    assert trained.drawn_of(run).tolist() == np.bincount(codes[rows], minlength=len(plan.strata)).tolist()


def test_draws_are_those_of_the_steps_that_were_trained(comparison_of):
    natural, planned = trained.gather_shares(ComparisonData.open(comparison_of("clinic")))
    assert (natural.training, planned.training) == ("natural", "sqrt")
    assert natural.draws == planned.draws == sum(each.drawn for each in planned.strata) == 2560
    rare = next(each for each in planned.strata if each.label == "severe")
    assert rare.passes == rare.drawn / 9


def test_baseline_and_its_correction_share_their_draws_and_curves(copy_of):
    data = change(copy_of("one-task"), recommended="natural + tau")
    assert [each.training for each in trained.gather_shares(data)] == ["natural"]
    assert [each.training for each in trained.gather_curves(data)] == ["natural"]


@pytest.mark.slow
def test_curves_are_those_that_were_logged(comparison_of):
    data = ComparisonData.open(comparison_of("clinic"))
    natural, planned = trained.gather_curves(data)
    assert natural.draws == planned.draws == (640.0, 1280.0, 1920.0, 2560.0)
    assert natural.losses[2] == pytest.approx([2.4 - 0.4 * part**0.5 + 0.1 for part in (1, 2, 3, 4)])
    assert natural.mean == pytest.approx(natural.losses[2])
    assert trained.gather_curves(ComparisonData.open(comparison_of("mixed"))) == ()


def test_problems_name_labels_without_rows(comparison_of, monkeypatch):
    monkeypatch.setattr("equipoise.plan.forecast.MANY_PASSES", 4.0)  # of which this plan has more
    found = {problem.code: problem.message for problem in problems.gather(ComparisonData.open(comparison_of("mixed")))}
    assert "heart: severe" in found["no-test-rows"]
    assert "heart: unheard (3)" in found["no-training-rows"]
    assert "heart: moderate (8)" in found["few-test-rows"]
    assert "mild" not in found["few-test-rows"]
    assert found["note"] == "The budget ended before stage 2 of 3."
    assert "2 pairs" not in found
    assert "'heart', label" in found["many-passes"]


def test_the_census_counts_training_and_test_rows(comparison_of):
    part = census.gather(ComparisonData.open(comparison_of("mixed")))
    rows = {(each.task, each.label): (each.train, each.test) for each in part.labels}
    assert rows["heart", "unheard"] == (0, 3)
    assert rows["heart", "severe"] == (9, 0)
    assert rows["summary", None] == (500, 40)
    heart, summary = part.tasks
    assert (heart.imbalance, heart.labels, summary.imbalance) == (120 / 9, 4, None)


def test_confusions_count_every_row_also_answers_that_are_no_label(copy_of):
    directory = copy_of("mixed")
    file = directory / "runs" / "natural-2560-1" / "predictions.parquet"
    said = read_predictions(file)
    said["heart"] = replace(said["heart"], predicted=["gibberish", *said["heart"].predicted[1:]])
    write_predictions(said.values(), file)
    natural, planned = confusion.gather(ComparisonData.open(directory))
    assert natural.answers == (*planned.answers, "(no label)")
    assert [row[-1] for row in natural.counts] == [1, 0, 0, 0, 0]
    assert [sum(row) for row in natural.counts] == [120, 40, 16, 0, 6]
    assert natural.labels == ("absent", "mild", "moderate", "severe", "unheard")
    assert sum(natural.shares[0]) == pytest.approx(1)
    assert sum(natural.shares[3]) == 0


def test_of_many_labels_the_most_frequent_confusions_are_listed(comparison_of):
    natural, _ = confusion.gather(ComparisonData.open(comparison_of("many")))
    pairs = natural.most_confused()
    assert len(pairs) == confusion.MOST_PAIRS
    assert [count for _, _, count, _ in pairs] == sorted((count for _, _, count, _ in pairs), reverse=True)
    label, said, count, share = pairs[0]
    assert natural.counts[natural.labels.index(label)][natural.answers.index(said)] == count
    assert share == count / 24
    (fold,) = confusion.section((natural,)).folds
    assert [head.text for head in fold.tables[0].heads] == ["true label", "answer", "rows", "of the label"]


def test_reliability_counts_rows_of_all_seeds_and_unknown_labels_as_wrong(comparison_of):
    data = ComparisonData.open(comparison_of("mixed"))
    natural, _ = reliability.gather(data)
    assert natural.rows == 2 * 91
    held = zip(natural.table.rows, natural.table.accuracy, strict=True)
    right = sum(rows * accuracy for rows, accuracy in held if rows)
    hits = sum(
        target == part.labels[place]
        for part in (each["heart"] for each in data.predictions["natural"])
        for target, place in zip(part.targets, part.probabilities.argmax(axis=1), strict=True)
    )
    assert right == pytest.approx(hits)


def test_costs_are_sums_and_say_what_all_in_full_would_draw(comparison_of):
    part = costs.gather(ComparisonData.open(comparison_of("clinic")))
    assert [(each.draws_each, each.runs, each.trainings) for each in part.lengths] == [(640, 8, 4), (2560, 10, 2)]
    assert part.total.draws == 8 * 640 + 10 * 2560
    assert part.in_full == 4 * 5 * 2560
    assert part.total.training_seconds == pytest.approx(8 * 15 + 2 * sum(61.5 + seed for seed in range(5)))


def test_a_run_is_no_comparison(comparison_of):
    with raises(RunError, "not-a-comparison", "is a run", "equipoise evaluate"):
        write_report(comparison_of("clinic") / "runs" / "sqrt-2560-0")


def test_a_comparison_must_be_finished(tmp_path):
    with raises(RunError, "not-a-comparison", "must be the directory of a finished comparison"):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["predictions.parquet", "metrics.jsonl"])
@pytest.mark.parametrize("broken", [True, False])
def test_a_damaged_run_is_named(copy_of, name, broken):
    directory = copy_of("one-task")
    file = directory / "runs" / "natural-2560-0" / name
    file.write_text("no") if broken else file.unlink()
    with raises(RunError, "not-json" if broken and name == "metrics.jsonl" else "unreadable-file", "natural"):
        write_report(directory)
    assert not list(directory.glob("report.*"))


@pytest.mark.slow
def test_the_command_writes_the_report(copy_of):
    directory = copy_of("open")
    found = CliRunner().invoke(app, ["report", str(directory), "--json"])
    assert found.exit_code == 0, found.output
    plain = json.loads(found.stdout)
    assert plain["format"] == "equipoise-report"
    assert plain == json.loads((directory / "report.json").read_text(encoding="utf-8"))
    text = CliRunner().invoke(app, ["report", str(directory)])
    assert "report.html" in text.stdout
    wrong = CliRunner().invoke(app, ["report", str(directory / "runs" / "natural-2560-0")])
    assert wrong.exit_code == 1
    assert "equipoise evaluate" in wrong.stderr


def test_natural_sampling_at_its_best_is_compared_with_the_recommended_candidate(copy_of):
    directory = copy_of("one-task")
    data = ComparisonData.open(directory)
    tuned = "natural + tau"
    versus = data.result.versus[data.result.recommended]
    data = change(directory, best_natural=tuned, versus_natural=versus)
    part = natural.gather(data)
    shown = natural.section(part)
    assert f"each correction, {tuned} was best by {metric_of(part.metric).title}" in shown.texts[0]
    (table,) = shown.tables
    scores = dict(zip(part.scores, table.rows, strict=True))
    want = (data.estimate(tuned, "macro_f1"), data.estimate(part.recommended, "macro_f1"))
    assert part.scores["macro_f1"] == (*want, versus.seeds["macro_f1"], versus.groups["macro_f1"])
    assert scores["macro_f1"][2].text == f"{want[1].value:.3f}"
    same = natural.gather(change(directory, best_natural=data.result.recommended, versus_natural=None))
    assert natural.section(same).texts[0].endswith("It is the recommended candidate.")
    assert natural.section(same).tables == ()

"""Comparison directories with invented predictions, written by the code that writes real ones."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from equipoise.base.files import write_atomically
from equipoise.census import Census
from equipoise.compare.corrections import corrected, cross_fitted_validation, validation_predictions
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.evidence import Resampling, evidence_of
from equipoise.compare.findings import Learned, Ranks, SignedRank, Versus
from equipoise.compare.result import CandidateInfo, Finalist, Result, RunCost, Stage
from equipoise.config import (
    CompareConfig,
    ComparisonConfig,
    DataConfig,
    PlanConfig,
    RunConfig,
    TrainingConfig,
    save_config,
)
from equipoise.data import Task
from equipoise.errors import DataWarning
from equipoise.metrics import Estimate, TaskPredictions, evaluate, write_predictions
from equipoise.plan import Plan
from equipoise.rates import Equal, Proportional
from equipoise.runs.directory import RunDirectory
from equipoise.statistics import difference_over_seeds, mean_interval
from equipoise.weights import Natural, Power

BATCH = 16
CORRECTIONS = {"none": "", "calibrated": " + calibrated", "tau": " + tau", "thresholds": " + thresholds"}
SCRIPT, FORMULA, PIPE, MARKS = "<script>alert(1)</script>", "$x^2$", "a|b", "`c` *b* _i_ [l](http://x.org) & ~~s~~"
# {task: {label: (training rows, test rows)}}, or {task: (training rows, test rows)} for an open-ended task.
CLINIC = {
    "thyroid": {"negative": (4200, 600), "compensated_hypothyroid": (190, 40), "primary_hypothyroid": (60, 12)},
    "skin": {
        "psoriasis": (80, 24), "seborrheic_dermatitis": (43, 15), "lichen_planus": (50, 20),
        "pityriasis_rosea": (34, 12), "chronic_dermatitis": (36, 14), "pityriasis_rubra_pilaris": (14, 5),
    },
    "heart": {"absent": (120, 60), "mild": (40, 20), "moderate": (26, 8), "severe": (9, 0)},
}  # fmt: skip
HOSTILE = {SCRIPT: {FORMULA: (300, 60), PIPE: (40, 30), MARKS: (20, 12)}, "plain": {"no": (90, 40), SCRIPT: (30, 20)}}
ONE_TASK = {"thyroid": CLINIC["thyroid"]}
MANY = {"icd": {f"code_{place:02}": (200 // (place + 1) + 2, 12) for place in range(30)}}
TWENTY = {
    f"task {task:02}": {f"label {label}": (200 // (label + 1) + task, 12) for label in range(2 + task % 9)}
    for task in range(20)
}
OPEN = {"summary": (500, 40)}
MIXED = {"heart": {**CLINIC["heart"], "unheard": (0, 3)}, **OPEN}  # labels without training and without test rows


def write_comparison(
    path: Path,
    tasks=CLINIC,
    *,
    seeds=(0, 1, 2, 3, 4),
    draws=2560,
    recommended="sqrt + calibrated",
    shown="better",
    validated=True,
    metric=None,
) -> Path:
    """Write a comparison of natural sampling, `sqrt`, and two that did not come far."""
    metric = metric or ("exact_match" if tasks == OPEN else "macro_f1")
    directory = ComparisonDirectory(path)
    census = Census.from_counts(
        {t: {k: n for k, (n, _) in v.items()} if isinstance(v, dict) else v[0] for t, v in tasks.items()}
    )
    made = {
        name: Task(name, "classification", tuple(trained(labels)))
        if isinstance(labels, dict)
        else Task(name, "open_ended")
        for name, labels in tasks.items()
    }
    shared = RunConfig(data=DataConfig(source="rows.jsonl"), training=TrainingConfig(batch_size=BATCH))
    asked = {item: getattr(shared, item) for item in shared.__dataclass_fields__}
    config = ComparisonConfig(**asked, compare=CompareConfig(metric=metric, budget="30m"))
    path.mkdir(parents=True, exist_ok=True)
    save_config(config, directory.config)
    schemes = {"natural": (Proportional(), Natural()), "sqrt": (Equal(), Power(0.5))}
    rows = {"train": census.total, "validation": 0, "test": 0}
    runs, folders = [], {name: [] for name in schemes}
    for name, (rates, weights) in schemes.items():
        settings = replace(shared, plan=PlanConfig(rates=rates, weights=weights, draws=draws, allow_repeats=True))
        plan = Plan.build(census, rates, weights, draws=draws)
        for seed in seeds:
            folder = path / "runs" / f"{name}-{draws}-{seed}"
            run = RunDirectory.create(folder)
            run.write_inputs(replace(settings, seed=seed), plan, made, {"rows": rows, "train_sha256": "0" * 64})
            log(run, draws // BATCH, seed, falls=0.4 if name == "natural" else 0.7, validated=validated)
            counts = {}
            for kind, file in (("validation", validation_predictions(run)), ("test", run.predictions)):
                said = predict(tasks, made, name, seed, kind)
                counts[kind] = sum(len(part.targets) for part in said)
                file.parent.mkdir(parents=True, exist_ok=True)
                with write_atomically(file) as temporary:
                    write_predictions(said, temporary)
            rows = {"train": census.total, **counts}
            folders[name].append(run)
            seconds = {"training": 61.5 + seed, "scoring": 4.25}
            runs.append(RunCost(name, seed, draws, str(folder.relative_to(path)), seconds, 41 * draws, 7e8 * draws))
    save_config(replace(settings, out=None), directory.recommended)
    seconds = {"training": 15.0, "scoring": 2.0}
    early = [RunCost(name, seed, 640, f"runs/{name}-640-{seed}", seconds, 41 * 640, 7e8 * 640)
             for name in ("natural", "sqrt", "balanced", "focal") for seed in seeds[:2]]  # fmt: skip
    found = judge(folders, metric)
    baseline = found["natural"][1]
    finalists = {name: finalist_of(*both) for name, both in found.items()}
    versus = {
        name: set_against(baseline, test, finalists, name, metric)
        for name, (_, test) in found.items()
        if name != "natural"
    }
    names = [*schemes, "balanced", "focal"]
    candidates = {
        f"{name}{after}": CandidateInfo(name, correction, f"rates of {name}; {correction}", place + step, {"plan": {}})
        for place, name in enumerate(names)
        for step, (correction, after) in enumerate(CORRECTIONS.items())
    }
    first = {name: (0.31 + place / 50, 0.33 + place / 50)[: len(seeds)] for place, name in enumerate(candidates)}
    last = {name: each.validation[metric] for name, each in finalists.items()}
    stages = (Stage(640, tuple(seeds[:2]), first, tuple(schemes)), Stage(draws, tuple(seeds), last, tuple(schemes)))
    ordered = sorted(finalists, key=lambda name: -(mean_interval(finalists[name].test[metric]).value or 0.0))
    places = {name: 1.3 + place * 0.8 for place, name in enumerate(ordered)}
    ranks = Ranks(places, 1.9, 0.0004, len(seeds) * len(tasks))
    gain = (0.01, -0.02, 0.04) if shown == "nothing-learned" else (0.2, 0.15, 0.25)
    notes = ("The budget ended before stage 2 of 3.",)
    directory.write_result(
        Result(
            metric, "natural", candidates, stages, finalists, versus, ranks, recommended, 0.012, 0.01,
            Learned(recommended, 0.61, 0.4, 0.41, Estimate(*gain)), recommended, shown, (*early, *runs), rows,
            "equipoise compare rows.jsonl --budget 30m", notes,
            versus_natural=versus.get(recommended),
        )
    )  # fmt: skip
    return path


def trained(labels):
    """Training rows; a label without any is none of the task."""
    return {label: rows for label, (rows, _) in labels.items() if rows} if isinstance(labels, dict) else labels[0]


def log(run, steps, seed, falls, validated):
    lines = [{"step": steps // 4 * part, "loss": 2.0 / part, "epoch": part / 4} for part in range(1, 5)]
    if validated:
        lines += [{"step": steps // 4 * part, "eval_loss": 2.4 - falls * part**0.5 + seed / 20} for part in range(1, 5)]
    lines.append({"step": steps, "train_runtime": 10.0})
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))


def predict(tasks, made, name, seed, kind):
    """Predictions that find rare labels the less the more natural the training was."""
    parts = []
    for place, (task, labels) in enumerate(tasks.items()):
        rng = np.random.default_rng([place, kind == "test", 7])  # the rows are the same for all
        luck = np.random.default_rng([place, kind == "test", name == "natural", seed])
        if not isinstance(labels, dict):
            right = [f"no acute finding in case {number}" for number in range(labels[1])]
            said = [text if luck.random() < 0.6 else f"{text} left" for text in right]
            parts.append(TaskPredictions(task, right, said, groups=[f"p{n}" for n in range(len(right))]))
            continue
        order = made[task].labels
        right = [label for label, (_, test) in labels.items() for _ in range(test)]
        true = np.array([order.index(label) if label in order else 0 for label in right])
        shares = np.array([labels[label][0] for label in order], dtype=float)
        prior = np.log(shares / shares.sum()) * (1.0 if name == "natural" else 0.45)
        logits = prior + rng.normal(0, 1.2, (len(true), len(order))) + luck.normal(0, 0.35, (len(true), len(order)))
        logits[np.arange(len(true)), true] += 2.6
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        said = [order[label] for label in logits.argmax(axis=1)]
        patients = [f"p{number // 2}" for number in range(len(true))]
        parts.append(TaskPredictions(task, right, said, order, odds / odds.sum(axis=1, keepdims=True), patients))
    return parts


def judge(folders, metric):
    """Validation and test predictions of each candidate, for each seed."""
    return {
        f"{name}{after}": (
            [cross_fitted_validation(run, correction, metric) for run in runs],
            [corrected(run, correction, metric) for run in runs],
        )
        for name, runs in folders.items()
        for correction, after in CORRECTIONS.items()
    }


def score(seeds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return [evaluate(each, bootstrap=0) for each in seeds]


def finalist_of(validation, test):
    on_validation, on_test = (score(part) for part in (validation, test))
    return Finalist(means(on_validation), means(on_test), {task: of_task(on_test, task) for task in on_test[0].tasks})


def means(scores):
    return {key: tuple(each.mean[key].value for each in scores) for key in scores[0].mean}


def set_against(before, after, finalists, name, metric):
    """One candidate minus the baseline: over seeds, and the first seed's resampled groups around the mean."""
    one, other = score(before), score(after)
    pairs = SignedRank(len(one) * len(before[0]), 0.0012, 0.0061, 0.93)
    gaps = gap(means(one), means(other))
    tasks = {
        task: around(gap(of_task(one, task), of_task(other, task)), {task: before[0][task]}, {task: after[0][task]})
        for task in before[0]
    }
    groups = around(gaps, before[0], after[0])
    error = (groups[metric].high - groups[metric].low) / 4
    evidence = evidence_of(finalists["natural"], finalists[name], metric, 0.01, error, 250, Resampling({}, {}, 100, 0))
    return Versus({key: mean_interval(each) for key, each in gaps.items()}, groups, tasks, pairs, evidence)


def of_task(scores, task):
    return {key: tuple(each.tasks[task].metrics[key].value for each in scores) for key in scores[0].tasks[task].metrics}


def gap(one, other):
    pairs = {key: zip(one[key], other[key], strict=True) for key in one}
    return {key: tuple(None if x is None or y is None else y - x for x, y in each) for key, each in pairs.items()}


def around(gaps, first, second):
    groups = difference_over_seeds([first], [second], bootstrap=100).mean
    return {key: Estimate(mean_interval(gaps[key]).value, each.low, each.high) for key, each in groups.items()}

"""The demonstration: the same model and the same number of draws, sampled naturally and by a plan."""

import time
from collections.abc import Callable
from pathlib import Path

from equipoise.config import RunConfig
from equipoise.errors import RunError
from equipoise.experiment.comparison import Arm, Comparison, compare, learning_curve
from equipoise.experiment.directory import RunDirectory, write_json
from equipoise.experiment.evaluate import evaluate_model
from equipoise.experiment.prepare import load_records, prepare
from equipoise.experiment.sampling import count_draws
from equipoise.experiment.train import encode, train_prepared
from equipoise.integrations.models import load_model


def run_demo(out: Path, natural: RunConfig, planned: RunConfig, say: Callable[[str], None]) -> Comparison:
    """Train twice, evaluate both on the full natural test split, and compare.

    Parameters
    ----------
    out : pathlib.Path
        A new directory; the runs go to ``natural`` and ``planned`` below it.
    natural, planned : RunConfig
        The two arms, on the same data and with the same number of draws; `recipe.demo_config` makes them.
    say : callable
        Told what happens, line by line.

    Returns
    -------
    Comparison
        Both arms and their differences; also written to ``comparison.json``.

    Raises
    ------
    RunError
        If `out` holds something already.
    KeyboardInterrupt
        If a signal ended one of the trainings.
    """
    arms = {"natural": natural, "planned": planned}
    seed = planned.seed
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"`{out}` is not empty, and runs are never overwritten. Choose another --out.")
    records = load_records(natural)
    prepared = {name: prepare(config, records) for name, config in arms.items()}
    base = prepared["natural"]
    _, tokenizer = load_model(base.config.model.name, seed=seed)
    say(f"Tokenising {len(records):,} rows of {len(base.tasks)} tasks")
    train_rows = encode(base.train, base, tokenizer)
    test = records.where(split=base.config.evaluation.split)
    test_rows = encode(test, base, tokenizer)
    finished: list[Arm] = []
    for name, each in prepared.items():
        plan = each.plan
        draws = plan.draws or 0  # `prepare` filled them in
        say(f"Training {name}: {draws:,} draws, rates {plan.rates_text}, weights {plan.weights_text}")
        start = time.perf_counter()
        run = train_prepared(each, out / name, encoded=train_rows)
        seconds = time.perf_counter() - start
        if run.interrupted:
            raise KeyboardInterrupt
        say(f"Evaluating {name} on {len(test):,} test rows")
        model, tokenizer = load_model(str(run.directory.model), seed=seed)
        scores = evaluate_model(
            model, tokenizer, each.config, plan, each.tasks, test, run.directory.path, encoded=test_rows
        ).scores
        curve = learning_curve(run.directory, each.config.training.batch_size)
        drawn = count_draws(each, draws)
        finished.append(Arm(name, scores, plan, drawn, curve, seconds))
    first, second = finished
    comparison = compare(first, second, (RunDirectory(out / "natural"), RunDirectory(out / "planned")))
    write_json(out / "comparison.json", comparison.to_dict())
    return comparison

"""Compare: candidates become runs, runs become scores, scores become a recommendation."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from equipoise.compare.corrections import TAU_METRIC, Costs, corrected, cross_fitted_validation
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.result import BySeed, CandidateInfo, Finalist, Result, Stage
from equipoise.compare.rows import SharedData
from equipoise.compare.runs import Trial, TrialRunner
from equipoise.compare.schedule import StagePlan, schedule_of
from equipoise.compare.selecting import keep, mean_of, prices, ranking
from equipoise.compare.trainings import Training, trainings_of
from equipoise.compare.verdict import against_baseline, ranks_of, recommend, shown, write_recommended
from equipoise.config import NATURAL, ComparisonConfig, Correction, seconds_of
from equipoise.data import Records, give_warnings
from equipoise.errors import ConfigError, DataError
from equipoise.metrics import TaskPredictions
from equipoise.runs.calibration.inputs import read_costs
from equipoise.runs.evaluate import train_counts
from equipoise.runs.prepare import Prepared, load_records, prepare
from equipoise.statistics import metric_replicates, standard_error_of_mean

LEAST_RESAMPLES = 2
LEAST_SEEDS = 2  # that a budget leaves: without two there is no interval


def compare(
    config: ComparisonConfig,
    out: Path,
    *,
    command: str,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Find out which candidate is worth its trouble.

    All trainings are run a little, the better ones more, the finalists in full, with the same seeds and the same
    splits. Every choice is made on validation rows; test rows are looked at once, when nothing is left to choose.
    Several processes may work on one directory at once: each run is made by one of them.

    Parameters
    ----------
    config : ComparisonConfig
        The runs and the candidates.
    out : pathlib.Path
        A new directory, or that of the same comparison, which then goes on.
    command : str
        What makes it again, for the record.
    log : callable
        Told what happens, line by line.
    sleep : callable
        Waits some seconds while other processes train what is missing.

    Returns
    -------
    Result
        Also written to ``comparison.json``, with the recommended training as ``recommended.yaml``.

    Raises
    ------
    EquipoiseError
        If data or configuration cannot be used, or `out` holds something else.
    KeyboardInterrupt
        If a signal ended a training; the same comparison goes on from its checkpoint.
    """
    records = _usable(load_records(config.run))
    base = prepare(config.run, records)
    give_warnings(base.problems)
    costs = {} if config.compare.costs is None else read_costs(Path(config.compare.costs), base.tasks)
    _refuse_metric(config, base)
    directory = ComparisonDirectory.join(out, config)
    trainings, left_out = trainings_of(config, base)
    rows = SharedData(base)
    schedule = schedule_of(directory, config, trainings, rows, log)
    work = Comparison(config, TrialRunner(directory, config, rows, costs, log, sleep), trainings, costs, left_out)
    held: Sequence[str] = list(trainings)
    stages: list[Stage] = []
    *earlier, final = schedule.stages
    for plan in earlier:
        stages.append(work.stage(held, plan))
        held = stages[-1].kept
    if earlier:
        log(f"Finalists: {', '.join(held)}")
    seeds = work.finals(held, final)
    stages.append(work.judged(held, final, seeds))
    result = work.result(stages, base, command)
    write_recommended(directory, trainings[result.candidates[result.recommended].training], result, config)
    directory.write_result(result)
    return result


class Comparison:
    """The steps of one comparison."""

    def __init__(
        self,
        config: ComparisonConfig,
        runs: TrialRunner,
        trainings: Mapping[str, Training],
        costs: Costs,
        notes: Sequence[str],
    ) -> None:
        self.config = config
        self.metric = config.compare.metric
        self.runs = runs
        self.trainings = trainings
        self.costs = costs
        self.notes = list(notes)
        self.prices: dict[str, float] = {}
        self.candidates: dict[str, CandidateInfo] = {
            name: info for training in trainings.values() for name, info in training.candidates(_useful(config)).items()
        }

    def stage(self, held: Sequence[str], plan: StagePlan) -> Stage:
        """Train a stage and choose who goes on."""
        runs = [Trial(self.trainings[name], seed, plan.draws) for seed in plan.seeds for name in held]
        self.runs.train(runs)
        judged = self.judged(held, plan, plan.seeds)
        self.prices = self.prices or prices(map(self.runs.cost, runs))
        error = self._standard_error(self._best(judged), judged)
        ranked = ranking(judged.scores, self._of(held), self.metric, error, self.prices)
        kept = keep(ranked, plan.keep, self.prices)
        behind = [f"{name} ({self.prices[name]:.1f})" for name in ranked[: plan.keep] if name not in kept]
        if behind:
            self.notes.append(
                f"after {plan.draws:,} draws there was no place for {', '.join(behind)}, though among the best"
                f" {plan.keep}: a stage is paid for by the mean price of all trainings, and these (in brackets, as its"
                " multiple) or better ones cost more. To see them in full, raise `compare.finalists`, or name them"
                " under `compare.candidates` with fewer others"
            )
        return Stage(judged.draws, judged.seeds, judged.scores, kept)

    def finals(self, held: Sequence[str], plan: StagePlan) -> tuple[int, ...]:
        """Train the finalists, seed by seed if time is short; return the seeds that all have."""
        everything = [[Trial(self.trainings[name], seed, plan.draws) for name in held] for seed in plan.seeds]
        if self.config.compare.budget is None:
            self.runs.train(run for of_seed in everything for run in of_seed)
            return plan.seeds
        budget = seconds_of(self.config.compare.budget)
        for number, of_seed in enumerate(everything):
            spent = self.runs.seconds()
            one_more = 0.0 if number == 0 else sum(sum(self.runs.cost(run).seconds.values()) for run in everything[0])
            if number >= LEAST_SEEDS and spent + one_more > budget and not all(map(self.runs.trained, of_seed)):
                self.notes.append(
                    f"the budget of {self.config.compare.budget} was used up after {number} of {len(everything)} seeds"
                )
                return plan.seeds[:number]
            self.runs.train(of_seed)
        return plan.seeds

    def judged(self, held: Sequence[str], plan: StagePlan, seeds: Sequence[int]) -> Stage:
        """The metric of each candidate on validation rows."""
        scores = {
            name: tuple(self._validation(name, seed, plan.draws).get(self.metric) for seed in seeds)
            for name in self._of(held)
        }
        return Stage(plan.draws, tuple(seeds), scores, tuple(held))

    def result(self, stages: Sequence[Stage], base: Prepared, command: str) -> Result:
        """Look at the test rows, once, and say what they show."""
        last = stages[-1]
        self.runs.test(self._run(name, seed, last.draws) for seed in last.seeds for name in last.kept)
        finalists = {name: self._finalist(name, last) for name in last.scores}
        evaluation = self.config.evaluation
        versus = against_baseline(
            finalists,
            lambda name: [self._test(name, seed, last.draws) for seed in last.seeds],
            self.metric,
            train_counts=train_counts(base.plan),
            costs=self.costs,
            bootstrap=evaluation.bootstrap,
            seed=self.config.seed,
        )
        best = self._best(last)
        error = self._standard_error(best, last)
        recommended = recommend(last.scores, self.candidates, self.metric, error)
        return Result(
            metric=self.metric,
            baseline=NATURAL,
            candidates=self.candidates,
            stages=tuple(stages),
            finalists=finalists,
            versus=versus,
            ranks=ranks_of(finalists, self.metric),
            best=best,
            standard_error=error,
            recommended=recommended,
            shown=shown(versus.get(recommended), self.metric),
            runs=tuple(self.runs.cost(run) for run in self._all(stages)),
            rows=base.describe_data()["rows"],
            command=command,
            notes=tuple(self.notes),
        )

    def _best(self, stage: Stage) -> str:
        return max(stage.scores, key=lambda name: mean_of(stage.scores[name], self.metric))

    def _of(self, held: Sequence[str]) -> dict[str, CandidateInfo]:
        return {name: info for name, info in self.candidates.items() if info.training in held}

    def _run(self, training: str, seed: int, draws: int) -> Trial:
        return Trial(self.trainings[training], seed, draws)

    def _all(self, stages: Sequence[Stage]) -> list[Trial]:
        runs = dict.fromkeys(
            (self.candidates[name].training, seed, stage.draws)
            for stage in stages
            for seed in stage.seeds
            for name in stage.scores
        )
        return [self._run(*run) for run in runs]

    def _validation(self, candidate: str, seed: int, draws: int) -> Mapping[str, float | None]:
        info = self.candidates[candidate]
        return self.runs.validation(self._run(info.training, seed, draws))[info.correction]

    def _test(self, candidate: str, seed: int, draws: int) -> dict[str, TaskPredictions]:
        info = self.candidates[candidate]
        return corrected(
            self.runs.folder(self._run(info.training, seed, draws)), info.correction, self.metric, self.costs
        )

    def _finalist(self, candidate: str, last: Stage) -> Finalist:
        info = self.candidates[candidate]
        validation = [self._validation(candidate, seed, last.draws) for seed in last.seeds]
        tested = [self.runs.tested(self._run(info.training, seed, last.draws))[info.correction] for seed in last.seeds]
        tasks = {task: _by_seed([of_tasks[task] for _, of_tasks in tested]) for task in tested[0][1]}
        return Finalist(_by_seed(validation), _by_seed([means for means, _ in tested]), tasks)

    def _standard_error(self, best: str, last: Stage) -> float:
        """Of the best candidate's mean on validation rows: the luck of trainings and of who is in these rows."""
        info = self.candidates[best]
        predictions = [
            cross_fitted_validation(
                self.runs.folder(self._run(info.training, seed, last.draws)),
                info.correction,
                self.metric,
                self.costs,
            )
            for seed in last.seeds
        ]
        replicates = metric_replicates(
            predictions, self.metric, self.config.evaluation.bootstrap, self.config.seed, costs=self.costs
        )
        values = [value for value in last.scores[best] if value is not None]
        return standard_error_of_mean(values, replicates)


def _by_seed(means: Sequence[Mapping[str, float | None]]) -> dict[str, BySeed]:
    names = dict.fromkeys(name for of_seed in means for name in of_seed)
    return {name: tuple(of_seed.get(name) for of_seed in means) for name in names}


def _useful(config: ComparisonConfig) -> tuple[Correction, ...]:
    """The corrections, but tau where it decides nothing that the metric counts."""
    return tuple(each for each in config.compare.corrections if each != "tau" or config.compare.metric in TAU_METRIC)


def _usable(records: Records) -> Records:
    """Rows of tasks with training rows; there must be validation and test rows among them."""
    records = records.where(task=records.where(split="train").tasks)
    for split in ("validation", "test"):
        if not len(records.where(split=split)):
            raise DataError(
                f"A comparison chooses on validation rows and judges on test rows, found no {split} rows. Give the data"
                " a `split` column with all three, or none, and `data.split` deals the rows."
            )
    return records


def _refuse_metric(config: ComparisonConfig, base: Prepared) -> None:
    of_texts = config.compare.metric in {"exact_match", "rouge_l", "bleu"}
    if config.evaluation.bootstrap < LEAST_RESAMPLES:
        raise ConfigError(
            f"`evaluation.bootstrap` must be at least {LEAST_RESAMPLES} for a comparison, found"
            f" {config.evaluation.bootstrap}: standard errors decide. Leave it out for 1000."
        )
    wanted = "open" if of_texts else "classification"
    if all(task.kind != wanted for task in base.tasks.values()):
        what = "texts, and all tasks here have labels" if of_texts else "labels, and no task here has any"
        raise ConfigError(f"`compare.metric` {config.compare.metric} is of {what}. Choose another.")

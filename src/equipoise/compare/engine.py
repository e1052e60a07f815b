"""Run a comparison: candidates become runs, runs become scores, scores become a recommendation."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from equipoise.base.problems import of_level
from equipoise.calibration import DECISIONS
from equipoise.compare.corrections import corrected, cross_fitted_validation
from equipoise.compare.directory import ComparisonDirectory
from equipoise.compare.evidence import Resampling, rope_of
from equipoise.compare.findings import Versus
from equipoise.compare.learned import learned
from equipoise.compare.refusals import check_metric, refuse_metric, usable
from equipoise.compare.result import BySeed, CandidateInfo, Finalist, Result, RunCost, Stage, joined_by_seed
from equipoise.compare.rows import SharedData, leaked_rows, proxy_notes, sample_notes
from equipoise.compare.runs import Tested, Trained, Trial, TrialRunner
from equipoise.compare.schedule import StagePlan, draws_of, schedule_of
from equipoise.compare.selecting import best_natural, keep, mean_of, prices, ranking
from equipoise.compare.tracking import begin_tracking, track_result
from equipoise.compare.trainings import Training, trainings_of
from equipoise.compare.verdict import against_baseline, ranks_of, recommend, shown, write_recommended
from equipoise.config import NATURAL, ComparisonConfig, seconds_of
from equipoise.data import give_warnings
from equipoise.drawing import Shard
from equipoise.errors import ConfigError
from equipoise.metrics import METRICS, TaskPredictions
from equipoise.runs.calibration.inputs import read_costs
from equipoise.runs.directory import RunDirectory
from equipoise.runs.evaluate import train_counts
from equipoise.runs.prepare import Prepared, prepare
from equipoise.runs.rows import load_records
from equipoise.statistics import metric_replicates, standard_error_of_mean

LEAST_SEEDS = 2  # that a budget leaves: an interval needs two


def compare(
    config: ComparisonConfig, out: Path, *, command: str, log: Callable[[str], None], cache: Path | None = None
) -> Result:
    """Compare candidates and recommend one.

    The trainings are tried by successive halving and the finalists trained in full, with the same seeds and splits.
    Every choice is made on validation rows; test rows are scored once, when nothing is left to choose. Several
    processes may work on one directory at once: each run is made by one of them.

    Parameters
    ----------
    config : ComparisonConfig
        The runs and the candidates.
    out : pathlib.Path
        Output directory; an unfinished comparison in it is resumed.
    command : str
        The command that makes the comparison, for the record.
    log : callable
        Receives progress messages, line by line.
    cache : pathlib.Path, optional
        The directory for rows on disk, as in `read_records`; without it they are in memory.

    Returns
    -------
    Result
        Also written to ``comparison.json``, with the recommended training as ``recommended.yaml``.

    Raises
    ------
    EquipoiseError
        If the data or the configuration cannot be used, or `out` holds something else.
    KeyboardInterrupt
        If a signal ended a training; the same comparison resumes from its checkpoint.
    """
    if (ranks := Shard.from_environment(os.environ).world_size) > 1:
        raise ConfigError(
            "several-ranks",
            f"A comparison cannot be launched on several ranks, found WORLD_SIZE={ranks}: each of its trainings is one "
            "process. Start the same command several times instead; the processes share the trainings.",
        )
    check_metric(config)
    records = usable(load_records(config.run, cache))
    base = prepare(config.run, records)
    if any(trial.feedback is not None for trial in config.trials.values()):
        base = base.with_feedback()  # all candidates are chosen on the same rows, which no plan was decided on
    give_warnings(base.problems)
    for note in of_level(base.problems, "note"):
        log(f"Note: {note.message}")
    costs = {} if config.compare.costs is None else read_costs(Path(config.compare.costs), base.tasks)
    refuse_metric(config, base)
    draws_of(config, len(base.train))
    trainings, left_out = trainings_of(config, base)
    data = SharedData(base)
    data.encoded("train")  # refuses what the tokenizer cannot handle before anything is written
    if config.evaluation.rows is not None:  # and samples that are too small
        for split in ("validation", "test"):
            data.sampled(split, config.evaluation.rows)
    directory = ComparisonDirectory.join(out, config)
    begin_tracking(directory, config)
    schedule = schedule_of(directory, config, trainings, data, log)
    log(schedule.described(len(trainings), min(2, sum(each.natural for each in trainings.values()))))
    rows = {plan.draws: plan.rows for plan in schedule.stages}
    comparison = Comparison(TrialRunner(directory, config, data, costs, log), trainings, rows, left_out)
    kept: Sequence[str] = list(trainings)
    stages: list[Stage] = []
    *earlier, final = schedule.stages
    for plan in earlier:
        stages.append(comparison.stage(kept, plan))
        kept = stages[-1].kept
    if earlier:
        log(f"Finalists: {', '.join(kept)}")
    seeds = comparison.finals(kept, final)
    stages.append(comparison.scored(kept, final, seeds))
    result = comparison.result(stages, base, command)
    write_recommended(directory, trainings[result.candidates[result.recommended].training], result, config)
    track_result(directory, result)
    directory.write_result(result)
    return result


class Comparison:
    """The steps of one comparison; `rows` are those of the schedule, by the draws of a stage."""

    def __init__(
        self,
        runner: TrialRunner,
        trainings: Mapping[str, Training],
        rows: Mapping[int, int | None],
        notes: Sequence[str],
    ) -> None:
        self.runner = runner
        self.config, self.costs = runner.config, runner.costs
        self.metric = self.config.compare.metric
        self.trainings, self.rows, self.draws = trainings, rows, max(rows)
        self.notes = list(notes)
        self.prices: dict[str, float] = {}
        # Tau and thresholds do nothing where they cannot change the metric.
        wanted = self.config.compare.corrections
        corrections = tuple(each for each in wanted if each not in DECISIONS or METRICS[self.metric].chooses_tau)
        self.candidates: dict[str, CandidateInfo] = {}
        for training in trainings.values():
            self.candidates |= training.candidates(corrections)

    def stage(self, names: Sequence[str], plan: StagePlan) -> Stage:
        """Train the trainings of a stage and choose those of the next."""
        trials = self._trials(names, plan.draws, plan.seeds)
        self.runner.train(trials)
        scored = self.scored(names, plan, plan.seeds)
        self.prices = self.prices or prices(map(self.runner.cost, trials))
        error = self._standard_error(self._best(scored), scored)
        ranked = ranking(scored.scores, self._candidates_of(names), self.metric, error, self.prices)
        kept = keep(ranked, plan.keep, self.prices)
        kept = tuple(dict.fromkeys((*kept, self.candidates[self._best_natural(scored)].training)))
        dropped = [f"{name} ({self.prices[name]:.1f})" for name in ranked[: plan.keep] if name not in kept]
        if dropped:
            self.notes.append(
                f"after {plan.draws:,} draws {', '.join(dropped)} had to be dropped although among the best"
                f" {plan.keep}: a stage may cost as much as that many trainings of mean price, and these (price in"
                " brackets, as a multiple of the mean) or better ones cost more. To train them in full, raise"
                " `compare.finalists`, or name them under `compare.candidates` with fewer others"
            )
        return replace(scored, kept=kept)

    def finals(self, names: Sequence[str], plan: StagePlan) -> tuple[int, ...]:
        """Train the finalists, seed by seed under a budget; return the seeds that all of them have."""
        by_seed = [self._trials(names, plan.draws, [seed]) for seed in plan.seeds]
        if self.config.compare.budget is None:
            self.runner.train(trial for trials in by_seed for trial in trials)
            return plan.seeds
        budget = seconds_of(self.config.compare.budget)
        for number, trials in enumerate(by_seed):
            if number >= LEAST_SEEDS and not all(map(self.runner.trained, trials)):
                one_more = sum(sum(self.runner.cost(trial).seconds.values()) for trial in by_seed[0])
                if self.runner.seconds() + one_more > budget:
                    self.notes.append(
                        f"the budget of {self.config.compare.budget} was used up after {number} of {len(by_seed)} seeds"
                    )
                    return plan.seeds[:number]
            self.runner.train(trials)
        return plan.seeds

    def scored(self, names: Sequence[str], plan: StagePlan, seeds: Sequence[int]) -> Stage:
        """Return the metric of each candidate on validation rows."""
        rows = plan.rows or self.config.evaluation.rows
        sampled = rows if rows and rows < len(self.runner.data.of("validation")) else None
        stage = Stage(plan.draws, tuple(seeds), {}, tuple(names), sampled)
        scores: dict[str, BySeed] = {}
        for name in self._candidates_of(names):
            folders, correction = self._folders_of(name, stage)
            scores[name] = tuple(Trained.read(run).scores[correction].get(self.metric) for run in folders)
        return replace(stage, scores=scores)

    def result(self, stages: Sequence[Stage], base: Prepared, command: str) -> Result:
        """Score the test rows, once, and return the result."""
        last = stages[-1]
        self.runner.test(self._trials(last.kept, last.draws, last.seeds))
        finalists = {name: self._finalist(name, last) for name in last.scores}
        rope = rope_of(self.metric, self.config.compare.rope)
        evaluation = self.config.evaluation
        resampling = Resampling(
            train_counts(base.plan), self.costs, evaluation.bootstrap, self.config.seed, evaluation.alarm_rate
        )

        def against(names: Iterable[str], baseline: str) -> dict[str, Versus]:
            chosen = {name: finalists[name] for name in names}
            return against_baseline(
                chosen, lambda name: self._predictions(name, last), self.metric, rope, resampling, baseline
            )

        versus, natural = against(finalists, NATURAL), self._best_natural(last)
        ranked = sorted(last.scores, key=lambda name: -mean_of(last.scores[name], self.metric))
        found = learned(ranked, lambda name: self._validated(name, last), self.metric, resampling)
        best = ranked[0]
        error = self._standard_error(best, last)
        recommended = recommend(last.scores, self.candidates, self.metric, error)
        above = versus if natural == NATURAL else against(dict.fromkeys((natural, recommended)), natural)
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
            rope=rope,
            learned=found,
            recommended=recommended,
            shown=shown(versus.get(recommended), found, self.metric),
            runs=self._costs(stages),
            rows=base.data["rows"],
            command=command,
            notes=(
                *self.notes,
                *sample_notes(stages, base.data["rows"], self.config.evaluation.rows),
                *proxy_notes(stages, base.plan),
            ),
            best_natural=natural,
            versus_natural=above.get(recommended),
            problems=base.problems,
            trained_on=leaked_rows(base),
        )

    def _best(self, stage: Stage) -> str:
        return max(stage.scores, key=lambda name: mean_of(stage.scores[name], self.metric))

    def _best_natural(self, stage: Stage) -> str:
        natural = [name for name, training in self.trainings.items() if training.natural]
        return best_natural(stage.scores, self.candidates, self.metric, natural)

    def _candidates_of(self, names: Sequence[str]) -> dict[str, CandidateInfo]:
        return {name: info for name, info in self.candidates.items() if info.training in names}

    def _trials(self, names: Sequence[str], draws: int, seeds: Sequence[int]) -> list[Trial]:
        proxy_of = self.draws if draws < self.draws else None
        return [
            Trial(self.trainings[name], seed, draws, self.rows[draws], proxy_of) for seed in seeds for name in names
        ]

    def _folders_of(self, candidate: str, stage: Stage) -> tuple[list[RunDirectory], str]:
        """Return the runs of a candidate in a stage, one for each seed, and its correction."""
        info = self.candidates[candidate]
        trials = self._trials([info.training], stage.draws, stage.seeds)
        return [self.runner.folder(trial) for trial in trials], info.correction

    def _costs(self, stages: Sequence[Stage]) -> tuple[RunCost, ...]:
        keys = dict.fromkeys(
            (self.candidates[name].training, seed, stage.draws)
            for stage in stages
            for seed in stage.seeds
            for name in stage.scores
        )
        return tuple(self.runner.cost(*self._trials([name], draws, [seed])) for name, seed, draws in keys)

    def _predictions(self, candidate: str, last: Stage) -> list[dict[str, TaskPredictions]]:
        folders, correction = self._folders_of(candidate, last)
        return [corrected(run, correction, self.metric, self.costs) for run in folders]

    def _validated(self, candidate: str, stage: Stage) -> list[dict[str, TaskPredictions]]:
        folders, correction = self._folders_of(candidate, stage)
        return [cross_fitted_validation(run, correction, self.metric, self.costs) for run in folders]

    def _finalist(self, candidate: str, last: Stage) -> Finalist:
        folders, correction = self._folders_of(candidate, last)
        validation = [Trained.read(run).scores[correction] for run in folders]
        tested = [Tested.read(run).scores[correction] for run in folders]
        tasks = {task: joined_by_seed([of_tasks[task] for _, of_tasks in tested]) for task in tested[0][1]}
        return Finalist(joined_by_seed(validation), joined_by_seed([means for means, _ in tested]), tasks)

    def _standard_error(self, best: str, last: Stage) -> float:
        """Return the standard error of the best mean: variance between seeds and of the validation rows."""
        replicates = metric_replicates(
            self._validated(best, last),
            self.metric,
            self.config.evaluation.bootstrap,
            self.config.seed,
            costs=self.costs,
        )
        values = [value for value in last.scores[best] if value is not None]
        return standard_error_of_mean(values, replicates)

"""The table of methods."""

from collections.abc import Mapping, Sequence

from equipoise.compare.demo_size import DRAWS
from equipoise.metrics import METRICS
from equipoise.statistics import mean_interval

from .method_runs import Job
from .methods import SOURCES, TITLES

READING = """## Conclusions from the methods above

Give the tasks equal or nearly equal rates first: on ICD-10-CM that alone is most of what any method gains, and on
multi-diagnosis no method does well without rare labels being drawn. Then draw labels by square-root or log weights.
On multi-diagnosis that is worth some 0.2 of macro-F1 over equal tasks alone, on ICD-10-CM 0.02 to 0.03, which three
seeds do not tell from zero for every scheme. Balanced sampling finds the most rare labels (recall of the worst
label) and pays with false alarms: take it where a miss costs more than an alarm. The same shares as weights in the
loss did much less than drawing by them in a training this short: a rare label then moves the model seldom and hard
instead of often and gently. Losses over labels were as good as drawing on ICD-10-CM and well behind it on multi-
diagnosis, at more cost a step. Focal loss helped little. If nothing can be trained again, tau on natural sampling is
free and gets part of the way. Where probabilities are used, calibrate: rebalanced and calibrated models had lower
log-losses than natural sampling, calibrated or not. Do not expect tau to add much on top of a good sampler: chosen
for macro-F1, it trades recall away. These are small models trained from scratch for a short time, on
two data sets. With four and sixteen times the draws natural sampling does not catch up (the learning curves below); a
pretrained model, and linear models, are measured below too. Measure on your own data: `equipoise compare`."""

Found = Mapping[Job, Mapping[str, Mapping[str, float]]]
COLUMNS = {
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "worst_recall": "worst label's recall",
    "ece": "calibration error",
    "log_loss": "log-loss",
}
CORRECTIONS = {
    "plain": "as trained",
    "probabilities": "calibrated: temperature and natural shares",
    "tau": "calibrated, with the tau that maximises macro-F1 on validation rows",
}


def section(
    source: str,
    found: Found,
    seeds: int,
    *,
    what: str = "Methods",
    titles: Mapping[str, str] = TITLES,
    draws: int = DRAWS,
    corrections: Sequence[str] = tuple(CORRECTIONS),
) -> str:
    """Text of one data set: a table as trained, one calibrated, one with tau."""
    lines = [f"## {what} on {SOURCES[source].title}, {draws:,} draws each", ""]
    lines.append(
        f"Tiny T5 from scratch, the demo's recipe; mean over the tasks on the full natural test split; {seeds} seeds:"
        " mean and 95 % t-interval. The last column is paired by seed."
    )
    for correction in corrections:
        title = CORRECTIONS[correction]
        heads = [*COLUMNS.values(), "macro-F1 minus natural sampling as trained"]
        lines += [
            "",
            f"### {title[0].upper()}{title[1:]}",
            "",
            f"| | {' | '.join(heads)} |",
            "|---" * (len(heads) + 1) + "|",
        ]
        for name, method in titles.items():

            def by_seed(metric: str, of: str = name, correction: str = correction) -> list[float]:
                return [found[Job(source, of, seed, draws)][correction][metric] for seed in range(seeds)]

            natural = by_seed("macro_f1", "natural", "plain")
            gains = [value - base for value, base in zip(by_seed("macro_f1"), natural, strict=True)]
            cells = [
                *(mean_interval(by_seed(metric), limits=METRICS[metric].limits) for metric in COLUMNS),
                mean_interval(gains) if any(gains) else "",
            ]
            lines.append(f"| {method} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)

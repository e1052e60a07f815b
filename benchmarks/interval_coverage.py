"""How often 95 % intervals cover the truth: of labels with few test rows, of means over labels, of differences."""

import argparse

import numpy as np
from scipy.stats import norm

from comparisons.coverage import METRICS, Count, Labels, of_differences, of_means, of_ranking, of_recall
from comparisons.summary import table
from equipoise.metrics.curves import CURVES
from results import record

ROWS = (3, 6, 10, 30, 100)
RECALLS = (0.1, 0.5, 0.9, 1.0)
GROUPS = ((1, 0.0), (3, 0.5))
GRADED = (0.95, 0.9, 0.8, 0.6, 0.4, 0.2)
RANGE = (300, 100, 30, 10, 6, 3)
TASKS = {
    "300 and 3 rows, recall .95 and .1": ((300, 3), (0.95, 0.1)),
    "300 and 3 rows, recall .95 and .5": ((300, 3), (0.95, 0.5)),
    "300 and 3 rows, recall .95 and .9": ((300, 3), (0.95, 0.9)),
    "300 and 3 rows, recall 1 and 0": ((300, 3), (1.0, 0.0)),
    "3 and 3 rows, recall .5": ((3, 3), (0.5, 0.5)),
    "3 to 300 rows, 6 labels, recall .9": (RANGE, (0.9,) * 6),
    "3 to 300 rows, 6 labels, recall .5": (RANGE, (0.5,) * 6),
    "3 to 300 rows, 6 labels, recall .2 to .95": (RANGE, GRADED),
    "10 labels of 6 rows, recall .9": ((6,) * 10, (0.9,) * 10),
    "20 labels of 3 rows, recall .1": ((3,) * 20, (0.1,) * 20),
    "20 labels of 3 rows, recall .5": ((3,) * 20, (0.5,) * 20),
    "20 labels of 3 rows, recall .9": ((3,) * 20, (0.9,) * 20),
    "200 rows, and 20 labels of 3, recall .95 and .7": ((200, *(3,) * 20), (0.95, *(0.7,) * 20)),
    "30 labels of 30 rows, recall .7": ((30,) * 30, (0.7,) * 30),
}
PAIRS = {
    "300 and 3 rows: recall .9 and .5, both": ((300, 3), (0.9, 0.5), (0.9, 0.5)),
    "300 and 3 rows: recall 1 and 0; .95 and .9": ((300, 3), (1.0, 0.0), (0.95, 0.9)),
    "3 to 300 rows, 6 labels: recall .9, both": (RANGE, (0.9,) * 6, (0.9,) * 6),
    "3 to 300 rows, 6 labels: recall .5; .7": (RANGE, (0.5,) * 6, (0.7,) * 6),
    "20 labels of 3 rows: recall .9, both": ((3,) * 20, (0.9,) * 20, (0.9,) * 20),
    "20 labels of 3 rows: recall .5; .8": ((3,) * 20, (0.5,) * 20, (0.8,) * 20),
}
AUROCS = (0.7, 0.9, 0.98)
RANKED = {
    **{f"300 and {rows} rows, AUROC {auroc}": ((300, rows), norm.ppf(auroc)) for rows in ROWS for auroc in AUROCS},
    **{f"3 to 300 rows, 6 labels, distance {distance}": (RANGE, distance) for distance in (0.5, 1.5, 3)},
    **{f"20 labels of 3 rows, distance {distance}": ((3,) * 20, distance) for distance in (0.5, 1.5, 3)},
    **{f"10 labels of 30 rows, distance {distance}": ((30,) * 10, distance) for distance in (0.5, 1.5, 3)},
}
PACKAGES = ["equipoise", "numpy", "scipy"]
TITLES = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "worst_recall": "lowest recall"}


def shown(new: Count, old: Count) -> str:
    return f"{new.covered:.1%} ({old.covered:.1%})"


def recalls(times: int) -> list[str]:
    lines: list[str] = []
    for size, correlation in GROUPS:
        cells: list[list[str]] = []
        covered: list[float] = []
        for rows in ROWS:
            found = [
                of_recall(rows, recall, size, correlation, times, seed=rows * 100 + place)
                for place, recall in enumerate(RECALLS)
            ]
            cells.append([str(rows), *(shown(each["wilson"], each["percentile"]) for each in found)])
            covered += [each["wilson"].covered for each in found]
            print(cells[-1], flush=True)
        kind = "Every row its own group" if size == 1 else f"Groups of {size} rows, correlation {correlation}"
        lines.append(
            f"{kind}: mean over the cells {np.mean(covered):.1%}, without recall 1"
            f" {np.mean(np.reshape(covered, (len(ROWS), -1))[:, :-1]):.1%}, least {min(covered):.1%}.\n\n"
            + table(["rows of the label", *(f"recall {each:g}" for each in RECALLS)], cells)
        )
    return lines


def means(times: int) -> str:
    cells: list[list[str]] = []
    for place, (name, (rows, recall)) in enumerate(TASKS.items()):
        for size, correlation in GROUPS:
            found = of_means(Labels(rows, recall, size, correlation), times, seed=place)
            groups = "1 row" if size == 1 else f"{size} rows"
            cells.append([name, groups, *(shown(found[key, "now"], found[key, "percentile"]) for key in METRICS)])
            print(cells[-1], flush=True)
    return table(["labels", "groups of", *TITLES.values()], cells)


def differences(times: int) -> str:
    cells: list[list[str]] = []
    for place, (name, (rows, one, other)) in enumerate(PAIRS.items()):
        found = of_differences(Labels(rows, one), Labels(rows, other), times, seed=place)
        cells.append([name, *(shown(found[key, "now"], found[key, "percentile"]) for key in METRICS)])
        print(cells[-1], flush=True)
    return table(["labels: first candidate; second", *TITLES.values()], cells)


def rankings(times: int) -> str:
    cells: list[list[str]] = []
    for place, (name, (rows, distance)) in enumerate(RANKED.items()):
        found = of_ranking(rows, float(distance), times, seed=place)
        cells.append([name, *(f"{found[key, of].covered:.1%}" for of in ("label", "mean") for key in CURVES)])
        print(cells[-1], flush=True)
    heads = [
        f"{title}{of}" for of in ("", ", mean") for title in ("AUROC", "average precision", "recall at 5 % alarms")
    ]
    return table(["labels", *heads], cells)


def of_decisions(times: int) -> str:
    labels = "\n\n".join(recalls(4 * times))
    return f"""## How often 95 % intervals cover the truth

Test sets drawn from a known population, {4 * times:,} for each cell of recall and {times:,} for each of the others; in
brackets the same of plain percentile intervals, of groups drawn with replacement, in which labels vanish. One standard
error of a share near 95 % is {np.sqrt(0.95 * 0.05 / (4 * times)):.1%} and {np.sqrt(0.95 * 0.05 / times):.1%}.

Recall of one label. With few rows a recall has few values, so the coverage of a cell is one of few numbers, whatever
the interval; a recall of 1 is always covered by an interval that holds the observed one.

{labels}

Means over labels of one task, and its lowest recall, whose interval is for all labels at once and so is wide: it is not
meant to cover exactly 95 %. All rows of a group have one label; correlation {GROUPS[1][1]} in groups of {GROUPS[1][0]}.

{means(times)}

Differences of two candidates that are right in the same rows more often than by chance.

{differences(times)}"""


def of_rankings(times: int) -> str:
    return f"""## How often 95 % intervals of rankings cover the truth

Normal scores, {times:,} test sets for each line; one standard error of a share near 95 % is
{np.sqrt(0.95 * 0.05 / times):.1%}. First of the label with the fewest rows, then of the mean over the labels.

{rankings(times)}

The AUROC of a few rows has no bias, the others do, which no interval of theirs mends. The average precision of a few
rows is too high on average. Where a label has fewer than 20 other rows, as in the mean of 300 and 3 rows, the recall at
5 % false alarms is in truth that at no false alarm."""


TEXTS = {"coverage": of_decisions, "coverage of rankings": of_rankings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=250, help="test sets of each cell; four times as many of a label")
    parser.add_argument("--parts", nargs="+", choices=TEXTS, default=list(TEXTS))
    options = parser.parse_args()
    for part in options.parts:
        record(part, "python benchmarks/interval_coverage.py", PACKAGES, TEXTS[part](options.times))


if __name__ == "__main__":
    main()

"""`equipoise inspect`: count the data."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from equipoise.base.tables import Table, print_table
from equipoise.census import Census
from equipoise.cli._app import print_json
from equipoise.cli._options import Json, Overrides, Source, read_config
from equipoise.data import check_records, infer_tasks
from equipoise.errors import ConfigError
from equipoise.runs.prepare import census_of, load_records, task_options

Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a bar chart of the counts to this .png or .svg file."),
]
EXAMPLES = (
    "equipoise inspect suite:multi-diagnosis",
    "equipoise inspect rows.csv --set data.columns.input=text --plot census.svg",
)


def inspect(source: Source, plot: Plot = None, set_: Overrides = None, as_json: Json = False) -> None:
    """Count tasks and labels, and check the data.

    Counts are of the training rows. Data that cannot be used, such as a group in two splits, is an error.
    """
    if plot is not None and plot.suffix not in {".png", ".svg"}:
        raise ConfigError("unknown-format", f"`--plot` must name a .png or .svg file, found {plot.name!r}.")
    config = read_config(source, {}, set_)
    records = load_records(config)
    train = records.where(split="train")
    tasks = infer_tasks(train, task_options(config))
    census = census_of(train, tasks)
    problems = check_records(records, tasks)
    splits = {name: len(records.where(split=name)) for name in ("train", "validation", "test")}
    if plot is not None:
        _draw(census, plot)
    if as_json:
        print_json(
            {
                "rows": splits,
                "tasks": _summaries(census),
                "census": census.to_dict(),
                "problems": [problem._asdict() for problem in problems],
            }
        )
    else:
        _print(census, splits)
        for problem in problems:
            typer.echo(str(problem))
        if plot is not None:
            typer.echo(f"Wrote {plot}.")


def _summaries(census: Census) -> list[dict[str, Any]]:
    summaries: list[dict[str, Any]] = []
    for task in census.tasks:
        counts = [count for count in census.counts[census.span(task)].tolist() if count]
        labels = census.labels(task)
        summaries.append(
            {
                "task": task,
                "rows": sum(counts),
                "share": sum(counts) / census.total,
                "labels": len(labels) or None,
                "imbalance": max(counts) / min(counts) if labels and counts else None,
                "smallest": min(counts, default=0) if labels else None,
            }
        )
    return summaries


def _print(census: Census, splits: dict[str, int]) -> None:
    rows = ", ".join(f"{name} {count:,}" for name, count in splits.items())
    print_table(
        Table(
            f"Tasks (rows: {rows})",
            ["task", "rows", "share", "labels", "imbalance", "smallest"],
            [
                [
                    each["task"],
                    f"{each['rows']:,}",
                    f"{each['share']:.1%}",
                    str(each["labels"] or "open-ended"),
                    "-" if each["imbalance"] is None else f"{each['imbalance']:,.1f}",
                    "-" if each["smallest"] is None else f"{each['smallest']:,}",
                ]
                for each in _summaries(census)
            ],
        ),
        sys.stdout,
    )
    of_task = dict(zip(census.tasks, census.task_counts.tolist(), strict=True))
    print_table(
        Table(
            "Labels (training rows)",
            ["task", "label", "rows", "share of task"],
            [
                [task, label or "(open-ended)", f"{count:,}", f"{count / of_task[task]:.2%}"]
                for (task, label), count in zip(census.strata, census.counts.tolist(), strict=True)
            ],
        ),
        sys.stdout,
    )


def _draw(census: Census, path: Path) -> None:
    from equipoise.pages.figure import PRINTED, save_figure
    from equipoise.pages.plots import census_plot

    names = [task if label is None else f"{task}: {label}" for task, label in census.strata]
    save_figure(census_plot(names, census.counts.tolist(), PRINTED), path)

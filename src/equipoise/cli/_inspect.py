"""`equipoise inspect`: count the data."""

from pathlib import Path
from typing import Annotated, Any

import typer

from equipoise.census import Census
from equipoise.cli import _options as options
from equipoise.cli._app import print_json, print_rows
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


def inspect(
    source: options.Source, plot: Plot = None, set_: options.Overrides = None, as_json: options.Json = False
) -> None:
    """Count tasks and labels, and check the data.

    Counts are of the training rows. Data that cannot be used, such as a group in two splits, is an error.
    """
    if plot is not None and plot.suffix not in {".png", ".svg"}:
        raise ConfigError("unknown-format", f"`--plot` must name a .png or .svg file, found {plot.name!r}.")
    config = options.read_config(source, {}, set_)
    records = load_records(config)
    train = records.where(split="train")
    tasks = infer_tasks(train, task_options(config))
    census = census_of(train, tasks)
    problems = check_records(records, tasks)
    splits = {name: len(records.where(split=name)) for name in ("train", "validation", "test")}
    if plot is not None:
        from equipoise.pages.figure import PRINTED, save_figure
        from equipoise.pages.plots import census_plot

        names = [task if label is None else f"{task}: {label}" for task, label in census.strata]
        save_figure(census_plot(names, census.counts.tolist(), PRINTED), plot)
    summaries = _summaries(census)
    if as_json:
        found = [problem._asdict() for problem in problems]
        print_json({"rows": splits, "tasks": summaries, "census": census.to_dict(), "problems": found})
        return
    _print(census, summaries, ", ".join(f"{name} {count:,}" for name, count in splits.items()))
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


def _print(census: Census, summaries: list[dict[str, Any]], rows: str) -> None:
    tasks = [
        [
            each["task"],
            f"{each['rows']:,}",
            f"{each['share']:.1%}",
            str(each["labels"] or "open-ended"),
            "-" if each["imbalance"] is None else f"{each['imbalance']:,.1f}",
            "-" if each["smallest"] is None else f"{each['smallest']:,}",
        ]
        for each in summaries
    ]
    print_rows(f"Tasks (rows: {rows})", ["task", "rows", "share", "labels", "imbalance", "smallest"], tasks)
    of_task = dict(zip(census.tasks, census.task_counts.tolist(), strict=True))
    labels = [
        [task, label or "(open-ended)", f"{count:,}", f"{count / of_task[task]:.2%}"]
        for (task, label), count in zip(census.strata, census.counts.tolist(), strict=True)
    ]
    print_rows("Labels (training rows)", ["task", "label", "rows", "share of task"], labels)

"""`equipoise inspect` and `equipoise plan`: count the data, and forecast what a plan draws of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from equipoise.base.files import write_atomically
from equipoise.base.problems import of_level
from equipoise.cli import _options as options
from equipoise.cli._app import ERROR, print_error, print_json, print_rows, print_tasks
from equipoise.cli._configured import read_config
from equipoise.cli._words import of_command
from equipoise.errors import ConfigError, printable

if TYPE_CHECKING:
    from equipoise.census import Census
    from equipoise.plan import Forecast

T = TypeVar("T")
MOST_ROWS = 40  # of a table; of a longer one the extremes are printed
EXTREMES = 10
QUARTERS = (0, 0.25, 0.5, 0.75, 1)
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a bar chart of the counts to this .png or .svg file."),
]
All = Annotated[bool, typer.Option("--all", help=f"Print all rows of a table, also if it has more than {MOST_ROWS}.")]
INSPECT_EXAMPLES = (
    "equipoise inspect suite:multi-diagnosis",
    "equipoise inspect rows.csv --input-column text --plot census.svg",
)
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Also check what the tokenizer of this model makes of the rows: labels that it cannot tell apart,"
        " characters that it does not know, texts that are cut. Takes tiny, a directory, or a name on the Hugging Face"
        " Hub.",
    ),
]
LabelsOnly = Annotated[
    bool,
    typer.Option(
        "--labels-only",
        help="Count labels and read no text: for a quick look at very many rows. Without a column of splits all rows"
        " count as training rows, and the rows are not checked.",
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Write a picture of the shares over the draws to this .svg file."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the plan to this file, as JSON.")]


SCHEMES = """\b
Mixing rates (--rates, --target-rates):
{rates}

\b
Class weights (--weights, --target-weights):
{weights}

\b
Schedules (--schedule):
{recipes}

A value follows a colon and further options follow commas, as in temperature:2,maximum=65536."""
EXAMPLES = (
    "equipoise plan suite:multi-diagnosis --rates equal --weights sqrt --draws 40000",
    "equipoise plan run.yaml --draws 40000 --max-passes 10 -o plan.json",
    "equipoise plan rows.jsonl --draws 40000 --schedule cooldown:5,1,at=0.5",
)


def inspect(
    source: options.Source,
    *,
    model: Model = None,
    described: options.DataOptions,
    plot: Plot = None,
    everything: All = False,
    labels_only: LabelsOnly = False,
    cache_dir: options.CacheDir,
    set_: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Count tasks and labels, and check the data.

    Counts are of the training rows. Data that cannot be used, such as a group in two splits, is an error.
    """
    from equipoise.data import check_records, infer_tasks
    from equipoise.data.tasks import describe_tasks
    from equipoise.runs.prepare import check_tokens
    from equipoise.runs.rows import census_of, count_labels, load_records, rows_by_split, task_options

    if plot is not None and plot.suffix not in {".png", ".svg"}:
        raise ConfigError("unknown-format", f"`--plot` must name a .png or .svg file, found {plot.name!r}.")
    config = read_config(source, described | {"model.name": model}, set_)
    _refuse_texts(labels_only, model)
    if labels_only:
        tasks, census = count_labels(config)
        problems, splits = [], {"train": census.total}
    else:
        records = load_records(config, cache_dir)
        train = records.where(split="train")
        tasks = infer_tasks(train, task_options(config))
        census = census_of(train, tasks)
        problems = check_records(records, tasks)
        if model is not None:
            problems += check_tokens(config, records, tasks)
        splits = rows_by_split(records)
    if plot is not None:
        from equipoise.base.plots import MOST, PRINTED, WIDTH, row_height
        from equipoise.pages.figure import drawing, save_figure

        with drawing(WIDTH, row_height(min(len(census.strata), MOST)), PRINTED) as (figure, axes):
            census.plot(axes)
        save_figure(figure, plot)
    summaries = [{"kind": tasks[each["task"]].kind, **each} for each in _summaries(census)]
    if as_json:
        found = [problem._asdict() | {"message": of_command(problem.message)} for problem in problems]
        print_json({"rows": splits, "tasks": summaries, "census": census.to_dict(), "problems": found})
    else:
        print_tasks(describe_tasks(tasks, task_options(config)))
        _print(census, summaries, ", ".join(f"{name} {count:,}" for name, count in splits.items()), everything)
        for problem in problems:
            typer.echo(of_command(str(problem)))
        if plot is not None:
            typer.echo(f"Wrote {plot}.")
    if of_level(problems, "error"):
        raise typer.Exit(ERROR)


def _refuse_texts(labels_only: bool, model: str | None) -> None:
    if labels_only and model is not None:
        raise ConfigError("needs-texts", "--model checks what its tokenizer makes of texts, which --labels-only skips.")


def _summaries(census: "Census") -> list[dict[str, Any]]:
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


def _extremes(rows: Sequence[T], size: Callable[[T], float], of: str, *, everything: bool) -> tuple[list[T], str]:
    """Return the rows of a table, of a long one the largest and smallest, with a sentence that sums all of them up."""
    import numpy as np

    if everything or len(rows) <= MOST_ROWS:
        return list(rows), ""
    ordered = sorted(rows, key=size, reverse=True)
    least, low, middle, high, most = (
        f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in np.quantile(list(map(size, rows)), QUARTERS)
    )
    sentence = (
        f"The table has the first {EXTREMES} and the last {EXTREMES} of {len(rows):,} {of} (--all prints every one):"
        f" least {least}, a quarter below {low}, median {middle}, a quarter above {high}, most {most}."
    )
    return ordered[:EXTREMES] + ordered[-EXTREMES:], sentence


def _print(census: "Census", summaries: list[dict[str, Any]], rows: str, everything: bool) -> None:
    summaries, about = _extremes(summaries, lambda each: each["rows"], "tasks by rows", everything=everything)
    tasks = [
        [
            each["task"],
            f"{each['rows']:,}",
            f"{each['share']:.1%}",
            str(each["labels"] or "open-ended"),
            "-" if (ratio := each["imbalance"]) is None else f"{ratio:,.{0 if ratio >= 100 else 1}f}",
            "-" if each["smallest"] is None else f"{each['smallest']:,}",
        ]
        for each in summaries
    ]
    print_rows(f"Tasks (rows: {rows})", ["task", "rows", "share", "labels", "imbalance", "smallest"], tasks)
    if about:
        typer.echo(f"{about}\n")
    of_task = dict(zip(census.tasks, census.task_counts.tolist(), strict=True))
    counted = list(zip(census.strata, census.counts.tolist(), strict=True))
    counted, about = _extremes(counted, lambda each: each[1], "labels by rows", everything=everything)
    labels = [
        [task, label or "(open-ended)", f"{count:,}", f"{count / of_task[task]:.2%}"]
        for (task, label), count in counted
    ]
    print_rows("Labels (training rows)", ["task", "label", "rows", "share of task"], labels)
    if about:
        typer.echo(f"{about}\n")


def plan(
    source: options.Source,
    *,
    described: options.DataOptions,
    shares: options.PlanOptions,
    model: Model = None,
    out: Out = None,
    plot: Picture = None,
    everything: All = False,
    labels_only: LabelsOnly = False,
    cache_dir: options.CacheDir,
    set_: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Forecast what a plan draws of every task and label.

    Shows how often rows repeat and what is wrong with the plan. Exits with 1 if the forecast has errors, unless
    --allow-repeats accepts them.
    """
    from equipoise.data import give_warnings
    from equipoise.runs.prepare import check_tokens, plan_labels, prepare
    from equipoise.schedule import Schedule

    if plot is not None and plot.suffix != ".svg":
        raise ConfigError("unknown-format", f"`--plot` must name a .svg file, found {plot.name!r}.")
    config = read_config(source, described | shares | {"model.name": model}, set_)
    _refuse_texts(labels_only, model)
    if labels_only:
        planned = plan_labels(config)
    else:
        planned = prepared = prepare(config, cache=cache_dir)
        give_warnings([] if model is None else check_tokens(prepared.config, prepared.train, prepared.tasks))
    built, draws = planned.plan, planned.config.plan.draws
    forecast, average = planned.forecast, built.average(draws)
    written = {out: built.to_json, plot: lambda: Schedule(built.stages).to_svg(draws)}
    for file, text in written.items():
        if file is not None:
            with write_atomically(file) as temporary:
                temporary.write_text(text(), encoding="utf-8")
    if as_json:
        kinds = {name: {"kind": task.kind, "labels": len(task.labels) or None} for name, task in planned.tasks.items()}
        about = {
            "tasks": kinds,
            "rates": average.rates_text,
            "weights": average.weights_text,
            "fingerprint": built.fingerprint,
        }
        print_json({**about, "forecast": forecast.to_dict()})
    else:
        print_tasks(planned.describe_tasks())
        typer.echo(printable(f"Rates {average.rates_text}; weights {average.weights_text}; {forecast.draws:,} draws\n"))
        _print_forecast(forecast, everything)
        for file in filter(None, written):
            typer.echo(f"Wrote {file}.")
    if of_level(forecast.problems, "error") and not planned.config.plan.allow_repeats:
        print_error("bad-forecast", "the forecast has errors. Change the plan, or accept them with --allow-repeats.")
        raise typer.Exit(ERROR)


def _print_forecast(forecast: "Forecast", everything: bool) -> None:
    rows, of_labels = _extremes(forecast.rows, lambda row: row.passes, "labels by passes", everything=everything)
    tasks, of_tasks = _extremes(
        forecast.tasks, lambda task: task.expected_draws, "tasks by draws", everything=everything
    )
    typer.echo(printable(replace(forecast, rows=tuple(rows), tasks=tuple(tasks)).to_text()))
    for about in filter(None, (of_labels, of_tasks)):
        typer.echo(about)

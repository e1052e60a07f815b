"""How to reproduce the comparison: command, versions, configuration, seeds and run directories."""

from dataclasses import dataclass

from equipoise.compare.report.data import ComparisonData, text_of_file
from equipoise.pages.format import cells, heads
from equipoise.pages.page import Cell, HtmlTable, Section
from equipoise.runs.directory import read_json


@dataclass(frozen=True)
class RunPlace:
    """The directory of one run, relative to that of the comparison."""

    training: str
    seed: int
    draws: int
    folder: str


@dataclass(frozen=True)
class ReproducePart:
    """What defines the comparison."""

    command: str
    versions: dict[str, str]
    data_sha256: str
    seeds: tuple[int, ...]
    runs: tuple[RunPlace, ...]
    files: tuple[tuple[str, str], ...]


def gather(data: ComparisonData) -> ReproducePart:
    """Return what defines the comparison."""
    result, directory = data.result, data.directory
    run = data.runs(result.recommended)[0]
    files = tuple((path.name, text_of_file(path)) for path in (directory.recommended, directory.config))
    return ReproducePart(
        command=result.command,
        versions=read_json(run.versions),
        data_sha256=read_json(run.data).get("train_sha256", ""),
        seeds=result.seeds,
        runs=tuple(RunPlace(each.training, each.seed, each.draws, each.folder) for each in result.runs),
        files=files,
    )


def section(part: ReproducePart) -> Section:
    """Return the section of the page."""
    runs = [cells(run.training, Cell(str(run.seed), number=run.seed), run.draws, run.folder) for run in part.runs]
    versions = [cells(*each) for each in part.versions.items()]
    seeds = ", ".join(map(str, part.seeds))
    text = (
        f"The same command on the same data makes the same runs; the seeds of the finalists are {seeds}. Each run has"
        " its own directory, which equipoise evaluate and equipoise predict take."
    )
    columns = heads("training", "seed", "draws", "folder", left="folder")
    return Section(
        "Reproducing it",
        texts=[text, f"SHA-256 of the training rows: {part.data_sha256}"],
        tables=[
            HtmlTable("Run directories", columns, runs, folded=True, sortable=True),
            HtmlTable("Versions", heads("package", "version", left="version"), versions, folded=True),
        ],
    )

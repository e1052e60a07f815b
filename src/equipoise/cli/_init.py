"""`equipoise init` and `equipoise schema`: a first configuration from the data, and what a configuration may hold."""

from pathlib import Path
from typing import Annotated

import typer

from equipoise.base.files import refusing_unwritable, write_atomically
from equipoise.cli import _options as options
from equipoise.cli._app import print_json
from equipoise.cli._configured import YAML
from equipoise.cli._words import of_command
from equipoise.errors import ConfigError, RunError, printable, printable_line

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Data (JSONL, CSV, TSV or Parquet, also .gz; a glob or a directory), or suite:multi-diagnosis.",
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Configuration to write; must not exist.")]
EXAMPLES = (
    "equipoise init notes.csv",
    "equipoise init rows.parquet --input-column report --out triage.yaml",
)
SCHEMA_EXAMPLES = ("equipoise schema", "equipoise schema > schema.json")


def init(
    data: Data,
    *,
    described: options.DataOptions,
    out: Out = Path("run.yaml"),
    cache_dir: options.CacheDir,
    set_: options.DataOverrides = None,
    as_json: options.Json = False,
) -> None:
    """Write a first configuration, with comments, from data.

    Guesses which columns are the input, the target, the task, the group and the split, and says why; what an option or
    --set says is not guessed. Infers the tasks, counts the labels and suggests a number of draws. `equipoise compare`
    and `equipoise train` take the configuration as it is.
    """
    from equipoise.runs.initial import initial_config

    if data.endswith(YAML):
        message = f"`equipoise init` writes a configuration from data, found the configuration `{data}`. Name the data."
        raise ConfigError("not-data", message)
    if out.suffix not in YAML:
        raise ConfigError("unknown-format", f"`--out` must end in {' or '.join(YAML)}, found {out.name!r}.")
    with refusing_unwritable(out):
        taken = out.is_symlink() or out.exists()
    if taken:
        raise RunError("not-empty", f"`{out}` exists already. Choose another --out, or remove it.")
    given = {key: value for key, value in described.items() if value is not None}
    made = initial_config(data, given, set_ or (), cache_dir, str(out))
    with write_atomically(out) as temporary:
        temporary.write_text(made.text, encoding="utf-8")
    if as_json:
        found = [problem._asdict() | {"message": of_command(problem.message)} for problem in made.problems]
        guesses = [guess._asdict() for guess in made.guesses]
        plan = {"rates": made.suggested.rates, "weights": made.suggested.weights, "draws": made.suggested.draws}
        plan |= {"max_passes": made.suggested.max_passes}
        print_json({"out": str(out), "guesses": guesses, "plan": plan, "problems": found})
        return
    for guess in made.guesses:
        typer.echo(printable_line(str(guess)))
    kinds = [f"{name} ({task.kind})" for name, task in list(made.tasks.items())[:10]]
    more = f" and {len(made.tasks) - 10:,} more" if len(made.tasks) > 10 else ""
    typer.echo(printable_line(f"Tasks: {', '.join(kinds)}{more}."))
    typer.echo(printable_line(f"Draws: {made.suggested.draws:,}. Why: {made.suggested.why_draws}."))
    if made.suggested.repeats:
        typer.echo(
            printable_line(f"Repeats: {made.suggested.why_passes}. Fewer draws or `plan.max_passes` repeat less.")
        )
    for problem in made.problems:
        typer.echo(of_command(str(problem)))
    typer.echo(printable(f"Wrote {out}; read its comments, and change what is wrong."))
    typer.echo(f"Next: {made.following}")


def schema() -> None:
    """Print the JSON schema of configurations.

    It holds every key with its type, default and meaning, and the names and options of all schemes. Editors that know
    YAML complete and check a configuration by it, if its first line is `# yaml-language-server: $schema=schema.json`.
    """
    from equipoise.config import json_schema

    print_json(json_schema())

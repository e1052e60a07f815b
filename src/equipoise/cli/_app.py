"""The typer application: how results, errors, interrupts and warnings reach the person at the terminal."""

import errno
import json
import os
import shlex
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from equipoise.base.tables import LEFT, Table, print_table
from equipoise.cli._help import examples
from equipoise.cli._words import of_command
from equipoise.errors import STOPPED, EquipoiseError, printable, printable_json, printable_line

if TYPE_CHECKING:
    from equipoise.config import ModelConfig

OK, ERROR, INTERRUPTED = 0, 1, 130
_JSON = "equipoise.json"
LOADING = "loading PyTorch and transformers"


EPILOG = (
    examples(
        "equipoise demo",
        "equipoise init rows.jsonl",
        "equipoise inspect rows.jsonl",
        "equipoise advise rows.jsonl",
        "equipoise plan rows.jsonl --rates equal --weights sqrt --draws 40000",
        "equipoise train rows.jsonl --weights sqrt --draws 40000 --out runs/first",
        "equipoise evaluate runs/first",
        "equipoise calibrate runs/first",
        "equipoise predict runs/first new.csv -o answers.csv",
        "equipoise merge runs/adapter",
        "equipoise compare rows.jsonl --budget 30m",
        "equipoise report comparison",
    )
    + """

\b
Exit codes:
  0    success
  1    the data, the configuration, the plan or a run cannot be used
  2    the command line cannot be parsed
  75   a training or a comparison was stopped by Ctrl-C or SIGTERM and saved a checkpoint:
       resume it with `train --resume`, or with the same `compare` command
  130  another command was interrupted

Errors are printed as `Error (code): message`; codes are stable. With --json, standard output also holds
{"error": {"code": ..., "message": ...}}.
"""
)


class _Group(TyperGroup):
    """Prints an expected error as one message; `--debug` is accepted anywhere and lets the error through."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[_JSON] = "--json" in args
        return super().parse_args(ctx, sorted(args, key=lambda argument: argument != "--debug"))

    def invoke(self, ctx: Any) -> Any:
        if ctx.params["debug"]:
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except EquipoiseError as error:
            code, message = error.code, of_command(str(error))
        except ModuleNotFoundError as error:
            code = "missing-package"
            message = f"the package {error.name} is not installed. Install it: pip install 'equipoise[train]'"
        except OSError as error:  # whatever path it was named by; a closed pipe is typer's to end quietly
            if error.errno == errno.EPIPE:
                raise
            place = "" if error.filename is None else f"`{os.fsdecode(error.filename)}`: "
            code, message = "cannot-access", f"{place}{error.strerror or error}. Check the path and its permissions."
        except MemoryError as error:  # also Arrow's
            code, message = "out-of-memory", f"{error or 'the memory is not enough'}. Free some memory, or read less."
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        if ctx.meta[_JSON]:
            print_json({"error": {"code": code, "message": message}})
        print_error(code, message)
        raise typer.Exit(ERROR)


def program(called: str) -> str:
    """Return what to write before a subcommand so that this shell finds the command.

    Parameters
    ----------
    called : str
        ``sys.argv[0]``: the script, or ``__main__.py`` of the package.

    Examples
    --------
    >>> program("/opt/equipoise/__main__.py")
    'python -m equipoise'
    """
    path = Path(called)
    if path.name == "__main__.py":
        return "python -m equipoise"
    found = shutil.which("equipoise")
    if path.name != "equipoise" or not path.exists() or (found is not None and Path(found).samefile(path)):
        return "equipoise"
    return shlex.quote(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path))


def how_to_call(called: str) -> str:
    """Return a sentence that says how to call the command, or "" where the shell finds it by its name."""
    name = program(called)
    activate = Path(called).parent / "activate"
    if name == "equipoise" or not activate.is_file():
        return ""
    return f"Call the command as {name}, or first run: source {shlex.quote(os.path.relpath(activate))}"


def print_json(value: Any) -> None:
    """Print one JSON object."""
    typer.echo(printable_json(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)))


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[str] = LEFT) -> None:
    """Print a table; the columns named in `left` are left-aligned."""
    print_table(Table(title, columns, rows, left), sys.stdout)


def print_tasks(lines: Iterable[str], *, err: bool = False) -> None:
    """Print what each task is, a line each."""
    for line in lines:
        typer.echo(printable_line(line), err=err)
    typer.echo(err=err)


def print_error(code: str, message: str) -> None:
    """Print an error to standard error."""
    typer.echo(printable(f"Error ({code}): {message}"), err=True)


@contextmanager
def stoppable(hint: str) -> Generator[None]:
    """Exit with `STOPPED` if Ctrl-C or SIGTERM ends the block; a training in it saves a checkpoint first."""
    main = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler) if main else None
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {hint}", err=True)
        raise typer.Exit(STOPPED) from None
    finally:
        if main:
            signal.signal(signal.SIGTERM, previous or signal.SIG_DFL)


def bars_on_terminals_only() -> None:
    """Disable the progress bars of transformers if standard error is a file or a pipe."""
    if not sys.stderr.isatty():
        from transformers.utils import logging

        logging.disable_progress_bar()


def say_model(model: "ModelConfig") -> None:
    """Print to standard error which model is trained, and what of it; on the first rank only."""
    if os.environ.get("RANK", "0") == "0":
        about = ""
        if model.name == "tiny":
            about = ": a toy, a small T5 with random weights. Name a pretrained model with --model"
        elif model.adapter is not None:
            about = f", of which an adapter is trained (LoRA, r={model.adapter.r})"
        elif model.freeze:
            about = f", without training {', '.join(model.freeze)}"
        typer.echo(printable(f"Model: {model.name}{about}"), err=True)


app = typer.Typer(
    name="equipoise",
    cls=_Group,
    help="Weighted sampling for training multitask text-to-text models on imbalanced data.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"equipoise {version('equipoise')}")
        raise typer.Exit(OK)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that all commands share."""
    del version  # its callback has answered
    if not debug:
        warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print one line, without the line of source code that the default adds."""
    code = getattr(message, "code", None)
    message = of_command(str(message))
    sys.stderr.write(f"Warning ({code}): {message}\n" if code else f"Warning: {message}\n")

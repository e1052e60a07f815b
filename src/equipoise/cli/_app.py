"""The typer application: how errors, interrupts and warnings reach the person at the terminal."""

import signal
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from equipoise.errors import EquipoiseError

OK, ERROR, INTERRUPTED = 0, 1, 130
STOPPED = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, try again; no shell and no Python ends with it by itself

HELP = """Weighted sampling for training multitask text-to-text models on imbalanced data.

Look at data, plan what to draw, train with it, and prove that it helped.

Examples:

  equipoise demo

  equipoise inspect rows.jsonl

  equipoise plan rows.jsonl --rates equal --weights sqrt --draws 40000

  equipoise train rows.jsonl --weights sqrt --draws 40000 --out runs/first

  equipoise evaluate runs/first

  equipoise calibrate runs/first

  equipoise predict runs/first new.csv -o answers.csv

  equipoise compare rows.jsonl --budget 30m

  equipoise report comparison

Exit codes: 0 all went well; 1 the data, the configuration, the plan or a run cannot be used; 2 the command
was not understood; 75 a training or a comparison was stopped by Ctrl-C or SIGTERM, after the training has saved a
checkpoint: `train --resume`, or the same `compare`, goes on from there; 130 another command was interrupted.
"""


class _Group(TyperGroup):
    """Shows an expected error as one message; `--debug` may stand anywhere and lets it through."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, sorted(args, key=lambda text: text != "--debug"))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EquipoiseError as error:
            if ctx.params["debug"]:
                raise
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(ERROR) from None
        except ModuleNotFoundError as error:
            if ctx.params["debug"]:
                raise
            typer.echo(
                f"Error: this needs the package {error.name}. Install it: pip install 'equipoise[train]'", err=True
            )
            raise typer.Exit(ERROR) from None
        except KeyboardInterrupt:
            if ctx.params["debug"]:
                raise
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED) from None


@contextmanager
def stoppable(how_to_go_on: str) -> Generator[None]:
    """Exit with `STOPPED` when Ctrl-C or SIGTERM ends the block; a training in it saves a checkpoint first."""
    main = threading.current_thread() is threading.main_thread()
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler) if main else None
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {how_to_go_on}", err=True)
        raise typer.Exit(STOPPED) from None
    finally:
        if main:
            signal.signal(signal.SIGTERM, previous or signal.SIG_DFL)


app = typer.Typer(
    name="equipoise",
    cls=_Group,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that all commands share."""
    del version  # its callback has answered
    if not debug:
        warnings.showwarning = _show_warning


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """One line without the source code's place, which helps nobody at a terminal."""
    sys.stderr.write(f"Warning: {message}\n")

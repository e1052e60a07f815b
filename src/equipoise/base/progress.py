"""Progress of long work: a bar on a terminal, a line every few seconds in a file or a pipe."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

EVERY: Final = 5.0  # seconds between two lines
FIRST: Final = 1.0  # seconds before the first line


class _Lines:
    """Turns what tqdm writes over one line of a terminal into lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if text.strip():
            self._stream.write(f"{text.strip()}\n")

    def flush(self) -> None:
        self._stream.flush()


def progress(
    total: int | None, what: str, unit: str, *, done: int = 0, stream: TextIO | None = None, every: float = EVERY
) -> "tqdm[Any]":
    """Return a progress bar; where `stream` is no terminal, it writes lines.

    Parameters
    ----------
    total, done : int
        Units of work in all (None if that is not known), and those that earlier sessions did.
    what, unit : str
        The work and its unit, as in "training" and "step".
    stream : file, optional
        Where it is shown; by default standard error.
    every : float
        The least number of seconds between two lines; the first comes after one second.

    Returns
    -------
    tqdm.tqdm
        Call `update`, and `close` at the end.

    Examples
    --------
    >>> with progress(640, "training", "step", stream=sys.stdout, every=0) as shown:
    ...     shown.set_postfix_str("loss 5.9 per example", refresh=False)
    ...     _ = shown.update(640)
    training: step 0 of 640, ? left
    training: step 640 of 640, loss 5.9 per example, 00:00 left
    >>> with progress(None, "reading", "row", stream=sys.stdout, every=0) as shown:
    ...     _ = shown.update(1_000_000)
    reading: row 0
    reading: row 1000000
    """
    from tqdm import tqdm  # noqa: PLC0415 - a tenth of the time in which the command starts

    shown: TextIO = stream if stream is not None else sys.stderr
    common: dict[str, Any] = {"total": total, "initial": done, "desc": what, "leave": False}
    if shown.isatty():
        return tqdm(**common, unit=unit, file=shown, dynamic_ncols=True)
    end = "" if total is None else " of {total_fmt}{postfix}, {remaining} left"
    line = f"{{desc}}: {unit} {{n_fmt}}{end}"
    delay = min(FIRST, every)
    return tqdm(**common, file=_Lines(shown), mininterval=every, delay=delay, miniters=1, bar_format=line, position=0)


def say(bar: "tqdm[Any]", line: str) -> None:
    """Write a line where progress is shown: above the bar, or between its lines.

    Examples
    --------
    >>> with progress(640, "training", "step", stream=sys.stdout, every=60) as shown:
    ...     say(shown, "The first line.")
    The first line.
    """
    if bar.bar_format:  # lines, of which none has to be cleared
        bar.fp.write(f"{line}\n")
    else:
        bar.write(line, file=bar.fp)


@contextmanager
def stage(what: str, *, stream: TextIO | None = None, after: float = FIRST) -> Generator[None]:
    """Say what is done in the block, if it takes longer than a second.

    Parameters
    ----------
    what : str
        The work, as in "checking the rows".
    stream : file, optional
        Where it is said; by default standard error.
    after : float
        How many seconds the block may take without a word.

    Examples
    --------
    >>> import time
    >>> with stage("checking the rows", stream=sys.stdout, after=0.0):
    ...     time.sleep(0.1)
    checking the rows
    """
    shown = stream if stream is not None else sys.stderr
    said = threading.Timer(after, lambda: shown.write(f"{what}\n"))
    said.daemon = True
    said.start()
    try:
        yield
    finally:
        said.cancel()

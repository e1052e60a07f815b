"""Further processes that work on a comparison: each run is made by whichever process takes it first."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import torch

from equipoise.compare.engine import compare
from equipoise.config import ComparisonConfig
from equipoise.errors import EquipoiseError


@contextmanager
def helpers(
    processes: int, config: ComparisonConfig, out: Path, *, command: str, cache: Path | None
) -> Generator[None]:
    """Start all processes but this one, which makes the same comparison in the block.

    They are silent: what goes wrong in all of them goes wrong in this one too. PyTorch's threads are shared among the
    processes. If the block ends with an exception they are stopped, and save a checkpoint first.

    Parameters
    ----------
    processes : int
        From 1, this one included.
    config, out, command, cache
        As for `compare`.
    """
    context, all_threads = get_context("spawn"), torch.get_num_threads()
    threads = max(1, all_threads // processes)
    started = [context.Process(target=_help, args=(config, out, command, cache, threads)) for _ in range(processes - 1)]
    torch.set_num_threads(threads if started else all_threads)
    try:
        for each in started:
            each.start()
        yield
    except BaseException:
        for each in started:
            each.terminate()
        raise
    finally:
        for each in started:
            each.join()
        torch.set_num_threads(all_threads)


def _help(config: ComparisonConfig, out: Path, command: str, cache: Path | None, threads: int) -> None:
    os.setsid()  # Ctrl-C in a terminal is for the first process, which then stops this one
    torch.set_num_threads(threads)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for stream in (1, 2):  # standard output and standard error
            os.dup2(nowhere.fileno(), stream)
    with suppress(EquipoiseError, KeyboardInterrupt):
        compare(config, out, command=command, log=lambda _: None, cache=cache)

"""Count the tasks and labels of files, in this process or in several, and group their rows by them."""

import dataclasses
import itertools
import multiprocessing
import operator
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.census import Census
from equipoise.census.labels import MissingLabels, check_missing_labels, warn_skipped
from equipoise.census.tally import Cell, Tally, skip_missing
from equipoise.data.columns import Columns, check_split
from equipoise.data.labels import iter_labels, labels_of, labels_reading
from equipoise.data.readers.encodings import UTF8
from equipoise.data.readers.fields import check_together
from equipoise.data.readers.limits import Limits
from equipoise.data.readers.options import ReadOptions
from equipoise.data.readers.source import Source
from equipoise.data.readers.sources import find_sources, parts_of
from equipoise.drawing import StratumIndex
from equipoise.drawing.labelled import codes_of_rows
from equipoise.errors import DataError
from equipoise.plan import Plan

PART_BYTES: Final = 1 << 25
_AHEAD: Final = 16
"""Parts per process that may be submitted before the counts of the first are needed."""

_Counts = Mapping[Cell, int]
_Count = Callable[[Source], _Counts]


def count_files(
    source: Any,
    columns: Columns = Columns(),  # noqa: B008 - immutable
    open_ended_tasks: Iterable[str] = (),
    split: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    *,
    default_task: str | None = None,
    delimiter: str | None = None,
    encoding: str = UTF8,
    splits: Mapping[str, str] = MappingProxyType({}),
    missing_labels: MissingLabels = "error",
    processes: int = 1,
    part_bytes: int = PART_BYTES,
) -> Census:
    r"""Count the examples of files, batch by batch, in constant memory; inputs are never loaded.

    Parameters
    ----------
    source : path, glob, directory, table, Hugging Face dataset, list of dicts, or a list of those
        What `equipoise.data.read_records` takes.
    columns : Columns
        The names of the columns; the target is the label.
    open_ended_tasks : iterable of str
        The open-ended tasks; each is one stratum, whatever its targets.
    split : str, optional
        Count only the rows of this split; a plan is built from the training rows. All rows by default.
    limits : Limits
        Sizes above which a file is refused, as in `read_records`.
    default_task : str, optional
        Task of the rows that have none, as in `read_records`.
    delimiter, encoding, splits, missing_labels
        As in `read_records`; targets of open-ended tasks that are missing are counted all the same.
    processes : int
        Number of reader processes. They are spawned, which takes about a second, so a script must call this
        under ``if __name__ == "__main__":``. The counts, and the error if there is one, do not depend on it.
    part_bytes : int
        Size above which a Parquet or JSON lines file is cut into parts for the processes.

    Returns
    -------
    Census

    Raises
    ------
    DataError
        If the files cannot be read, an open-ended task is not in them, or a process ends early.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "rows.csv")
    >>> _ = file.write_text("task,input,target\nmood,fine,glad\nmood,well,glad\nmood,no,sad\n")
    >>> count_files(file).to_dict()
    {'mood': {'glad': 2, 'sad': 1}}
    """
    if not isinstance(processes, int) or isinstance(processes, bool) or processes < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError("not-an-integer", f"`processes` must be an integer of at least 1, found {processes!r}.")
    check_split(split)
    check_missing_labels(missing_labels)
    open_ended = frozenset(open_ended_tasks)
    how = ReadOptions(limits, delimiter, encoding, splits)
    count = partial(_counts, columns, how.splits, open_ended, split, default_task, missing_labels)
    sources = find_sources(source, how)
    parts = ((number, part) for number, one in enumerate(sources) for part in parts_of(one, part_bytes))
    first = list(itertools.islice(parts, processes)) if processes > 1 else []
    if len(first) > 1:
        counted = _count_apart(sources, itertools.chain(first, parts), count, processes=len(first))
    else:
        counted = map(count, sources)
    total: Counter[Cell] = Counter()
    for cells in counted:
        total.update(cells)
    return Census.from_cells(skip_missing(total, open_ended), open_ended)


def count_training_rows(
    source: Any,
    columns: Columns,
    limits: Limits,
    default_task: str | None,
    delimiter: str | None,
    encoding: str,
    splits: Mapping[str, str],
    missing_labels: MissingLabels,
) -> Census:
    """Count the labels of the training rows, or of all rows where none has a split; arguments as in `count_files`."""
    how = ReadOptions(limits, delimiter, encoding, splits)
    sources = find_sources(source, how)
    readings = [labels_reading(one, columns, how.splits, default_task, "train", missing_labels) for one in sources]
    tally = Tally(frozenset())
    for reading in readings:
        _add(tally, labels_of(reading, "train", or_all=True))
    check_together(readings)
    return Census.from_cells(skip_missing(tally.cells(), frozenset()))


def index_files(
    plan: Plan | Census,
    source: Any,
    columns: Columns = Columns(),  # noqa: B008 - immutable
    limits: Limits = Limits(),  # noqa: B008 - immutable
    *,
    default_task: str | None = None,
    delimiter: str | None = None,
    encoding: str = UTF8,
    missing_labels: MissingLabels = "error",
) -> StratumIndex:
    r"""Group the rows of files by stratum, batch by batch; the files hold the rows of a dataset in its order.

    Parameters
    ----------
    plan : Plan or Census
        The plan that the rows are drawn by, or its census: `count_files` of the same rows, of all splits.
    source, columns, limits, default_task, delimiter, encoding, missing_labels
        As in `count_files`; rows that are skipped keep their numbers, and are never drawn.

    Returns
    -------
    StratumIndex
        Row 0 is the first row of the first file, in the order of `source`; those of a folder are sorted by path. It
        takes four bytes a row (eight from 2**31 rows on), and building it little more.

    Raises
    ------
    DataError
        If the files cannot be read.
    PlanError
        If the rows are not those that were counted.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "rows.csv")
    >>> _ = file.write_text("task,input,target\nmood,fine,glad\nmood,no,sad\nmood,well,glad\n")
    >>> index_files(count_files(file), file).order.tolist()
    [0, 2, 1]
    """
    batches = iter_labels(
        source,
        columns,
        default_task=default_task,
        limits=limits,
        delimiter=delimiter,
        encoding=encoding,
        missing_labels=missing_labels,
    )
    without: Counter[str] = Counter()

    def codes() -> Iterator[NDArray[np.int32]]:
        for batch in batches:
            found, skipped = codes_of_rows(plan.strata, batch.column("task"), batch.column("label"), missing_labels)
            without.update(skipped)
            yield found

    index = StratumIndex.from_chunks(codes(), plan.counts, missing_labels=missing_labels)
    warn_skipped(without, index.dataset_rows)
    return dataclasses.replace(index, strata=plan.strata)


def _counts(
    columns: Columns,
    splits: Mapping[str, str],
    open_ended: frozenset[str],
    split: str | None,
    default_task: str | None,
    missing_labels: MissingLabels,
    source: Source,
) -> _Counts:
    tally = Tally(open_ended)
    _add(tally, labels_of(labels_reading(source, columns, splits, default_task, split, missing_labels), split))
    return tally.cells()


def _add(tally: Tally, batches: Iterable[pa.Table]) -> None:
    for batch in batches:
        for chunk in batch.to_batches():
            tally.add(chunk.column("task"), chunk.column("label"))


def _count_apart(
    sources: list[Source], parts: Iterator[tuple[int, Source]], count: _Count, processes: int
) -> Iterator[_Counts]:
    """Yield the counts of each source, in order."""
    name = sources[0].name
    # Not forked: Arrow and other libraries with threads do not survive that.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare_process)
    try:
        results = _in_order(pool, parts, count, _AHEAD * processes)
        for number, of_source in itertools.groupby(results, key=operator.itemgetter(0)):
            name = sources[number].name
            counted: Counter[Cell] = Counter()
            try:
                for _, result in of_source:
                    counted.update(result())
            except DataError:
                # A part knows neither its first line nor what the others unpack to, so the whole file is read.
                counted = Counter(count(sources[number]))
            yield counted
    except BrokenProcessPool as error:  # in a result, or where the next part is submitted
        raise DataError(
            "process-ended",
            f"{name}: a counting process ended early, for this file or a later one. If it was "
            "killed for lack of memory, use fewer `processes`. If this is a script, call it under `if __name__ == "
            '"__main__":`, because each process imports the script.',
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, parts: Iterator[tuple[int, Source]], count: _Count, ahead: int
) -> Iterator[tuple[int, Callable[[], _Counts]]]:
    """Submit the parts, and yield functions that wait for their counts, in the order of the parts."""
    waiting: deque[tuple[int, Callable[[], _Counts]]] = deque()
    for number, part in parts:
        # Rows in memory are not sent to another process, but counted in this one.
        result = partial(count, part) if part.in_memory else pool.submit(count, part).result
        waiting.append((number, result))
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting


def _prepare_process() -> None:
    pa.set_cpu_count(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the others

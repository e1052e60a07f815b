"""What in the content of records can be used, but may surprise."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.base.problems import Problem
from equipoise.data.columns import SPLITS
from equipoise.data.infer import Targets, distinct_targets, open_ended
from equipoise.data.records import Records
from equipoise.data.spellings import normal_form
from equipoise.data.tasks import Kind, some_of

_MOST_SHOWN = 5


def content_warnings(records: Records, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Find all warnings; `kinds` of tasks that are not given are inferred as in `infer_tasks`."""
    parts = {split: records.where(split=split) for split in SPLITS} if records.has("split") else {"train": records}
    by_split = {split: distinct_targets(part) for split, part in parts.items()}
    targets = {**distinct_targets(records), **by_split["train"]}
    of_open = open_ended(targets, kinds)
    closed = [task for task, found in sorted(targets.items()) if found.rows and task not in of_open]
    labels = {task: _splits_of_labels(task, records.coded("target").names, by_split) for task in closed}
    yield from _similar_spellings("Tasks", records.tasks)
    for task in closed:
        yield from _similar_spellings(f"Labels of task `{task}`", list(labels[task]))
        if len(labels[task]) == 1:
            sentence = f"Task `{task}` has one class only, {next(iter(labels[task]))!r}: there is nothing to"
            yield _warning(
                "one-class", f"{sentence} distinguish. Drop the task, or say `tasks.{task}.kind: open_ended`."
            )
    rows, pairs = _repeated_inputs(records)
    if found := _pairs_with_several(records, "target", rows, pairs):
        sentence = f"Inputs with different targets: {found}. No model can get all of them right."
        yield _warning("conflicting-targets", sentence)
    if records.has("group") and (lone := int((records.coded("group").codes < 0).sum())):
        yield _warning("rows-without-group", f"{lone} of {len(records)} rows have no group and count as their own.")
    if records.has("split"):
        if found := _pairs_with_several(records, "split", rows, pairs):
            yield _warning("duplicates-across-splits", f"{_known(records, found, rows, pairs)} {_together(records)}")
        yield from _empty_splits(records, parts["train"])
        for task in closed:
            yield from _labels_without_rows(task, labels[task])


def rows_trained_on(records: Records, split: str) -> NDArray[np.int64]:
    """Return the rows of a split whose input is also that of a training row of their task."""
    return _trained_on(records, split, *_repeated_inputs(records))


def _trained_on(records: Records, split: str, rows: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    splits = records.coded("split").take(rows)
    return rows[np.isin(pairs, pairs[splits.is_in(["train"])]) & splits.is_in([split])]


def _known(records: Records, inputs: str, rows: NDArray[np.int64], pairs: NDArray[np.int64]) -> str:
    """Say how many rows of test and validation were trained on; of other splits that share inputs, which inputs."""
    trained_on = {split: _trained_on(records, split, rows, pairs) for split in ("test", "validation")}
    found: list[str] = []
    for split, known in trained_on.items():
        of = int(records.coded("split").is_in([split]).sum())
        if len(known):
            found.append(f"{len(known):,} of {of:,} {split} rows ({share_of(len(known), of)})")
    if not found:
        return f"Inputs of a task in more than one split: {inputs}. Scores on them measure memory."
    tested = _by_task(records, trained_on["test"])
    by_task = f" (test rows by task: {tested})" if tested else ""
    what = f"{' and '.join(found)} have an input that is also in training rows of their task{by_task}"
    return f"{what}. Scores on them measure memory."


def share_of(rows: int, of: int) -> str:
    """Return a share as an integer percentage.

    Examples
    --------
    >>> share_of(1071, 1110), share_of(1, 900), share_of(899, 900)
    ('96%', 'less than 1%', 'more than 99%')
    """
    share = rows / of
    return "less than 1%" if share < 0.01 else "more than 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _together(records: Records) -> str:
    if not records.has("group"):
        return "Put all rows of an input in one split."
    return (
        "Rows of a group are together, equal inputs of different groups need not be: leave `Columns(group=...)` out to"
        " split by input, or give the groups that share an input one name."
    )


def _splits_of_labels(task: str, names: pa.Array, by_split: Mapping[str, Mapping[str, Targets]]) -> dict[str, set[str]]:
    """Return the labels of a task, sorted, and the splits in which they have rows."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for split, targets in by_split.items():
        for code in targets[task].codes.tolist() if task in targets else ():
            found[code].add(split)
    return dict(sorted((names[code].as_py(), found[code]) for code in found))


def _similar_spellings(what: str, names: Sequence[str]) -> Iterator[Problem]:
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for name, normal in zip(names, normal_form(pa.array(names, pa.large_string())).to_pylist(), strict=True):
        spellings[unicodedata.normalize("NFC", "".join(normal.casefold().split()))].append(name)
    for same in spellings.values():
        if len(same) > 1:
            only_case = len({"".join(name.casefold().split()) for name in same}) == 1
            # What no eye tells apart is written in ASCII.
            shown = some_of(same, _MOST_SHOWN) if only_case else some_of(same, _MOST_SHOWN, ascii)
            how = "case or spaces" if only_case else "how numbers, booleans or letters are written"
            sentence = f"{what} differ only in {how}: {shown}."
            yield _warning("similar-spellings", f"{sentence} If they mean the same, spell them alike.")


def _repeated_inputs(records: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows whose task and input are those of another row too, and a number of each such pair."""
    inputs, tasks = records.coded("input").in_one_spelling(), records.coded("task")
    rows = np.flatnonzero((inputs.counts() > 1)[inputs.codes])  # few; which of them are of one task is asked of these
    cells = inputs.codes[rows] * np.int64(len(tasks.names)) + tasks.codes[rows]
    _, pair, counts = np.unique(cells, return_inverse=True, return_counts=True)
    repeated = counts[pair] > 1
    return rows[repeated], pair[repeated]


def _pairs_with_several(records: Records, name: str, rows: NDArray[np.int64], pairs: NDArray[np.int64]) -> str:
    """Count the pairs of each task that have several values of a column: "nli 3, qa 1", or nothing."""
    values = records.coded(name).codes[rows]
    given = values >= 0
    width = np.int64(values.max(initial=0)) + 1
    cells, first = np.unique(pairs[given] * width + values[given], return_index=True)
    _, start, counts = np.unique(cells // width, return_index=True, return_counts=True)
    one_row_each = rows[given][first[start[counts > 1]]]
    return _by_task(records, one_row_each)


def _by_task(records: Records, rows: NDArray[np.int64]) -> str:
    """Count rows by task: "nli 3, qa 1", or nothing."""
    tasks = records.coded("task")
    counts = zip(tasks.names.to_pylist(), tasks.take(rows).counts().tolist(), strict=True)
    return ", ".join(f"{task} {count:,}" for task, count in counts if count)


def _empty_splits(records: Records, training: Records) -> Iterator[Problem]:
    present = records.coded("split").present()
    for split in SPLITS:
        if split not in present:
            yield _warning("empty-split", f"No row is in the split `{split}`.")
    if "train" in present:
        for task in sorted(set(records.tasks) - set(training.tasks)):
            yield _warning("task-without-training-rows", f"Task `{task}` has no training row.")


def _labels_without_rows(task: str, labels: dict[str, set[str]]) -> Iterator[Problem]:
    trained = [label for label, splits in labels.items() if "train" in splits]
    untrained = [label for label in labels if label not in trained]
    if trained and untrained:
        sentence = f"Task `{task}`: no training row has the label {some_of(untrained, _MOST_SHOWN)}."
        advice = "It is not in the label set, and is dropped from the scores."
        yield _warning("label-without-training-rows", f"{sentence} {advice}")
    untested = [label for label in trained if "test" not in labels[label]]
    if untested and any("test" in splits for splits in labels.values()):
        sentence = f"Task `{task}`: no test row has the label {some_of(untested, _MOST_SHOWN)}."
        yield _warning("label-not-measured", f"{sentence} Its recall is reported as not measured.")


def _warning(code: str, message: str) -> Problem:
    return Problem("warning", code, message)

"""What in the content of records can be used, but will surprise."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from equipoise.base.arrow import pc
from equipoise.data.infer import count_targets, infer_kind
from equipoise.data.problem import Problem
from equipoise.data.records import Records
from equipoise.data.split_names import SPLITS
from equipoise.data.tasks import Kind

_MOST_SHOWN = 5


def content_warnings(records: Records, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Find all surprises; `kinds` of tasks that are not given are inferred as in `infer_tasks`."""
    training = records.where(split="train") if records.has("split") else records
    counts = {**count_targets(records), **count_targets(training)}
    closed = [
        task
        for task, (rows, distinct) in sorted(counts.items())
        if rows and kinds.get(task, infer_kind(rows, distinct)[0]) == "classification"
    ]
    labels = _label_splits(records, closed)
    yield from _similar_spellings("Tasks", records.tasks)
    for task in closed:
        yield from _similar_spellings(f"Labels of task `{task}`", labels[task])
        if len(labels[task]) == 1:
            yield _warning(
                "one-class",
                f"Task `{task}` has one class only, {next(iter(labels[task]))!r}: there is nothing to tell apart. "
                "Drop the task, or declare it open.",
            )
    repeated = _repeated_inputs(records)
    yield from _conflicting_targets(repeated)
    if records.has("group") and (lone := records.column("group").null_count):
        yield _warning("rows-without-group", f"{lone} of {len(records)} rows have no group and count as their own.")
    if records.has("split"):
        yield from _duplicates_across_splits(repeated)
        yield from _empty_splits(records)
        for task in closed:
            yield from _labels_without_rows(task, labels[task])


def _label_splits(records: Records, tasks: list[str]) -> dict[str, dict[str, set[str]]]:
    """Give for each of the tasks its labels, sorted, and the splits in which they have rows."""
    table = records.table.filter(pc.is_in(records.column("task"), value_set=pa.array(tasks, pa.large_string())))
    keys = ["task", "target", *(["split"] if records.has("split") else [])]
    found: dict[str, dict[str, set[str]]] = {task: {} for task in tasks}
    rows: list[dict[str, str | None]] = table.group_by(keys).aggregate([]).sort_by("target").to_pylist()
    for row in rows:
        task, label = row["task"], row["target"]
        if task is not None and label is not None:
            found[task].setdefault(label, set()).add(row.get("split") or "train")
    return found


def _similar_spellings(what: str, names: Iterable[str]) -> Iterator[Problem]:
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        spellings["".join(name.casefold().split())].append(name)
    for same in spellings.values():
        if len(same) > 1:
            yield _warning(
                "similar-spellings",
                f"{what} differ only in case or spaces: {_listed(same)}. If they mean the same, spell them alike.",
            )


def _repeated_inputs(records: Records) -> pa.Table:
    """Give the rows whose task and input stand in another row too, each pair numbered in `pair`."""
    inputs = records.column("input").combine_chunks().dictionary_encode()
    tasks = records.column("task").combine_chunks().dictionary_encode()
    cells = inputs.indices.to_numpy().astype(np.int64) * len(tasks.dictionary) + tasks.indices.to_numpy()
    _, pair, counts = np.unique(cells, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[pair] > 1)
    return records.table.drop_columns(["input"]).take(pa.array(rows)).append_column("pair", pa.array(pair[rows]))


def _conflicting_targets(repeated: pa.Table) -> Iterator[Problem]:
    if found := _pairs_with_several(repeated, "target"):
        yield _warning(
            "conflicting-targets",
            f"Inputs that stand with different targets: {found}. No model can get all of them right.",
        )


def _duplicates_across_splits(repeated: pa.Table) -> Iterator[Problem]:
    if found := _pairs_with_several(repeated, "split"):
        yield _warning(
            "duplicates-across-splits",
            f"Inputs of a task that stand in more than one split: {found}. Scores on them measure memory. "
            "Put all rows of an input in one group.",
        )


def _empty_splits(records: Records) -> Iterator[Problem]:
    present = set(records.column("split").unique().to_pylist())
    for split in SPLITS:
        if split not in present:
            yield _warning("empty-split", f"No row is in the split `{split}`.")
    if "train" in present:
        training = set(records.where(split="train").tasks)
        for task in records.tasks:
            if task not in training:
                yield _warning("task-without-training-rows", f"Task `{task}` has no training row.")


def _labels_without_rows(task: str, labels: dict[str, set[str]]) -> Iterator[Problem]:
    trained = [label for label, splits in labels.items() if "train" in splits]
    untrained = [label for label in labels if label not in trained]
    if trained and untrained:
        yield _warning(
            "label-without-training-rows",
            f"Task `{task}`: no training row has the label {_listed(untrained)}. It is not in the label set, and "
            "is dropped from the scores.",
        )
    untested = [label for label in trained if "test" not in labels[label]]
    if untested and any("test" in splits for splits in labels.values()):
        yield _warning(
            "label-not-measured",
            f"Task `{task}`: no test row has the label {_listed(untested)}. Its recall is reported as not measured.",
        )


def _pairs_with_several(repeated: pa.Table, name: str) -> str:
    """Count the pairs of each task that have several values of a column: "nli 3, qa 1", or nothing."""
    counted = repeated.group_by(["task", "pair"]).aggregate([(name, "count_distinct")])
    several = counted.filter(pc.greater(counted.column(f"{name}_count_distinct"), 1))
    per_task = several.group_by("task").aggregate([([], "count_all")]).sort_by("task").to_pylist()
    return ", ".join(f"{row['task']} {row['count_all']}" for row in per_task)


def _warning(code: str, message: str) -> Problem:
    return Problem("warning", code, message)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MOST_SHOWN])
    return shown if len(names) <= _MOST_SHOWN else f"{shown} and {len(names) - _MOST_SHOWN} more"

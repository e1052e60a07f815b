"""Made-up clinical notes of very different lengths: descriptions of ICD-10-CM codes, several to a note."""

from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from equipoise.data import Columns, Records, TaskOptions, read_records

SOURCE = Path(__file__).parents[1] / "data" / "icd10cm.jsonl.gz"
MEDIAN, SIGMA = 4, 0.8  # of the descriptions in a note, log-normal


@cache
def notes(seed: int = 0) -> Records:
    """Make a note of each training row: its description and others of its task and label, one after another.

    How many is log-normal, rounded, and at most as many as the label has.
    """
    records = read_records(SOURCE, Columns(input="text", target="label")).where(split="train")
    tasks, texts, targets = (records.column(name).to_pylist() for name in ("task", "input", "target"))
    rng = np.random.default_rng(seed)
    sizes = np.maximum(1, np.rint(rng.lognormal(np.log(MEDIAN), SIGMA, len(records)))).astype(int)
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row in rng.permutation(len(records)).tolist():
        rows_of.setdefault((tasks[row], targets[row]), []).append(row)
    written = [""] * len(records)
    for rows in rows_of.values():
        for place, row in enumerate(rows):
            others = islice(rows + rows, place, place + min(int(sizes[row]), len(rows)))
            written[row] = "; ".join(texts[other] for other in others)
    return Records.from_dict({"task": tasks, "input": written, "target": targets})


def numbered(records: Records) -> dict[str, TaskOptions]:
    """Short target texts: the labels of each task, counted from 1."""
    labels: dict[str, set[str]] = {}
    for task, label in zip(records.column("task").to_pylist(), records.column("target").to_pylist(), strict=True):
        labels.setdefault(task, set()).add(label)
    return {
        task: TaskOptions("classification", verbalisers={label: str(n) for n, label in enumerate(sorted(of), 1)})
        for task, of in labels.items()
    }

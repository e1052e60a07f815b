"""Counting the strata of large files beside duckdb and polars: rows a second and memory, on one core and two."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from comparisons.arms import take_turns
from comparisons.counting_files import LABELS, TASKS, TEXT, write_jsonl, write_parquet
from comparisons.summary import Spread, ratios, table
from results import record

REPEATS = 3
ROWS = {"parquet": 100_000_000, "jsonl": 10_000_000}
WRITE: dict[str, Callable[[Path, int], None]] = {"parquet": write_parquet, "jsonl": write_jsonl}
FORMATS = {"parquet": "Parquet", "jsonl": "JSONL"}
NAMES = ("equipoise", "duckdb", "polars")


def call(name: str, path: Path, processes: int) -> dict[str, Any]:
    """Run one arm in a new process; one thread stays on the last core."""
    arm = [sys.executable, "-m", "comparisons.counting_arms", name, str(path), str(processes)]
    pinned = (lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})) if processes == 1 else None
    done = subprocess.run(arm, capture_output=True, text=True, check=True, cwd=Path(__file__).parent, preexec_fn=pinned)
    return json.loads(done.stdout)


def compare(kind: str, folder: Path, rows: int) -> list[list[str]]:
    """Measure files of one kind: lines of the table."""
    large, small = (folder / f"{count}.{kind}" for count in (rows, rows // 100))
    for path, count in ((large, rows), (small, rows // 100)):
        WRITE[kind](path, count)
    keys = [(name, processes) for processes in (1, 2) for name in NAMES]
    runs = take_turns(REPEATS, {str(key): partial(call, key[0], large, key[1]) for key in keys})
    lines: list[list[str]] = []
    for name, processes in keys:
        results = runs[str((name, processes))]
        ours = runs[str(("equipoise", processes))]
        assert {(each["rows"], each["strata"]) for each in results} == {(rows, TASKS * LABELS)}
        few = call(name, small, processes)["bytes"]
        versus = ratios([each["seconds"] for each in results], [each["seconds"] for each in ours])
        lines.append(
            [
                f"{large.stat().st_size / 1e9:.1f} GB",
                f"{name}, {processes}",
                f"{Spread.of(rows / each['seconds'] / 1e6 for each in results):.1f}",
                "" if name == "equipoise" else f"{versus:.2f}",
                f"{Spread.of(each['cpu'] for each in results):.1f}",
                f"{few / 2**20:,.0f}",
                f"{Spread.of(each['bytes'] / 2**20 for each in results):,.0f}",
            ]
        )
    return lines


def section(kind: str, rows: int, lines: list[list[str]], load: float) -> str:
    """Say what was measured, and how."""
    head = [
        "file",
        "package, threads or processes",
        "million rows a second",
        "its time, times that of equipoise",
        "seconds of all cores",
        "MiB, a hundredth of the rows",
        "MiB",
    ]
    return f"""## A census of {rows:,} rows of {FORMATS[kind]}

`count_files` beside the same count in SQL (duckdb) and in a lazy query on the streaming engine (polars), on one
core and on two. {TASKS * LABELS:,} strata, the n-th with 1/n of the rows of the first; an input text of {TEXT} random
letters beside each label. {REPEATS} runs each, in turn (A B C A B C ...), each in a new process; the file is in the
page cache. Median (least to most). Arms of one thread are pinned to the same core. Time starts after the imports;
equipoise with two processes starts them within it. MiB: by how much resident memory grew at most; processes that were
started count in full, each as the larger. The load average of the machine was {load:.1f}: what is above 2 is other
programs, which slow down the seconds but hardly those of all cores.

{table(head, lines)}

What differs: duckdb and polars count in threads, equipoise in processes; and it checks on the way that no task and no
label is empty."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--quick", action="store_true", help="small files, to see that all runs; records nothing")
    parser.add_argument("--folder", type=Path, help="where 12 GB fit; by default that of temporary files")
    options = parser.parse_args()
    for kind in options.only:
        rows = ROWS[kind] // 100 if options.quick else ROWS[kind]
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            lines = compare(kind, Path(folder), rows)
        text = section(kind, rows, lines, os.getloadavg()[-1])
        print(text, flush=True)
        if not options.quick:
            packages = ["equipoise", "duckdb", "polars", "pyarrow", "numpy"]
            record(f"census: {kind}", f"python benchmarks/census.py --only {kind}", packages, text)


if __name__ == "__main__":
    main()

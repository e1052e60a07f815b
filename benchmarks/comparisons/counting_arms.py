"""Count the strata of one file with one package, in a process of its own: `python -m comparisons.counting_arms`.

Prints seconds, seconds of all CPU cores, the greatest growth of resident memory in bytes, rows and strata.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable

from .memory import PeakMemory

Counted = tuple[int, int]


def equipoise(path: str, processes: int) -> Callable[[], Counted]:
    from equipoise.data import count_files

    def count() -> Counted:
        census = count_files(path, processes=processes)
        return census.total, len(census.strata)

    return count


def duckdb(path: str, processes: int) -> Callable[[], Counted]:
    import duckdb as package

    connection = package.connect()
    connection.execute(f"SET threads = {processes}")
    if path.endswith(".parquet"):
        source = "read_parquet(?)"
    else:
        source = "read_json(?, format = 'newline_delimited', columns = {task: 'VARCHAR', target: 'VARCHAR'})"

    def count() -> Counted:
        query = f"SELECT task, target, count(*) FROM {source} GROUP BY ALL"
        counts = connection.execute(query, [path]).fetchall()
        return sum(row[-1] for row in counts), len(counts)

    return count


def polars(path: str, processes: int) -> Callable[[], Counted]:
    os.environ["POLARS_MAX_THREADS"] = str(processes)
    import polars as package

    def count() -> Counted:
        rows = package.scan_parquet(path) if path.endswith(".parquet") else package.scan_ndjson(path)
        counts = rows.group_by("task", "target").len().collect(engine="streaming")
        return counts["len"].sum(), len(counts)

    return count


ARMS = {"equipoise": equipoise, "duckdb": duckdb, "polars": polars}


def _cpu_seconds() -> float:
    return sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime for who in _WHO)


_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(name: str, path: str, processes: int) -> None:
    count = ARMS[name](path, processes)
    with PeakMemory() as memory:
        cpu, start = _cpu_seconds(), time.perf_counter()
        rows, strata = count()
        seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    # A process that was started is new memory from its first byte on; of several the largest is known.
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    grown = memory.bytes + largest * processes
    print(json.dumps({"seconds": seconds, "cpu": cpu, "bytes": grown, "rows": rows, "strata": strata}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

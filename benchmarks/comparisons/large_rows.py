"""Generated rows of any number, and how much a command needs: CPU seconds, anonymous memory, when it first speaks."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TASKS = 20
PIECE = 100_000
WORDS = 30_000
TEXTS = 3000
DUPLICATES = 0.02


def write_rows(path: Path, rows: int, words: int, *, texts: bool = True, seed: int = 0) -> Path:
    """Write rows of 20 tasks of Zipf sizes with 2 to 20 labels, 2 % of them duplicates, three to a patient.

    A text has 20 to `words` words; without `texts` there are only labels.
    """
    rng = np.random.default_rng(seed)
    vocabulary = np.array([f"w{number:x}" for number in range(WORDS)])
    least = min(20, words // 2)
    pool = [" ".join(rng.choice(vocabulary, rng.integers(least, words + 1))) for _ in range(TEXTS)]
    sizes = 1 / np.arange(1, TASKS + 1) ** 1.2
    names = pa.array([f"task{number:02d}" for number in range(TASKS)])
    labels = pa.array([f"label {number}" for number in range(TASKS)])
    writer, lines = None, path.open("w", encoding="utf-8") if path.suffix == ".jsonl" else None
    for start in range(0, rows, PIECE):
        count = min(PIECE, rows - start)
        task = rng.choice(TASKS, count, p=sizes / sizes.sum())
        label = (rng.random(count) ** 3 * (2 + task % (TASKS - 1))).astype(int)
        columns = {"task": names.take(pa.array(task)), "target": labels.take(pa.array(label))}
        if texts:
            case = np.where(
                rng.random(count) < DUPLICATES, rng.integers(0, start + 1, count), np.arange(start, start + count)
            )
            chosen = zip(rng.integers(0, TEXTS, count).tolist(), case.tolist(), strict=True)
            columns["input"] = pa.array([f"{pool[text]} case {number}" for text, number in chosen])
            columns["group"] = pa.array([f"p{number}" for number in rng.integers(0, rows // 3 + 1, count).tolist()])
        table = pa.table(columns)
        if lines is None:
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        else:
            lines.writelines(f"{_line(row)}\n" for row in table.to_pylist())
    if writer is not None:
        writer.close()
    if lines is not None:
        lines.close()
    return path


def _line(row: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": "{value}"' for name, value in row.items()) + "}"


@dataclass(frozen=True)
class Needed:
    """What a command needed: CPU seconds of all its processes, peak anonymous memory in MB, seconds to first speak."""

    cpu: float
    memory: float
    first_output: float | None
    code: int


def needed(command: Sequence[str], *, until: Callable[[], bool] | None = None, cwd: Path | None = None) -> Needed:
    """Run a command to its end, or until something is true, and measure it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=cwd, start_new_session=True
        )
        first: list[float] = []
        cpu = memory = 0.0
        ended = threading.Event()
        while not ended.is_set():
            cpu, memory = max(cpu, _cpu(process.pid)), max(memory, _anonymous(process.pid))
            if not first and os.fstat(output.fileno()).st_size:
                first.append(time.monotonic() - began)
            if process.poll() is not None:
                break
            if until is not None and until():
                cpu = max(cpu, _cpu(process.pid))
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return Needed(cpu, memory, first[0] if first else None, 0)
            time.sleep(0.02)
        output.seek(0)
        if process.returncode:
            print(output.read().decode()[-2000:])
        return Needed(cpu, memory, first[0] if first else None, process.returncode)


def _anonymous(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    except (OSError, ProcessLookupError):
        pass
    return 0.0


def _cpu(pid: int) -> float:
    """CPU seconds of a process and of its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (OSError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

"""Millions of rows through the main job: CPU seconds and memory, beside `datasets.map` and Seq2SeqTrainer."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from comparisons.large_rows import Needed, needed, write_rows
from comparisons.summary import table
from results import record

DRAWS, LIMIT, LONG, SHORT = 1600, 64, 180, 12  # draws of a training, tokens of an input, words of long and short texts
PARTS = ("labels", "counting", "training", "large")
MILLION = 1_000_000
EQUIPOISE = [sys.executable, "-m", "equipoise"]


def train(file: Path, folder: Path, cache: Path) -> Needed:
    """Train to the first step: the first line of metrics."""
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    settings = [f"training.max_input={LIMIT}", "training.max_target=16", "training.log_every=1"]
    command = [*EQUIPOISE, "train", str(file), "--draws", str(DRAWS), "--out", str(out), "--cache-dir", str(cache)]
    command += [each for setting in settings for each in ("--set", setting)]
    metrics = out / "checkpoints" / "metrics.jsonl"
    return needed(command, until=lambda: metrics.exists() and metrics.stat().st_size > 0)


def peer(file: Path, folder: Path) -> Needed:
    """`load_dataset`, `map` and Seq2SeqTrainer on the same file, to the first step; it keeps a cache too."""
    mark = folder / "peer-step"
    mark.unlink(missing_ok=True)
    arm = [sys.executable, "-m", "comparisons.large_peer", str(file), str(folder), str(mark), str(LIMIT)]
    return needed(arm, until=mark.exists, cwd=Path(__file__).parent)


def line(what: str, rows: int, found: Needed, bar: str) -> list[str]:
    spoke = "" if found.first_output is None else f"{found.first_output:.1f}"
    return [
        what,
        f"{rows:,}",
        f"{found.cpu:.1f}",
        f"{found.memory:,.0f}",
        spoke,
        bar,
        "" if not found.code else "failed",
    ]


def labels(folder: Path, part: float) -> list[list[str]]:
    rows = int(50 * MILLION * part)
    file = write_rows(folder / "labels.parquet", rows, LONG, texts=False)
    found = needed([*EQUIPOISE, "plan", str(file), "--labels-only"])
    file.unlink()
    return [line("`plan --labels-only`, Parquet", rows, found, "60 s, 1 GB")]


def counting(folder: Path, part: float) -> list[list[str]]:
    lines: list[list[str]] = []
    for whole, kinds, bar in (
        (MILLION, ("parquet", "jsonl"), "17.7 s, 1 GB"),
        (10 * MILLION, ("parquet",), "177 s, 2 GB"),
    ):
        rows = int(whole * part)
        for kind in kinds:
            file = write_rows(folder / f"rows.{kind}", rows, LONG)
            for command in ("inspect", "plan"):
                for which in ("first", "again"):
                    found = needed([*EQUIPOISE, command, str(file), "--cache-dir", str(folder / "cache" / command)])
                    lines.append(line(f"`{command}`, {kind}, {which}", rows, found, bar if which == "first" else ""))
            file.unlink()
            shutil.rmtree(folder / "cache")
    return lines


def training(folder: Path, part: float) -> list[list[str]]:
    rows = int(MILLION * part)
    file = write_rows(folder / "rows.parquet", rows, LONG)
    lines: list[list[str]] = []
    for which, bar in (("first", "40 s, 1.5 GB"), ("again", "10 s")):
        lines.append(line(f"`train` to its first step, {which}", rows, train(file, folder, folder / "cache"), bar))
        lines.append(line(f"peer to its first step, {which}", rows, peer(file, folder), ""))
    shutil.rmtree(folder / "cache")
    shutil.rmtree(folder / "peer-cache", ignore_errors=True)
    return lines


def large(folder: Path, part: float) -> list[list[str]]:
    lines: list[list[str]] = []
    for whole in (10 * MILLION, 50 * MILLION):
        rows = int(whole * part)
        file = write_rows(folder / "rows.parquet", rows, SHORT)
        for which in ("first", "again"):
            found = train(file, folder, folder / "cache")
            lines.append(line(f"`train` to its first step, short texts, {which}", rows, found, "3 GB"))
        shutil.rmtree(folder / "cache")
    return lines


def section(lines: Sequence[Sequence[str]]) -> str:
    head = ["work", "rows", "CPU s", "anonymous MB at peak", "s to the first output", "bar", ""]
    return f"""## Millions of rows

Generated rows: 20 tasks of Zipf sizes, 2 to 20 labels, 20 to {LONG} words (short texts: 6 to {SHORT}), 2 % duplicate
inputs, three rows to a patient. CPU seconds of the process; memory is what is anonymous at its peak: pages of files
that are mapped can be dropped at any time and are left out. One run each. Training: the tiny model, {DRAWS:,} draws in
steps of 32, inputs cut to {LIMIT} tokens, up to the first step. "Again": the cache directory has the rows. The peer is
`datasets.load_dataset`, `map` of the tokenizer, and Seq2SeqTrainer, on 70 % of the rows; it checks and splits nothing.
Seconds to the first output are wall time: the load average was {os.getloadavg()[-1]:.1f} on {os.cpu_count()} cores.

{table(head, lines)}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--part", type=float, default=1.0, help="a part of the rows, to see that all runs; records nothing"
    )
    parser.add_argument("--folder", type=Path, help="where 30 GB fit; by default that of temporary files")
    options = parser.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            lines = globals()[name](Path(folder), options.part)
        text = section(lines)
        print(text, flush=True)
        if options.part == 1:
            packages = ["equipoise", "datasets", "transformers", "torch", "pyarrow", "xxhash"]
            record(f"large data: {name}", f"python benchmarks/scale.py --only {name}", packages, text)


if __name__ == "__main__":
    main()

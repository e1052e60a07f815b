"""CPU seconds and memory up to the first step of a training."""

import tempfile
from pathlib import Path

from .drawn_rows import BATCH, BEFORE, DRAWN, in_a_process, write_rows
from .summary import Section, Spread, table

REPEATS = 3


def section(*, quick: bool) -> Section:
    rows, draws, repeats = (2_000, 64, 1) if quick else (100_000, 1_600, REPEATS)
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.parquet"
        write_rows(source, rows)
        found: dict[str, list[dict[str, float]]] = {}
        for turn in range(repeats):
            cache = Path(folder) / f"cache {turn}"
            for name, how, kept in (
                (BEFORE, BEFORE, None),
                (DRAWN, DRAWN, cache),
                (f"{DRAWN}, of which a run has left its tokens", DRAWN, cache),
            ):
                found.setdefault(name, []).append(in_a_process(source, draws, 64, 0, how, kept))
    for name, runs in found.items():
        spreads = (Spread.of(run[key] for run in runs) for key in ("cpu", "peak", "peak in all"))
        seconds, peak, in_all = spreads
        lines.append([name, f"{seconds:.1f}", f"{peak:,.0f}", f"{in_all:,.0f}"])
    head = ("rows are tokenised", "CPU seconds to the first step", "peak MB to it", "peak MB in all")
    text = f"""## The start of a training of {rows:,} rows

Reading, checking, planning and tokenising of generated Parquet rows of 20 to 200 words, {draws:,} draws
({draws // BATCH} steps of {BATCH}), at most 64 input tokens; imports are not counted. {repeats} runs each, in turn;
median (least to most).

{table(head, lines)}"""
    return Section(text, ["equipoise", "tokenizers", "transformers"])

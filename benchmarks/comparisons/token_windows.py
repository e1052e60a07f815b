"""Training while the next windows are tokenised, beside rows that were all tokenised before."""

import tempfile
from pathlib import Path

from .drawn_rows import BATCH, BEFORE, DRAWN, in_a_process, write_rows
from .summary import Section, Spread, ratios, table

REPEATS = 5
BAR = 0.97


def section(*, quick: bool) -> Section:
    rows, draws, repeats = (2_000, 128, 1) if quick else (20_000, 6_400, REPEATS)
    window = 1 if quick else 16
    found: dict[str, list[float]] = {BEFORE: [], DRAWN: []}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.parquet"
        write_rows(source, rows)
        for _ in range(repeats):
            for how, rates in found.items():
                rates.append(draws / in_a_process(source, draws, window, 2, how, None)["steps"])
    lines = [
        [how, f"{Spread.of(rates):,.0f}", f"{ratios(rates, found[BEFORE]):.3f}" if how == DRAWN else ""]
        for how, rates in found.items()
    ]
    text = f"""## Training while rows are tokenised

Examples a second (all of 64 tokens but few) of the built-in tiny T5 from the first step to the last,
{draws // BATCH} steps of {BATCH}, one thread of torch, two workers, windows of {window} batches. {repeats} runs
each, in turn; median (least to most). The bar is {BAR} of the speed of rows that were all tokenised before.

{table(("rows are tokenised", "examples a second", "ratio, run by run"), lines)}"""
    return Section(text, ["equipoise", "tokenizers", "torch", "transformers"])

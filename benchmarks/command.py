"""The command of a benchmark: which of its comparisons to make, and whether to record them."""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from results import record


def run(name: str, description: str, comparisons: Mapping[str, Any]) -> None:
    """Make the comparisons that the command line names; each is a module whose `section` gives its text."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", nargs="+", choices=comparisons, default=list(comparisons))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs; records nothing")
    options = parser.parse_args()
    for only in options.only:
        start = time.perf_counter()
        section = comparisons[only].section(quick=options.quick)
        print(f"{section.text}\n\n({only}: {time.perf_counter() - start:.0f} s)\n", flush=True)
        if not options.quick:
            record(f"{name}: {only}", f"python benchmarks/{name}.py --only {only}", section.packages, section.text)

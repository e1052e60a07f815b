"""Batches by length beside plain shuffling: padding, and training tokens a second. Each writes its section."""

import argparse
import time

from comparisons import padding, token_rate
from results import record

COMPARISONS = {"waste": padding, "speed": token_rate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=list(COMPARISONS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs; records nothing")
    options = parser.parse_args()
    for name in options.only:
        start = time.perf_counter()
        section = COMPARISONS[name].section(quick=options.quick)
        print(f"{section.text}\n\n({name}: {time.perf_counter() - start:.0f} s)\n", flush=True)
        if not options.quick:
            record(f"padding: {name}", f"python benchmarks/padding.py --only {name}", section.packages, section.text)


if __name__ == "__main__":
    main()

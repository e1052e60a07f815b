"""Drawing beside other packages: speed, memory, scale, resuming, exactness. Each comparison writes its section."""

import argparse
import time

from comparisons import epoch, first_index, prefix_error, resume, scale, sources, throughput
from results import record

COMPARISONS = {
    "first-index": first_index,
    "epoch": epoch,
    "throughput": throughput,
    "scale": scale,
    "sources": sources,
    "resume": resume,
    "prefix-error": prefix_error,
}


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
            record(f"drawing: {name}", f"python benchmarks/drawing.py --only {name}", section.packages, section.text)


if __name__ == "__main__":
    main()

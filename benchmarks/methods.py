"""Which method helps? Samplers, losses and corrections, trained on the same number of draws and judged on test rows."""

import argparse
from pathlib import Path

from comparisons.method_runs import Job, scores_of_all
from comparisons.method_table import READING, section
from comparisons.methods import SOURCES, TITLES
from results import record

PACKAGES = ["torch", "transformers", "scikit-learn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--work", type=Path, default=Path("methods-runs"), help="keeps runs; go on by the same")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    jobs = [
        Job(source, method, seed) for seed in range(options.seeds) for source in options.sources for method in TITLES
    ]
    found = scores_of_all(jobs, options.work, options.processes)
    for source in options.sources:
        text = section(source, {job: scores for job, scores in found.items() if job.source == source}, options.seeds)
        print(text)
        record(f"methods: {source}", "python benchmarks/methods.py", PACKAGES, text)
    record("methods: reading", "python benchmarks/methods.py", PACKAGES, READING)


if __name__ == "__main__":
    main()

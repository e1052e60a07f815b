"""Do shares that change while training help? Schedules and feedback rules against plans, on the same draws."""

import argparse
from pathlib import Path

from comparisons.method_runs import Job, scores_of_all
from comparisons.method_table import section
from comparisons.methods import SCHEDULE_TITLES, SOURCES
from results import record

PACKAGES = ["torch", "transformers", "scikit-learn"]
COMMAND = "python benchmarks/schedules.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=40_960)
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--work", type=Path, default=Path("methods-runs"), help="keeps runs; go on by the same")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    jobs = [
        Job(source, method, seed, options.draws)
        for seed in range(options.seeds)
        for source in options.sources
        for method in SCHEDULE_TITLES
    ]
    found = scores_of_all(jobs, options.work, options.processes)
    for source in options.sources:
        text = section(
            source,
            {job: scores for job, scores in found.items() if job.source == source},
            options.seeds,
            what="Schedules and feedback",
            titles=SCHEDULE_TITLES,
            draws=options.draws,
            corrections=("plain", "tau"),
        )
        print(text)
        record(f"schedules: {source}", COMMAND, PACKAGES, text)


if __name__ == "__main__":
    main()

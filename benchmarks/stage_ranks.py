"""Do short trainings rank candidates as full ones do, with all rows and with a part of them? Rank correlations.

It takes about an hour of one core for a seed of a data set. Scores of trainings are kept in `answers/`, so that none
is trained again.
"""

import argparse
from pathlib import Path

from comparisons.methods import SOURCES
from comparisons.stage_runs import compared, jobs_of, scores_of_all
from comparisons.stage_table import section
from equipoise.compare.demo_size import DRAWS
from results import record

PACKAGES = ["torch", "transformers", "scipy"]
KEPT = Path(__file__).with_name("answers") / "stage_scores.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=DRAWS, help="of a full training")
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=["multi-diagnosis", "icd10cm"])
    parser.add_argument("--work", type=Path, default=Path("stage-ranks-runs"), help="where trainings run")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    work = options.work / str(options.draws)
    for source in options.sources:
        known = compared(source, options.draws, work)
        jobs = jobs_of(source, options.draws, options.seeds, work)
        kept = KEPT if options.draws == DRAWS else work / "scores.json"
        found = scores_of_all(jobs, options.draws, work, options.processes, kept)
        text = section(source, found, list(known.trainings), known.stages, options.seeds)
        print(text)
        if options.draws == DRAWS:
            record(f"stages: {source}", "python benchmarks/stage_ranks.py", PACKAGES, text)


if __name__ == "__main__":
    main()

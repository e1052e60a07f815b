"""The study: does the plan help with more draws, with a pretrained model, with adapters, and on other data.

It takes days on two cores and may be cut into pieces: no training begins after `--minutes`, and the tables hold what
is there. What each training answered for the test rows is kept in `answers/`, so that it is not trained again, and the
tables can be made from a checkout (`--minutes 0`). `study.json` holds what docs/pictures/evidence.py draws.
"""

import argparse
import json
import multiprocessing
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from comparisons.method_runs import Job, run_of
from comparisons.study import PARTS, queue
from comparisons.study_answers import is_kept, keep
from comparisons.study_table import numbers, section
from equipoise.base.plain_json import write_json
from equipoise.errors import DataWarning
from results import record

PACKAGES = ["torch", "transformers", "scikit-learn", "scipy"]
NUMBERS = Path(__file__).with_name("study.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--work", type=Path, default=Path("study-runs"), help="keeps what is begun, and linear models")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no training after that many")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    jobs = [job for job in queue(options.parts) if not is_kept(job)]
    print(f"{len(jobs)} trainings to do", flush=True)
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for job, began in pool.map(_run, jobs, [options.work] * len(jobs), [end] * len(jobs)):
            print(job.name if began else f"{job.name}: not begun", flush=True)
    warnings.simplefilter("ignore", DataWarning)  # of one test row of ICD-10-CM whose label has no training row
    numbers_of = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    for name in options.parts:
        text = section(PARTS[name], options.work)
        print(text)
        record(f"study: {name}", "python benchmarks/study.py", PACKAGES, text)
        numbers_of[name] = numbers(PARTS[name], options.work)
    write_json(NUMBERS, {name: numbers_of[name] for name in PARTS if name in numbers_of})


def _run(job: Job, work: Path, end: float) -> tuple[Job, bool]:
    """Train and predict, unless it is too late."""
    began = time.monotonic() < end  # one clock for all processes of a machine
    if began:
        keep(job, run_of(job, work))
    return job, began


if __name__ == "__main__":
    main()

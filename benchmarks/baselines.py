"""What linear models reach on all training rows, judged on the same test rows as the methods."""

import argparse
import warnings
from pathlib import Path

from comparisons.baseline_table import predictions_of, section
from comparisons.linear import BASELINES
from comparisons.methods import SOURCES
from equipoise.errors import DataWarning
from results import record

PACKAGES = ["torch", "transformers", "scikit-learn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--work", type=Path, default=Path("baseline-runs"), help="keeps predictions; go on by the same")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)  # of one test row of ICD-10-CM whose label has no training row
    for source in options.sources:
        found = {name: predictions_of(source, name, options.work) for name in BASELINES}
        text = section(source, found)
        print(text, flush=True)
        record(f"baselines: {source}", "python benchmarks/baselines.py", PACKAGES, text)


if __name__ == "__main__":
    main()

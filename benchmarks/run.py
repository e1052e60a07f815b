"""Run every benchmark; each writes its section of RESULTS.md."""

import subprocess
import sys
from pathlib import Path

NAMES = (
    "first_contact.py", "drawing.py", "block_ends.py", "padding.py",
    "scoring.py", "methods.py", "baselines.py", "schedules.py",
    "stage_ranks.py", "compare.py", "compare_cost.py", "report_size.py", "predictions.py", "decoder_only.py",
    "sealing.py", "ranks.py", "soak.py", "census.py", "scale.py", "fuzz.py", "interval_coverage.py",
)  # fmt: skip

for name in NAMES:
    subprocess.run([sys.executable, str(Path(__file__).with_name(name))], check=True)
